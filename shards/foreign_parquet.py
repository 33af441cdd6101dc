"""Parquet files that others made: read piece by piece, in memory that their rows bound and not what they unpack to.

A few kilobytes of Parquet can name one text of megabytes in each of a million rows, or hold a page of zeros that
unpacks to gigabytes. So counts and sizes in the footer are compared with the rows, and texts stay references to a
dictionary until their lengths are known.
"""

from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .parquet_footer import column_chunks

MAX_VALUES_PER_ROW = 256  # of one column: lists are short
MAX_COLUMN_BYTES = 256 << 20  # of one column in one group of rows, unpacked
MAX_TEXT_BYTES = 1 << 16
_BATCH_ROWS = 1024


class ForeignParquet:
    """The rows of a Parquet file, in pieces.

    Args:
        file: open for reading bytes at random.

    Raises ValueError, or whatever pyarrow raises on damaged bytes, when built and on the way.
    """

    def __init__(self, file: BufferedIOBase) -> None:
        _check_sizes(file)
        # `pre_buffer` reads in Arrow's threads: such a thread with a Python file aborts an interpreter that ends.
        metadata = pq.ParquetFile(file, pre_buffer=False).metadata
        schema = metadata.schema.to_arrow_schema()
        texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
        self.count: int = metadata.num_rows
        self.names: list[str] = schema.names
        self._file = pq.ParquetFile(file, metadata=metadata, pre_buffer=False, read_dictionary=texts)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Each row by the names of these columns, or of all."""
        names = None if columns is None else list(columns)
        for batch in self._file.iter_batches(batch_size=_BATCH_ROWS, columns=names, use_threads=False):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                _check_texts(name, column)
            yield from batch.to_pylist()


def _check_sizes(file: BufferedIOBase) -> None:
    for chunk in column_chunks(file):
        most = MAX_VALUES_PER_ROW * chunk.rows
        if chunk.values > most:
            raise ValueError(f"column {chunk.path} must have at most {most} values, has {chunk.values}")
        if chunk.unpacked_bytes > MAX_COLUMN_BYTES:
            size = f"{chunk.unpacked_bytes >> 20} MiB"
            raise ValueError(f"column {chunk.path} must unpack to at most 256 MiB a row group, has {size}")


def _check_texts(name: str, column: Any) -> None:
    if not pa.types.is_dictionary(column.type):
        return
    longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
    if longest > MAX_TEXT_BYTES:
        raise ValueError(f"column {name} must hold texts of at most {MAX_TEXT_BYTES} bytes, has one of {longest}")
