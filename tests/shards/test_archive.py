from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.archive import Member, TarDamage, iterate_members, layout, read_member, scan

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


def test_a_sound_tar_is_read_whole() -> None:
    file = io.BytesIO(TAR)
    assert {member.name: read_member(file, member) for member in members_of(TAR)} == FILES


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


def test_a_file_that_became_shorter_is_damage_and_not_less_content() -> None:
    member = members_of(TAR)[0]
    with pytest.raises(TarDamage, match="the file ends, 600 bytes before it may"):
        read_member(io.BytesIO(TAR[: member.offset + 100]), member)


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
