"""Disk space: how much is free, and whether it may be used; and counts and byte counts for people."""

import os
import shutil
from pathlib import Path

from shards.storage import StoragePath


def free_bytes(out: StoragePath) -> int | None:
    """Free bytes on the file system where `out` is or will be; None for an object store, which has no limit."""
    if not isinstance(out, Path):
        return None
    return shutil.disk_usage(_existing(out)).free


def closed_folder(out: Path) -> Path | None:
    """What keeps a folder from being written to or made: the nearest place that is there, where it is none of yours."""
    existing = _existing(out)
    return None if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK) else existing


def _existing(out: Path) -> Path:
    return next(folder for folder in (out, *out.absolute().parents) if folder.exists())


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
