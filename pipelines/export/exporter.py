"""What a format is: how it writes one shard, and what it writes at the end. The registry names the formats."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.export.captions import Captions
from pipelines.export.config import ExportConfig
from pipelines.export.pair import Pair
from pipelines.export.sentence import sentence
from pipelines.export.source import SourceSample

Row = dict[str, Any]
"""Plain data, kept as JSON until the end of the export: a line of the list that the format ends with."""


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """A line a row."""
    return ((json.dumps(row, ensure_ascii=False) + "\n").encode() for row in rows)


class ShardFiles:
    """Files of one shard on their way into the folder. They may be overwritten until the shard is recorded.

    Attributes:
        sizes: path in the folder -> bytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sizes: dict[str, int] = {}

    def write(self, path: str, data: bytes) -> None:
        """Write one file, below the folder."""
        self.place(path).write_bytes(data)
        self.sizes[path] = len(data)

    def place(self, path: str) -> Path:
        """Where to write a file piece by piece; `written` records it."""
        place = self._folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def written(self, path: str) -> None:
        """Record a file that was written piece by piece."""
        self.sizes[path] = (self._folder / path).stat().st_size


class Exporter(ABC):
    """One format.

    Args:
        config: what was asked for.
        captions: of the photos.
    """

    def __init__(self, config: ExportConfig, captions: Captions) -> None:
        self.config, self.captions = config, captions

    @abstractmethod
    def write_shard(self, name: str, samples: Iterator[SourceSample], files: ShardFiles) -> list[Row]:
        """Write the files of one shard and return its rows: the same bytes for the same samples.

        Raises UserError for samples that the format cannot hold; one of `shards.access.DAMAGE`; StoreError.
        """

    @abstractmethod
    def finish(self, rows: Iterable[Row]) -> dict[str, Iterable[bytes]]:
        """The files that are about all samples, by path, piece by piece; `rows` are those of all shards, in order."""

    def sentence(self, sample: SourceSample, pair: Pair) -> str:
        """The sentence of a pair, and behind it that of its photo."""
        own = self.captions.of_photo(sample.record.photo)
        return " ".join(filter(None, (sentence(sample.record, pair, self.config.seed), own)))
