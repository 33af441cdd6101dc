"""What the footer says, without pyarrow; and damaged ones."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shards.parquet_footer import column_chunks


def content() -> bytes:
    sink = io.BytesIO()
    columns = {
        "path": pa.array([f"photo {i}" for i in range(1000)]),
        "n": pa.array(range(1000)),
        "points": pa.array([[0.5] * (i % 4) for i in range(1000)]),
        "known": pa.array([i % 3 == 0 for i in range(1000)]),
    }
    pq.write_table(pa.table(columns), sink, row_group_size=300)
    return sink.getvalue()


def test_numbers_are_those_of_pyarrow() -> None:
    metadata = pq.ParquetFile(io.BytesIO(content())).metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [(group, group.column(i)) for group in groups for i in range(group.num_columns)]
    expected = [(c.path_in_schema, g.num_rows, c.num_values, c.total_uncompressed_size) for g, c in columns]
    assert [tuple(chunk) for chunk in column_chunks(io.BytesIO(content()))] == expected
    assert len(expected) == 16


def test_damaged_footers_are_value_errors() -> None:
    whole, random = content(), np.random.default_rng(0)
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    raised = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(len(whole) - footer, len(whole), random.integers(1, 6)):
            damaged[place] = random.integers(256)
        try:
            list(column_chunks(io.BytesIO(bytes(damaged))))
        except ValueError:
            raised += 1
    assert raised > 50


@pytest.mark.parametrize("damaged", [b"", b"PAR1", b"PAR1" + bytes(20), content()[:-9], b"\xff" * 100 + b"PAR1"])
def test_what_has_no_footer(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="no Parquet footer"):
        list(column_chunks(io.BytesIO(damaged)))


def test_nesting_is_bounded() -> None:
    footer = b"\x1c" * 10_000
    file = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    with pytest.raises(ValueError, match="nested too deeply"):
        list(column_chunks(io.BytesIO(file)))
