"""Objects of a store behind fsspec: exactly the bytes asked for, and one kind of error for a store that fails.

fsspec's own files read ahead by blocks of 5 to 50 MB. That suits one file from end to end, not five fields of a shard.
"""

import errno
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import fsspec
from upath import UPath

from .storage import StoragePath

_OF_THE_OBJECT = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError)
_OF_THE_REQUEST = (errno.EINVAL, errno.ENAMETOOLONG)  # a range behind the end, a key that no object can have
_LIBRARIES = (
    "aiobotocore",
    "aiohttp",
    "asyncio",
    "botocore",
    "fsspec",
    "gcsfs",
    "google",
    "requests",
    "s3fs",
    "urllib3",
)
_WEB = ("http", "https")  # a server of one file among many: another may answer
_MOST_OF_REASON = 300  # characters


class StoreError(Exception):
    """A store that does not answer or refuses us, in one line.

    No OSError: it says nothing about the object, so that a sample is not dropped as damaged, a photo not rejected, and
    a shard not taken for unfinished because a network failed.
    """


def failure_of_store(error: BaseException) -> str:
    """What an error of a store says, in one line; "" for any other error."""
    library = type(error).__module__.partition(".")[0]
    return _reason(error) if isinstance(error, StoreError) or library in _LIBRARIES else ""


@contextmanager
def asking(path: StoragePath) -> Iterator[None]:
    """Turn what a store's library raises within the block into StoreError, but for what concerns the object alone.

    Around a local path nothing is turned.
    """
    if isinstance(path, Path):
        yield
        return
    try:
        yield
    except (StoreError, *_OF_THE_OBJECT):
        raise
    except Exception as error:  # botocore, aiohttp and their like share no base class
        if isinstance(error, OSError) and error.errno in _OF_THE_REQUEST:
            raise
        if path.protocol in _WEB:
            raise OSError(errno.EIO, _reason(error), str(path)) from error
        raise StoreError(f"{path}: the store does not answer as it must, got {_reason(error)}") from error


def read_ranges(path: UPath, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """The bytes [start, end) of each range, in one request each, at the same time. Short where the object ends.

    Raises FileNotFoundError, StoreError.
    """
    starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
    with asking(path):
        contents = _here(path).cat_ranges([path.path] * len(ranges), starts, ends, on_error="return")
        return [_content(content) for content in contents]


def _content(content: bytes | Exception) -> bytes:
    if not isinstance(content, Exception):
        return content
    if isinstance(content, OSError) and content.errno == errno.EINVAL and "range" in str(content).lower():
        return b""  # HTTP 416: the object ends before
    raise content


def object_bytes(path: UPath) -> int:
    """Size of an object. Raises FileNotFoundError, IsADirectoryError, StoreError; OSError where nobody says it."""
    with asking(path):
        found = _here(path).info(path.path)
    if found["type"] != "file":
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a regular file", str(path))
    if found["size"] is None:
        raise OSError(errno.EIO, "the server does not say how large it is", str(path))
    return int(found["size"])


def put(file: IO[bytes], path: UPath) -> None:
    """Upload an open file of this machine, which may have no name. Raises StoreError."""
    with asking(path):
        _here(path).put_file(f"/proc/self/fd/{file.fileno()}", path.path)


def put_bytes(path: UPath, data: bytes) -> None:
    """Upload a small object. Raises StoreError."""
    with asking(path):
        _here(path).pipe_file(path.path, data)


def put_bytes_if_absent(path: UPath, data: bytes) -> bool:
    """Upload a small object unless there is one; whether it was uploaded. Raises StoreError.

    Of several at once, one is uploaded where store and library know the condition (S3, Google, Azure). Elsewhere it is
    ignored or refused, and another upload may fall between the look and the writing.
    """
    with asking(path):
        store = _here(path)
        if store.exists(path.path):
            return False
        try:
            store.pipe_file(path.path, data, mode="create")
        except OSError as error:
            if isinstance(error, FileExistsError) or store.exists(path.path):  # not all say it by the same error
                return False
            if error.errno != errno.ENOSYS:
                raise
            store.pipe_file(path.path, data)
    return True


def open_object(path: UPath, size: int, readahead_bytes: int) -> io.BufferedReader:
    """An object as a file with random access, which reads ahead by as many bytes as said and no more."""
    return io.BufferedReader(_RawObject(path, size), readahead_bytes)


class _RawObject(io.RawIOBase):
    """An object without a buffer: each read is one request."""

    def __init__(self, path: UPath, size: int) -> None:
        self._path, self._size, self._position = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "no byte lies before the first", str(self._path))
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        (data,) = read_ranges(self._path, [(self._position, end)])
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _here(path: UPath) -> Any:
    """The file system of this process: that of a parent has a thread which does not come along by fork."""
    return fsspec.filesystem(path.protocol, **path.storage_options)


def _reason(error: BaseException) -> str:
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(str(said).split())[:_MOST_OF_REASON] or type(error).__name__
