"""Strict reading of tar shards.

`tarfile` and everything built on it read a tar that was cut at a member boundary or inside a header without an error
and return the members before the cut. This reader demands the checksum of every header, zeros in all padding, and the
two empty blocks that end an archive.
"""

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .foreign_file import open_foreign
from .storage import StoragePath

BLOCK_BYTES = tarfile.BLOCKSIZE
_EMPTY_BLOCK = bytes(BLOCK_BYTES)
_CHECKSUM = slice(148, 156)  # position of the checksum in a header


@runtime_checkable
class ReadableFile(Protocol):
    """An open file with random access, local or in an object store."""

    def seek(self, offset: int, whence: int = 0, /) -> int: ...

    def read(self, size: int = -1, /) -> bytes: ...


class TarDamage(ValueError):
    """A damaged or incomplete tar. `offset` is the byte of the file at which the damage was found."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(offset, message)
        self.offset, self.message = offset, message

    def __str__(self) -> str:
        return f"{self.message} (byte {self.offset})"


@dataclass(frozen=True)
class Member:
    """One file in a tar: `size` bytes of content from byte `offset` on."""

    name: str
    offset: int
    size: int

    @property
    def key(self) -> str:
        """Key of the sample: the name up to its first dot, without folders."""
        return self._file_name.partition(".")[0]

    @property
    def field(self) -> str:
        """Field of the sample: the name after its first dot."""
        return self._file_name.partition(".")[2]

    @property
    def _file_name(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def end(self) -> int:
        """Offset of the next header; content is padded to blocks."""
        return self.offset + padded(self.size)


def padded(size: int) -> int:
    """Number of bytes that content of `size` bytes occupies in a tar."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


def layout(sizes: Iterable[tuple[str, int]]) -> list[Member]:
    """The members of a tar that holds exactly these names and sizes, with their offsets."""
    members: list[Member] = []
    for name, size in sizes:
        header = members[-1].end if members else 0
        members.append(Member(name, header + BLOCK_BYTES, size))
    return members


def iterate_members(file: ReadableFile, file_bytes: int) -> Iterator[Member]:
    """Yield the members of a tar in order, reading headers and padding only.

    Raises:
        TarDamage: after the last undamaged member.
    """
    offset = 0
    while True:
        header = _read_at(file, offset, BLOCK_BYTES)
        if header == _EMPTY_BLOCK:
            _check_end(file, offset, file_bytes)
            return
        member = _parse_header(header, offset)
        if member is None:  # an entry of a folder, without content
            offset += BLOCK_BYTES
            continue
        if member.offset + member.size > file_bytes:
            raise TarDamage(member.offset, f"{member.name} must have {member.size} bytes, the file ends before")
        content_end = member.offset + member.size
        if any(_read_at(file, content_end, member.end - content_end)):
            raise TarDamage(content_end, f"the padding after {member.name} must be zero")
        if member.key:  # macOS packs `._NAME` with each file
            yield member
        offset = member.end


def scan(path: StoragePath) -> tuple[list[Member], TarDamage | None]:
    """All members before the first damage of a tar, and that damage, or None."""
    members: list[Member] = []
    try:
        with open_foreign(path) as file:
            # Members before an error stay in the list.
            members.extend(iterate_members(file, path.stat().st_size))
    except TarDamage as damage:
        return members, damage
    except OSError as error:
        return members, TarDamage(0, f"the file must be readable, got {error}")
    return members, None


def shard_tars(folder: StoragePath, *patterns: str) -> list[StoragePath]:
    """The tars of a folder by name, without hidden files: macOS and sync tools leave `._NAME` and temporaries."""
    found = {path for pattern in patterns or ("*.tar",) for path in folder.glob(pattern)}
    return sorted((path for path in found if not path.name.startswith(".")), key=str)


def read_member(file: ReadableFile, member: Member) -> bytes:
    """The content of one member. Raises TarDamage if the file ends within it."""
    return _read_at(file, member.offset, member.size)


def _read_at(file: ReadableFile, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise TarDamage(offset + len(data), f"the file ends, {size - len(data)} bytes before it may")
    return data


def _parse_header(header: bytes, offset: int) -> Member | None:
    """The member, or None for the entry of a folder, as `tar` packs it."""
    if header.startswith(b"\x1f\x8b"):
        raise TarDamage(offset, "it is compressed, and members of such a tar cannot be read at random: gunzip it first")
    # The checksum is the plain sum of the header's bytes, its own field taken as eight spaces.
    total = sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" ")
    if header[_CHECKSUM] != b"%06o\0 " % total:
        raise TarDamage(offset, "a tar header must match its checksum")
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise TarDamage(offset, f"a tar header must be readable, got {error}") from None
    if info.isdir() and info.size == 0:
        return None
    if not info.isreg() or info.size < 0:
        way_out = "pack it by `tar --format=ustar --sort=name`"
        raise TarDamage(offset, f"{info.name!r} must be a plain file, got tar type {info.type!r}; {way_out}")
    return Member(info.name.removeprefix("./"), offset + BLOCK_BYTES, info.size)


def _check_end(file: ReadableFile, offset: int, file_bytes: int) -> None:
    rest = _read_at(file, offset, file_bytes - offset)
    if len(rest) < 2 * BLOCK_BYTES:
        raise TarDamage(file_bytes, "a tar must end with two empty blocks")
    if any(rest):
        used = next(i for i, byte in enumerate(rest) if byte)
        raise TarDamage(offset + used, "nothing may follow the empty blocks that end a tar")
