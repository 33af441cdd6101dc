"""Disk space: how much is free; and counts and byte counts for people."""

import shutil
from pathlib import Path

from shards.storage import StoragePath


def free_bytes(out: StoragePath) -> int | None:
    """Free bytes on the file system where `out` is or will be; None for an object store, which has no limit."""
    if not isinstance(out, Path):
        return None
    existing = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    return shutil.disk_usage(existing).free


def format_bytes(count: float) -> str:
    """A byte count in decimal units: `1.2 GB`."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 photo`, `2 photos`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
