"""Files that others made: opened only when they are regular files, and read only up to a bound.

A pipe, a device, or a link to one would block a run or feed it without end; a folder may be called x.jpg.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from . import object_store
from .storage import StoragePath

READAHEAD_BYTES = 1 << 20
_COPIED_BYTES = 16 << 20

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_foreign(
    path: StoragePath, *, max_bytes: int | None = None, readahead_bytes: int = READAHEAD_BYTES
) -> BufferedIOBase:
    """A regular file or an object of a store, open for reading bytes at random.

    Args:
        path: the file.
        max_bytes: it must not have more.
        readahead_bytes: what one request to a store asks for at least; files of this machine have their own buffers.

    Raises:
        OSError: as the system raised it; EINVAL for anything but a regular file and for a name that no file can have;
            EFBIG beyond `max_bytes`. `strerror` says so in words.
        StoreError: a store that does not answer.
    """
    if not isinstance(path, Path):
        size = object_store.object_bytes(path)
        _check_size(path, size, max_bytes)
        return object_store.open_object(path, size, readahead_bytes)
    try:
        # A pipe without a writer blocks an open without O_NONBLOCK; for regular files the flag means nothing.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # NUL, or half of a surrogate pair
        raise OSError(errno.EINVAL, f"no file can have this name ({error})", str(path)) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "no regular file")
            raise OSError(errno.EINVAL, f"it is {kind}, not a regular file", str(path))
        _check_size(path, status.st_size, max_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_foreign(path: StoragePath, *, max_bytes: int) -> bytes:
    """The bytes of a file. Raises as `open_foreign` does, also where more than `max_bytes` come out of it."""
    if not isinstance(path, Path):
        (content,) = object_store.read_ranges(path, [(0, max_bytes + 1)])
    else:
        with open_foreign(path, max_bytes=max_bytes) as file:
            parts, left = [], max_bytes + 1  # in parts, since a read sets aside all that it may return
            while part := file.read(min(left, _COPIED_BYTES)):  # a file may grow, and /proc calls its files empty
                parts.append(part)
                left -= len(part)
            content = b"".join(parts)
    _check_size(path, len(content), max_bytes)
    return content


def read_foreign_ranges(path: StoragePath, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The bytes [start, end) of each range, short where the file ends. Raises as `open_foreign` does."""
    if not isinstance(path, Path):
        return object_store.read_ranges(path, ranges)
    contents = []
    with open_foreign(path) as file:
        for start, end in ranges:
            file.seek(start)
            contents.append(file.read(end - start))
    return contents


def foreign_size(path: StoragePath) -> int | None:
    """Bytes of a file; None where there is none. Raises OSError as the system does, StoreError."""
    try:
        return path.stat().st_size if isinstance(path, Path) else object_store.object_bytes(path)
    except FileNotFoundError:
        return None


@contextmanager
def local_copy(path: StoragePath) -> Iterator[Path]:
    """Within the block, a file of this machine with the same content: itself, or a copy of an object without a name."""
    if isinstance(path, Path):
        yield path
        return
    with tempfile.TemporaryFile() as copy, open_foreign(path, readahead_bytes=_COPIED_BYTES) as file:
        shutil.copyfileobj(file, copy, _COPIED_BYTES)
        copy.flush()
        yield Path(f"/proc/self/fd/{copy.fileno()}")


def is_foreign_file(path: StoragePath) -> bool:
    """Whether a regular file lies there. False, too, for a name that no file can have. Raises StoreError."""
    try:
        if not isinstance(path, Path):
            return object_store.object_bytes(path) >= 0
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _check_size(path: StoragePath, size: int, max_bytes: int | None) -> None:
    if max_bytes is not None and size > max_bytes:
        most = f"at most {max_bytes >> 20} MiB" if max_bytes >= 1 << 20 else f"at most {max_bytes} bytes"
        got = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"
        raise OSError(errno.EFBIG, f"it must have {most}, it has {got} or more", str(path))
