from __future__ import annotations

import os
from pathlib import Path

import pytest

from shards.durable import TEMPORARY_PATTERN, Draft, write_durably


def test_the_old_content_gives_way_to_the_new(tmp_path: Path) -> None:
    write_durably(tmp_path / "a.json", b"old")
    write_durably(tmp_path / "a.json", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"new"}


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_durably(tmp_path / "a.json", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(tmp_path / "a.json", b"new")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"old"}


def test_a_power_failure_finds_the_content_before_the_name_and_the_name_in_its_folder(
    tmp_path: Path, disk_calls: list[str]
) -> None:
    (tmp_path / "folder").mkdir()
    write_durably(tmp_path / "folder" / "a.json", b"new")
    assert disk_calls == ["sync temporary", "rename a.json", "sync folder"]


def test_temporaries_never_meet_and_are_found_by_their_pattern(tmp_path: Path) -> None:
    path = tmp_path / "train-000000.tar"
    drafts = [Draft(path) for _ in range(20)]
    temporaries = set(tmp_path.glob(TEMPORARY_PATTERN))
    assert len(temporaries) == 20
    assert all(temporary.name.startswith(".train-000000.tmp-") for temporary in temporaries)
    for draft in drafts:
        draft.close()
    assert list(tmp_path.iterdir()) == []
