"""The parts of the examination: a function each, called with the device, and how long it may take."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.bench.config import BenchConfig
from pipelines.bench.config import Part as BenchPart
from pipelines.bench.run import run as bench
from pipelines.gpu.config import PartName
from pipelines.gpu.measured import Measured


@dataclass(frozen=True)
class Part:
    """function: `module:name`, called in a process of its own."""

    function: str
    limit_s: float


PARTS: Mapping[PartName, Part] = {
    "kernels": Part("pipelines.gpu.kernels:measure", 40.0),
    "correctness": Part("pipelines.gpu.correctness:measure", 65.0),
    "renderer": Part("pipelines.gpu.parts:renderer", 90.0),
    "depth": Part("pipelines.gpu.depth:measure", 50.0),
    "pipeline": Part("pipelines.gpu.parts:pipeline", 100.0),
    "training": Part("pipelines.gpu.training:measure", 125.0),
}
"""In the order in which they run; the limits are those of a GPU, 470 s in all."""
MINIATURE_LIMIT_S = 300.0
"""Of a part on CPUs, which may be few and busy."""


def renderer(device: str) -> Measured:
    """`bench` of the renderer and its opponents at 512² and 1024²; in miniature at 48²."""
    sizes, radii, repeats = ((512, 1024), (8, 16, 32, 64), 3) if device == "cuda" else ((48,), (2, 4), 1)
    return _bench(device, ("renderer",), sizes, radii, repeats)


def pipeline(device: str) -> Measured:
    """`bench` of the pipeline, photos to shards; in miniature with its quick set."""
    return _bench(device, ("feeding", "pipeline", "reader"), (), (), 3 if device == "cuda" else 1)


def _bench(
    device: str, parts: tuple[BenchPart, ...], sizes: tuple[int, ...], radii: tuple[int, ...], repeats: int
) -> Measured:
    is_miniature = device == "cpu"
    config = BenchConfig(
        device="cpu" if is_miniature else "cuda",
        quick=is_miniature,
        threads=1 if is_miniature else 2,
        repeats=repeats,
        sizes=sizes,
        radii=radii,
        parts=parts,
    )
    return Measured.from_records(
        {title: rows for title, rows in bench(config).sections().items() if title != "Not run"}
    )
