"""manifest.parquet: one row a sample, by shard and key; written and read piece by piece."""

import typing
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedIOBase
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .foreign_parquet import ForeignParquet
from .marker import Marker, SampleRow

MANIFEST_FILE = "manifest.parquet"
ROWS_IN_GROUP = 8192
"""Rows that are in memory at once, at least; a group ends with the shard that fills it."""

_ARROW_KINDS = {str: pa.string(), int: pa.int64(), float: pa.float64()}
_KINDS = {n: kind for n, kind in typing.get_type_hints(SampleRow).items() if n not in ("sizes", "crc32")}
COLUMNS: Mapping[str, Any] = {"shard": str, "split": str} | _KINDS
"""Name and type of each column."""


class ManifestWriter:
    """Writes the rows of one marker after the other; a context manager. The bytes also depend on pyarrow's version."""

    def __init__(self, file: IO[bytes]) -> None:
        schema = pa.schema([(name, _arrow_kind(kind)) for name, kind in COLUMNS.items()])
        self._writer = pq.ParquetWriter(file, schema, compression="zstd")
        self._schema = schema
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> "ManifestWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, marker: Marker) -> None:
        """Write the samples of a shard."""
        self._rows += manifest_rows(marker)
        if len(self._rows) >= ROWS_IN_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


def write_manifest(file: IO[bytes], markers: Iterable[Marker]) -> None:
    """The manifest of these shards, as bytes into a file."""
    with ManifestWriter(file) as manifest:
        for marker in markers:
            manifest.add(marker)


def manifest_rows(marker: Marker) -> list[dict[str, Any]]:
    """The rows of one shard."""
    where = {"shard": marker.name, "split": marker.split}
    return [where | {name: _plain(getattr(row, name)) for name in _KINDS} for row in marker.rows]


class ManifestRows:
    """The rows of a manifest, read in pieces. Raises ValueError on anything else, when built and on the way."""

    def __init__(self, file: BufferedIOBase) -> None:
        with _reading():
            self._file = ForeignParquet(file)
        self.count = self._file.count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows = self._file.rows()
        while True:
            with _reading():
                row = next(rows, None)
            if row is None:
                return
            yield row


class _reading:
    """pyarrow raises a dozen kinds of its own on damaged bytes, OSError among them."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise ValueError(f"{MANIFEST_FILE} must be a Parquet file, got damaged bytes: {error}") from error


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _arrow_kind(kind: Any) -> Any:
    if typing.get_origin(kind) is tuple:
        return pa.list_(_ARROW_KINDS[typing.get_args(kind)[0]])
    return _ARROW_KINDS[kind]
