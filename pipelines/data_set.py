"""The data set that a verb is pointed at."""

from pathlib import Path

from pipelines.errors import UserError
from shards.storage import StoragePath


def existing_data_set(out: StoragePath) -> StoragePath:
    """Its folder, here or in an object store. Raises UserError when it is none."""
    if not (out / ".meta").is_dir() and not (out / "shards").is_dir():
        what = "is no data set" if out.exists() else "does not exist"
        raise UserError(f"{out} {what}; name the --out folder of a render run")
    return out


def local_data_set(out: StoragePath) -> Path:
    """Its folder on this machine. Raises UserError when it is none."""
    if not isinstance(out, Path):
        raise UserError(
            f"{out} must be a folder of this machine for --linked, --sheets and --gif; copy it, or leave them out"
        )
    existing_data_set(out)
    return out
