"""The formats by name."""

from collections.abc import Mapping

from pipelines.export.bokehdepth import BokehDepth
from pipelines.export.config import FormatName
from pipelines.export.exporter import Exporter
from pipelines.export.fossa import FocusStacks
from pipelines.export.frames import Frames
from pipelines.export.pairs_folder import PairsFolder
from pipelines.export.parquet import Parquet

EXPORTERS: Mapping[FormatName, type[Exporter]] = {
    "pairs": PairsFolder,
    "parquet": Parquet,
    "fossa": FocusStacks,
    "bokehdepth": BokehDepth,
    "frames": Frames,
}
