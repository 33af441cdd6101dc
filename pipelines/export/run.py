"""The verb `export`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.data_set import existing_data_set
from pipelines.export.captions import Captions
from pipelines.export.config import ExportConfig
from pipelines.export.exporter import Exporter, ShardFiles
from pipelines.export.folder import ExportFolder, FinishedShard
from pipelines.export.registry import EXPORTERS
from pipelines.export.source import SourceSample, damaged, identity, read_samples, source_shards
from pipelines.runs.disk import counted
from pipelines.runs.interruption import interruptible
from pipelines.runs.lock import run_lock
from pipelines.runs.progress_bar import ProgressBar
from pipelines.runs.verb_result import VerbResult
from shards.access import DAMAGE, ShardFile
from shards.durable import open_durably

EXPORT_VERSION = 1
"""Of the files: another one makes other bytes."""
_NO_SETTINGS = ("out", "to", "captions", "force", "json")


@dataclass(frozen=True)
class ExportResult(VerbResult):
    """What an export wrote.

    Attributes:
        samples: of the data set, in it.
        files, megabytes: of samples; lists and configurations besides.
        captioned: samples whose photo has a sentence of its own.
    """

    to: str
    format: str
    samples: int
    files: int
    megabytes: float
    captioned: int

    def summary(self) -> str:
        own = f", {self.captioned} with a sentence of their own" if self.captioned else ""
        samples, files = counted(self.samples, "sample"), counted(self.files, "file")
        return f"{self.to}: {self.format}, {samples}{own}; {files}, {self.megabytes:.1f} MB"


def export(config: ExportConfig) -> ExportResult:
    """Write an export, or what is missing of it.

    Raises UserError: no data set, no such samples, a folder of other files or settings, a damaged sample, a sample that
    the format cannot hold.
    """
    shards = source_shards(existing_data_set(config.out), config.split)
    captions = Captions(config.captions)
    folder = ExportFolder(config.to, _settings(config, shards, captions))
    exporter = EXPORTERS[config.format](config, captions)
    names = [shard.path.stem for shard in shards]
    with interruptible(), run_lock(folder.meta, force=config.force):
        for shard in ProgressBar("export", "shards", len(shards)).count(shards):
            if not folder.is_finished(shard.path.stem):
                _export_shard(shard, exporter, folder)
        for path, pieces in exporter.finish(row for name in names for row in folder.finished(name).rows).items():
            (folder.path / path).parent.mkdir(exist_ok=True)
            with open_durably(folder.path / path) as file:
                file.writelines(pieces)
    finished = [folder.finished(name) for name in names]
    return ExportResult(
        str(config.to),
        config.format,
        samples=sum(shard.samples for shard in shards),
        files=sum(len(shard.sizes) for shard in finished),
        megabytes=sum(sum(shard.sizes.values()) for shard in finished) / 1e6,
        captioned=sum(shard.captioned for shard in finished),
    )


def _export_shard(shard: ShardFile, exporter: Exporter, folder: ExportFolder) -> None:
    files, captioned = ShardFiles(folder.path), 0

    def counted() -> Iterator[SourceSample]:
        nonlocal captioned
        for sample in read_samples(shard):
            captioned += bool(exporter.captions.of_photo(sample.record.photo))
            yield sample

    try:
        rows = exporter.write_shard(shard.path.stem, counted(), files)
    except DAMAGE as error:  # a picture: labels are checked before
        raise damaged(shard, getattr(error, "key", "") or "*", error) from error
    folder.record(shard.path.stem, FinishedShard(files.sizes, rows, captioned))


def _settings(config: ExportConfig, shards: list[ShardFile], captions: Captions) -> Mapping[str, Any]:
    """What decides the bytes."""
    flags = {name: value for name, value in dataclasses.asdict(config).items() if name not in _NO_SETTINGS}
    made_of = {"samples": identity(shards), "captions": captions.sha256(), "version": EXPORT_VERSION}
    return flags | made_of | {"focus_distances_m": list(config.focus_distances_m)}
