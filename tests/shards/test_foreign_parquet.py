"""Small Parquet files that unpack to gigabytes end in one line, within bounded memory."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import UserError
from pipelines.render.photos.photo_list import read_list
from shards import foreign_parquet
from shards.foreign_parquet import ForeignParquet
from shards.validate import validate


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def one_text_in_many_rows(rows: int = 100_000, text_bytes: int = 4 << 20) -> bytes:
    """Decoded: 400 GB."""
    indices = pa.array([0] * rows, pa.int32())
    return parquet({"path": pa.DictionaryArray.from_arrays(indices, ["x" * text_bytes])})


def test_rows_come_as_they_are() -> None:
    content = parquet(
        {"path": pa.array(["a", None, "b" * 100]), "n": pa.array([1, 2, 3]), "l": pa.array([[1.0], [], None])}
    )
    table = ForeignParquet(io.BytesIO(content))
    assert (table.count, table.names) == (3, ["path", "n", "l"])
    assert [row["path"] for row in table.rows()] == ["a", None, "b" * 100]
    assert list(table.rows(["n"])) == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [row["l"] for row in table.rows()] == [[1.0], [], None]


def test_one_long_text_in_many_rows_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    content = one_text_in_many_rows()
    assert len(content) < 100_000
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    with pytest.raises(ValueError, match="column path must hold texts of at most 65536 bytes, has one of 4194304"):
        list(ForeignParquet(io.BytesIO(content)).rows())
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 64 << 20
    (tmp_path / "list.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"list\.parquet must be a Parquet file \(column path must hold texts"):
        read_list(tmp_path / "list.parquet")


def test_a_row_with_a_list_without_end_is_refused_by_the_footer() -> None:
    numbers = pa.ListArray.from_arrays(pa.array([0, 10**6], pa.int32()), pa.array([0.5] * 10**6))
    with pytest.raises(ValueError, match=r"column l\.list\.element must have at most 256 values, has 1000000"):
        ForeignParquet(io.BytesIO(parquet({"l": numbers})))


def test_a_column_that_unpacks_to_too_much_is_refused_by_the_footer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_parquet, "MAX_COLUMN_BYTES", 1 << 20)
    content = parquet({"a": pa.array(["\0" * (2 << 20)])})
    assert len(content) < 10_000
    with pytest.raises(ValueError, match=r"column a must unpack to at most 256 MiB a row group, has [2-4] MiB"):
        ForeignParquet(io.BytesIO(content))


def test_a_manifest_that_is_a_bomb_is_a_complaint(out: Path) -> None:
    (out / "manifest.parquet").write_bytes(one_text_in_many_rows(rows=6))
    complaints = [complaint for complaint in validate(out).complaints if complaint.shard == "manifest.parquet"]
    assert len(complaints) == 1
    assert "column path must hold texts of at most 65536 bytes" in complaints[0].message


def test_a_sparse_marker_is_a_complaint_and_not_read(out: Path) -> None:
    with (out / ".meta" / "train-000000.json").open("r+b") as file:
        file.truncate(8 << 30)
    tracemalloc.start()
    complaints = [complaint for complaint in validate(out).complaints if "sound marker" in complaint.message]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [complaint.field for complaint in complaints] == [".meta/train-000000.json"]
    assert "it must have at most 64 MiB, it has 8192 MiB or more" in complaints[0].message
    assert peak < 128 << 20  # a read of at most 64 MiB sets that much aside
