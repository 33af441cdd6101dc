"""Files that appear whole or not at all: a temporary name beside the final one, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

TEMPORARY_PATTERN = ".*.tmp-*"


def temporary_beside(path: Path) -> Path:
    """A name in the same folder, so that renaming is atomic; different for every call, so that writers never meet."""
    return path.with_name(f".{path.stem}.tmp-{os.getpid()}-{secrets.token_hex(4)}")


def replace_durably(temporary: Path, path: Path) -> None:
    """Give a finished, synced temporary its final name and make the renaming survive a power cut."""
    os.replace(temporary, path)
    sync_folder(path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file so that readers see the old content or the new one, never a part.

    Raises:
        OSError: as the system raised it; the temporary is gone and `path` untouched.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable, where the file system knows how."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)
