"""Hashes of photos that were read before: found again, never for a file that changed, and never worth an error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.render.photos import known_hashes
from pipelines.render.photos.content import ContentHashes
from pipelines.render.photos.known_hashes import KnownHashes, file_key

HASHES = ContentHashes(bytes(range(32)), "00000000000000ff")


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(known_hashes, "RACY_S", -60.0)  # as if the file had been at rest for long
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"content")
    return path


def stored(folder: Path, *found: tuple[bytes, ContentHashes]) -> KnownHashes:
    known = KnownHashes(folder, lambda: folder.mkdir(exist_ok=True))
    known.remember(found)
    known.store()
    return KnownHashes(folder)


def test_hashes_come_back_and_say_whether_they_were_asked_for(photo: Path, tmp_path: Path) -> None:
    key, other = file_key(str(photo)), file_key(str(tmp_path))
    known = stored(tmp_path / "meta", (key, HASHES), (other, ContentHashes(b"\1" * 32, None)))
    assert known.find([key, b"", other], near=True) == [HASHES, None, None]
    assert known.find([other, key], near=False) == [ContentHashes(b"\1" * 32, None), HASHES._replace(near_hash=None)]
    undecodable = ContentHashes(b"\1" * 32, "")
    assert stored(tmp_path / "meta", (other, undecodable)).find([other, key], near=True) == [undecodable, HASHES]


def test_a_file_that_changed_is_another_even_at_the_same_size_and_time(photo: Path) -> None:
    before, status = file_key(str(photo)), photo.stat()
    assert file_key(str(photo)) == before
    photo.write_bytes(b"CONTENT")
    os.utime(photo, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert photo.stat().st_mtime_ns == status.st_mtime_ns
    assert file_key(str(photo)) != before
    copy = photo.with_name("copy.jpg")
    os.link(photo, copy)
    assert file_key(str(copy)) != file_key(str(photo))


def test_a_file_that_has_just_changed_cannot_be_known(tmp_path: Path) -> None:
    (tmp_path / "fresh.jpg").write_bytes(b"content")
    assert file_key(str(tmp_path / "fresh.jpg")) == b""
    assert file_key(str(tmp_path / "gone.jpg")) == b""


def test_a_damaged_piece_is_as_good_as_none(photo: Path, tmp_path: Path) -> None:
    meta, key = tmp_path / "meta", file_key(str(photo))
    stored(meta, (key, HASHES))
    (piece,) = meta.glob("hashes-*.npy")
    for content in (b"", piece.read_bytes()[:-5], b"\x93NUMPY" + bytes(100)):
        (meta / "hashes-0.npy").write_bytes(content)
        assert KnownHashes(meta).find([key], near=True) == [HASHES]
    np.save(meta / "hashes-0.npy", np.arange(4))
    assert KnownHashes(meta).find([key], near=True) == [HASHES]
    piece.write_bytes(b"no")
    assert KnownHashes(meta).find([key], near=True) == [None]


def test_nothing_is_written_where_nothing_may_be(photo: Path, tmp_path: Path) -> None:
    for known in (KnownHashes(), KnownHashes(tmp_path / "meta")):
        known.remember([(file_key(str(photo)), HASHES)])
        known.store()
    assert not (tmp_path / "meta").exists()


def test_pieces_are_written_on_the_way(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_hashes, "PIECE_RECORDS", 3)
    known = KnownHashes(tmp_path, lambda: None)
    for number in range(4):
        known.remember([(bytes([number + 1]) * 16, HASHES)])
    assert len(list(tmp_path.glob("hashes-*.npy"))) == 1
    assert KnownHashes(tmp_path).find([bytes([number + 1]) * 16 for number in range(4)], near=True) == [
        *[HASHES] * 3,
        None,
    ]
