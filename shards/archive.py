"""Strict reading of tar shards.

`tarfile` and everything built on it read a tar that was cut at a member boundary or inside a header without an error
and return the members before the cut. This reader demands the checksum of every header, zeros in all padding, and the
two empty blocks that end an archive.
"""

import bisect
import os
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .complaint import FieldError
from .foreign_file import open_foreign, read_foreign_ranges
from .object_store import asking
from .storage import StoragePath

BLOCK_BYTES = tarfile.BLOCKSIZE
MAX_END_BYTES = 1 << 20  # of zeros behind the last member; GNU tar fills up to 10 kB, `tar -b` to a few hundred
MAX_MEMBERS = 1 << 20
_EMPTY_BLOCK = bytes(BLOCK_BYTES)
_CHECKSUM = slice(148, 156)  # position of the checksum in a header
_READAHEAD_BYTES = 8 << 10  # of a store, for header after header: small fields come along with their header
_MERGED_GAP_BYTES = 4 << 10  # pieces this near to each other are one request


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
        with open_foreign(path, readahead_bytes=_READAHEAD_BYTES) as file:
            size = file.seek(0, os.SEEK_END)
            for member in iterate_members(file, size):  # members before an error stay in the list
                if len(members) == MAX_MEMBERS:
                    raise TarDamage(member.offset, f"a shard must hold at most {MAX_MEMBERS} files")
                members.append(member)
    except TarDamage as damage:
        return members, damage
    except OSError as error:
        return members, TarDamage(0, f"the file must be readable, got {error}")
    return members, None


def shard_tars(folder: StoragePath, *patterns: str) -> list[StoragePath]:
    """The tars of a folder by name, without hidden files: macOS and sync tools leave `._NAME` and temporaries."""
    with asking(folder):
        found = {path for pattern in patterns or ("*.tar",) for path in folder.glob(pattern)}
    return sorted((path for path in found if not path.name.startswith(".")), key=str)


def read_members(path: StoragePath, members: Sequence[Member], *, check_headers: bool = True) -> list[bytes]:
    """The content of some members, by as few and as short reads as their places allow.

    Args:
        path: the tar.
        members: as `scan` found them, or as a marker says.
        check_headers: compare each with its header, which comes along in the same read.

    Raises:
        FieldError: a member does not lie there: its header is another or damaged, or the file ends before.
        OSError, StoreError: as `open_foreign`.
    """
    pieces = [(member.offset - BLOCK_BYTES, member.offset + member.size) for member in members]
    merged = _merged(pieces)
    starts = [start for start, _ in merged]
    contents = read_foreign_ranges(path, merged) if merged else []
    found = []
    for member, (start, end) in zip(members, pieces, strict=True):
        number = bisect.bisect_right(starts, start) - 1
        piece = memoryview(contents[number])[start - starts[number] : end - starts[number]]
        try:
            if len(piece) < end - start:
                raise TarDamage(start + len(piece), "the file ends within it")
            if check_headers:
                _check_header(bytes(piece[:BLOCK_BYTES]), member)
        except TarDamage as damage:
            raise FieldError(member.field, f"must lie in the tar: {damage}", member.key) from None
        found.append(bytes(piece[BLOCK_BYTES:]))
    return found


def _merged(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces [start, end), in order of their places, with near ones made one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if merged and start - merged[-1][1] <= _MERGED_GAP_BYTES:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _check_header(header: bytes, member: Member) -> None:
    start = member.offset - BLOCK_BYTES
    found = _parse_header(header, start)
    if found != member:
        other = f"{found.name} of {found.size} bytes" if found else "a folder"
        raise TarDamage(start, f"{member.name} of {member.size} bytes must lie there, got {other}")


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
    if file_bytes - offset > MAX_END_BYTES:  # 16 GB of zeros are not read to find out that they are zeros
        got = f"{(file_bytes - offset) >> 20} MiB"
        raise TarDamage(offset, f"at most {MAX_END_BYTES >> 20} MiB may follow the last file of a tar, got {got}")
    rest = _read_at(file, offset, file_bytes - offset)
    if len(rest) < 2 * BLOCK_BYTES:
        raise TarDamage(file_bytes, "a tar must end with two empty blocks")
    if any(rest):
        used = next(i for i, byte in enumerate(rest) if byte)
        raise TarDamage(offset + used, "nothing may follow the empty blocks that end a tar")
