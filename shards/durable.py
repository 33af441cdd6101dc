"""Atomic writes: a file appears complete or not at all.

In a file system: a temporary name beside the final one, fsync, rename, fsync of the folder. In an object store, which
cannot rename: a temporary on this machine, then one upload; a store shows an object when it is complete.
"""

import contextlib
import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from . import object_store
from .storage import StoragePath

TEMPORARY_PATTERN = ".*.tmp-*"


class Draft:
    """A file on this machine that becomes `path` in one step, or never.

    It lies in the same folder, so that renaming is atomic. For an object store it lies in TMPDIR and has no name, so
    that nothing stays there of a process that was killed.

    Attributes:
        file: open for writing and reading bytes.

    Raises OSError as the system raised it.
    """

    def __init__(self, path: StoragePath) -> None:
        self._path = path
        self._temporary: Path | None = None
        if isinstance(path, Path):
            self._temporary = path.with_name(f".{path.stem}.tmp-{os.getpid()}-{secrets.token_hex(4)}")
            self.file: IO[bytes] = self._temporary.open("x+b")
        else:
            self.file = tempfile.TemporaryFile()  # noqa: SIM115 -- `close` closes it

    def sync(self) -> None:
        """Write all of it to the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def publish(self) -> None:
        """Make the synced file `path`; afterwards it survives a power failure. Raises OSError, StoreError."""
        if not isinstance(self._path, Path):
            object_store.put(self.file, self._path)
        elif self._temporary is not None:
            os.replace(self._temporary, self._path)
            self._temporary = None
            sync_folder(self._path.parent)

    def close(self) -> None:
        """Close the file; one that was not published is gone."""
        with contextlib.suppress(OSError):  # closing writes what is left: on a full disk it fails a second time
            self.file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def open_durably(path: StoragePath) -> Iterator[IO[bytes]]:
    """A file on this machine to write piece by piece: it appears as `path`, complete, when the block ends.

    Raises:
        OSError: as the system raised it; then, and on any error within the block, `path` stays untouched.
        StoreError: a store that does not answer.
    """
    draft = Draft(path)
    try:
        yield draft.file
        draft.sync()
        draft.publish()
    finally:
        draft.close()


def write_durably(path: StoragePath, data: bytes) -> None:
    """Write a small file atomically: readers see the old content or the new. Raises as `open_durably` does."""
    if not isinstance(path, Path):
        object_store.put_bytes(path, data)
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
