"""Atomic writes: a file appears complete or not at all.

In a file system: a temporary name beside the final one, fsync, rename, fsync of the folder. In an object store, which
cannot rename: a temporary on this machine, then one upload; a store shows an object when it is complete.
"""

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

from .storage import StoragePath

TEMPORARY_PATTERN = ".*.tmp-*"


def temporary_for(path: StoragePath) -> Path:
    """A unique path to write to until `path` is complete.

    In the same folder, so that renaming is atomic; for an object store, among this machine's temporary files.
    """
    folder = path.parent if isinstance(path, Path) else Path(tempfile.gettempdir())
    return folder / f".{path.stem}.tmp-{os.getpid()}-{secrets.token_hex(4)}"


def publish_durably(temporary: Path, path: StoragePath) -> None:
    """Move a finished, synced temporary to its final path; afterwards it survives a power failure."""
    if isinstance(path, Path):
        os.replace(temporary, path)
        sync_folder(path.parent)
    else:
        path.fs.put_file(str(temporary), path.path)
        temporary.unlink()


@contextmanager
def open_durably(path: StoragePath) -> Iterator[BufferedWriter]:
    """A file on this machine to write piece by piece: it appears as `path`, complete, when the block ends.

    Raises:
        OSError: as the system raised it; then, and on any error within the block, `path` stays untouched.
    """
    temporary = temporary_for(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_durably(path: StoragePath, data: bytes) -> None:
    """Write a small file atomically: readers see the old content or the new. Raises OSError as `open_durably` does."""
    if not isinstance(path, Path):
        path.fs.pipe_file(path.path, data)
        return
    with open_durably(path) as file:
        file.write(data)


def sync_folder(folder: StoragePath) -> None:
    """Make renames and removals in a local folder durable, if its file system can."""
    if not isinstance(folder, Path):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
