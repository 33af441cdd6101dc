"""Objects by ranges, and the failures of a store; `memory://` stands for all that fsspec serves."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from upath import UPath

from shards import StoreError
from shards.archive import shard_tars
from shards.durable import Draft, write_durably
from shards.foreign_file import foreign_size, is_foreign_file, local_copy, open_foreign, read_foreign
from shards.object_store import asking, failure_of_store, read_ranges
from shards.storage import storage_path

CONTENT = bytes(range(256)) * 40


class EndpointConnectionError(Exception):
    """As botocore's: no OSError."""


EndpointConnectionError.__module__ = "botocore.exceptions"


@pytest.fixture
def stored() -> Iterator[UPath]:
    path = storage_path("memory://bucket/folder/object")
    assert isinstance(path, UPath)
    write_durably(path, CONTENT)
    yield path
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int | None, int | None]]:
    """Every range that the store is asked for."""
    memory = type(fsspec.filesystem("memory"))
    plain, ranges = memory.cat_file, []

    def watched(store: Any, path: str, start: int | None = None, end: int | None = None, **knobs: Any) -> bytes:
        ranges.append((start, end))
        content: bytes = plain(store, path, start, end, **knobs)
        return content

    monkeypatch.setattr(memory, "cat_file", watched)
    return ranges


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch, stored: UPath) -> UPath:
    def failing(*_: Any, **__: Any) -> Any:
        raise EndpointConnectionError("Could not connect\n to the endpoint")

    memory = type(fsspec.filesystem("memory"))
    for request in ("cat_file", "info", "pipe_file", "put_file", "ls", "find", "glob"):
        monkeypatch.setattr(memory, request, failing)
    return stored


def test_ranges_are_short_where_the_object_ends(stored: UPath) -> None:
    size = len(CONTENT)
    assert read_ranges(stored, [(0, 3), (5, 7), (size - 2, size + 5)]) == [CONTENT[:3], CONTENT[5:7], CONTENT[-2:]]


def test_a_file_of_a_store_asks_for_no_more_than_it_is_told(stored: UPath, asked: list[tuple[int, int]]) -> None:
    with open_foreign(stored, readahead_bytes=1000) as file:
        file.seek(2000)
        assert file.read(10) + file.read(20) == CONTENT[2000:2030]
        assert file.seek(-5, os.SEEK_END) == len(CONTENT) - 5
        assert file.read() == CONTENT[-5:]
        file.seek(0)
        assert file.read(3000) == CONTENT[:3000]
        with pytest.raises(OSError, match="no byte lies before the first"):
            file.seek(-1)
    assert asked == [(2000, 3000), (len(CONTENT) - 5, len(CONTENT)), (0, 3000)]


def test_a_whole_object_is_one_request(stored: UPath, asked: list[tuple[int, int]]) -> None:
    assert read_foreign(stored, max_bytes=len(CONTENT)) == CONTENT
    assert asked == [(0, len(CONTENT) + 1)]
    with pytest.raises(OSError, match="it must have at most 99 bytes, it has 100"):
        read_foreign(stored, max_bytes=99)


def test_sizes_and_kinds(stored: UPath) -> None:
    assert foreign_size(stored) == len(CONTENT)
    assert foreign_size(stored.parent / "none") is None
    assert [is_foreign_file(path) for path in (stored, stored.parent, stored.parent / "none")] == [True, False, False]
    with pytest.raises(OSError, match="it is a folder"):
        open_foreign(stored.parent)


def test_a_copy_on_this_machine_has_no_name(stored: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with local_copy(stored) as path:
        assert path.read_bytes() == CONTENT
        assert list(tmp_path.iterdir()) == []
    with local_copy(tmp_path) as path:
        assert path is tmp_path


def test_a_draft_for_a_store_has_no_name(stored: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    draft = Draft(stored)
    draft.file.write(b"new")
    draft.sync()
    assert list(tmp_path.iterdir()) == []
    assert stored.read_bytes() == CONTENT
    draft.publish()
    draft.close()
    assert stored.read_bytes() == b"new"


def test_a_store_that_fails_is_one_kind_of_error_and_no_oserror(down: UPath) -> None:
    requests = {
        "read": lambda: read_foreign(down, max_bytes=9),
        "open": lambda: open_foreign(down),
        "size": lambda: foreign_size(down),
        "is it a file": lambda: is_foreign_file(down),
        "list": lambda: shard_tars(down.parent),
        "write": lambda: write_durably(down, b"x"),
    }
    message = r"memory://bucket/folder.*: the store does not answer as it must, got Could not connect to the endpoint$"
    for request in requests.values():
        with pytest.raises(StoreError, match=message):
            request()
    assert not issubclass(StoreError, OSError)


def test_what_concerns_the_object_alone_goes_through() -> None:
    path = storage_path("memory://bucket/x")
    for error in (FileNotFoundError(2, "gone"), IsADirectoryError(21, "a folder"), StoreError("said before")):
        with pytest.raises(type(error)) as caught, asking(path):
            raise error
        assert caught.value is error
    with pytest.raises(EndpointConnectionError), asking(Path("here")):
        raise EndpointConnectionError


def test_failures_are_known_by_their_library() -> None:
    assert failure_of_store(EndpointConnectionError("no\nroute")) == "no route"
    assert failure_of_store(StoreError("s3://x: down")) == "s3://x: down"
    for error in (ValueError("x"), OSError(5, "disk"), io.UnsupportedOperation("x")):
        assert failure_of_store(error) == ""
