from __future__ import annotations

import io
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.archive import MAX_END_BYTES, Member, TarDamage, iterate_members, layout, read_members, scan
from shards.complaint import FieldError
from shards.foreign_file import read_foreign_ranges

FILES = {"00000000.a": b"x" * 700, "00000000.b": b"", "00000001.a": b"yz" * 256}


def tar_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


TAR = tar_of(FILES)


def members_of(data: bytes) -> list[Member]:
    return list(iterate_members(io.BytesIO(data), len(data)))


@pytest.fixture
def tar(tmp_path: Path) -> Path:
    (tmp_path / "a.tar").write_bytes(TAR)
    return tmp_path / "a.tar"


def test_a_sound_tar_is_read_whole(tar: Path) -> None:
    members = members_of(TAR)
    assert dict(zip(FILES, read_members(tar, members), strict=True)) == FILES
    assert read_members(tar, [members[2], members[0]]) == [FILES["00000001.a"], FILES["00000000.a"]]
    assert read_members(tar, []) == []


def test_near_members_are_one_read_and_far_ones_are_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"00000000.a": b"a" * 1000, "00000000.b": b"b" * 3000, "00000000.c": b"c" * 9000, "00000000.d": b"d"}
    (tmp_path / "a.tar").write_bytes(tar_of(files))
    asked: list[tuple[int, int]] = []

    def watched(path: Path, ranges: list[tuple[int, int]]) -> list[bytes]:
        asked.extend(ranges)
        return read_foreign_ranges(path, ranges)

    monkeypatch.setattr("shards.archive.read_foreign_ranges", watched)
    members = scan(tmp_path / "a.tar")[0]
    assert read_members(tmp_path / "a.tar", [members[3], members[0], members[1]]) == [b"d", b"a" * 1000, b"b" * 3000]
    first, last = members[0].offset - 512, members[3].offset - 512
    assert asked == [(first, members[1].offset + 3000), (last, last + 513)]


def test_a_member_that_does_not_lie_where_it_should_is_named(tar: Path) -> None:
    members = members_of(TAR)
    other = Member("00000000.z", members[0].offset, members[0].size)
    with pytest.raises(FieldError, match=r"00000000\.z must lie in the tar: .* must lie there, got 00000000\.a"):
        read_members(tar, [other])
    assert read_members(tar, [other], check_headers=False) == [FILES["00000000.a"]]
    tar.write_bytes(TAR[: members[2].offset + 100])
    with pytest.raises(FieldError, match=r"00000001\.a must lie in the tar: the file ends within it"):
        read_members(tar, members)


def test_layout_says_where_members_lie() -> None:
    assert layout((name, len(data)) for name, data in FILES.items()) == members_of(TAR)


@given(st.integers(0, len(TAR) - 1))
def test_every_cut_is_seen(length: int) -> None:
    used = members_of(TAR)[-1].end + 1024  # of the zeros behind the end, a tar may have any number
    if length >= used:
        assert members_of(TAR[:length]) == members_of(TAR)
        return
    with pytest.raises(TarDamage):
        members_of(TAR[:length])


def test_tarfile_itself_does_not_see_a_cut_at_a_member_boundary() -> None:
    """Why this module exists; the day it fails, tarfile has learned it."""
    cut = TAR[: members_of(TAR)[1].end]
    with tarfile.open(fileobj=io.BytesIO(cut)) as tar:
        assert tar.getnames() == ["00000000.a", "00000000.b"]
    with pytest.raises(TarDamage):
        members_of(cut)


@given(st.integers(0, len(TAR) - 1), st.integers(1, 255))
def test_every_flip_outside_the_content_is_seen(offset: int, flip: int) -> None:
    damaged = bytearray(TAR)
    damaged[offset] ^= flip
    if any(member.offset <= offset < member.offset + member.size for member in members_of(TAR)):
        assert members_of(bytes(damaged)) == members_of(TAR)  # contents are the checksums' concern
        return
    with pytest.raises(TarDamage) as caught:
        members_of(bytes(damaged))
    assert caught.value.offset <= offset


def test_scan_gives_what_came_before_the_damage(tmp_path: Path) -> None:
    members = members_of(TAR)
    (tmp_path / "cut.tar").write_bytes(TAR[: members[2].offset + 100])
    sound, damage = scan(tmp_path / "cut.tar")
    assert sound == members[:2]
    assert damage is not None
    assert damage.offset == members[2].offset


def test_zeros_without_end_behind_the_end_are_refused_unread(tar: Path) -> None:
    with tar.open("r+b") as file:
        file.truncate(16 << 30)  # sparse
    tracemalloc.start()
    members, damage = scan(tar)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(members) == 3
    assert "at most 1 MiB may follow the last file of a tar, got 16383 MiB" in str(damage)
    assert peak < MAX_END_BYTES


def test_scan_of_an_unreadable_file_is_damage(tmp_path: Path) -> None:
    sound, damage = scan(tmp_path)  # a folder
    assert sound == []
    assert "must be readable" in str(damage)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_only_plain_files_are_members(kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo("00000000.json")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(TarDamage, match="must be a plain file"):
        members_of(buffer.getvalue())


def test_a_tar_repacked_by_the_tar_command_is_read(tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    subprocess.run(["tar", "-cf", "repacked.tar", *FILES], cwd=tmp_path, check=True)
    members, damage = scan(tmp_path / "repacked.tar")
    assert damage is None
    assert [member.name for member in members] == list(FILES)
