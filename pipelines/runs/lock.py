"""One run at a time in one folder: `OUT/.meta/run.lock` holds who has it."""

import json
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import UserError
from pipelines.runs.data_set_paths import LOCK_FILE
from pipelines.runs.settings import read_settings
from shards.object_store import StoreError, asking, put_bytes_if_absent
from shards.storage import StoragePath

_log = logging.getLogger(__name__)


@contextmanager
def run_lock(meta: StoragePath, *, force: bool) -> Iterator[None]:
    """Hold the lock of a data set. A lock left by a dead process of this machine is taken over.

    Raises UserError when another run holds it; `force` takes it over nevertheless. Raises StoreError.
    """
    path = meta / LOCK_FILE
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "process_started": process_start(os.getpid()),
        "locked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "token": secrets.token_hex(8),  # a store may repeat our request: the lock that is there may be ours
    }
    content = json.dumps(owner, sort_keys=True) + "\n"
    while not _create(path, content) and (holder := _read(path)) != owner:
        if holder and not force and _may_be_alive(holder):
            raise UserError(
                f"{meta.parent} is in use by process {holder.get('pid')} on {holder.get('host')} since "
                f"{holder.get('locked')}; wait for it, or pass --force if that run is gone for sure"
            )
        if holder is not None:
            _remove(path)
    try:
        yield
    finally:
        try:
            if _read(path) == owner:  # not when somebody took it over by force
                _remove(path)
        except StoreError as error:  # why the run has ended matters more
            _log.warning("%s stays: %s", path, error)


def _create(path: StoragePath, content: str) -> bool:
    """Create the file with its content in one step; False when it exists.

    By a hard link of a finished file: a plain exclusive create would show others an empty lock for a moment.
    """
    if not isinstance(path, Path):
        return put_bytes_if_absent(path, content.encode())
    finished = path.with_name(f".{path.name}.tmp-{socket.gethostname()}-{os.getpid()}")
    finished.write_text(content)
    try:
        os.link(finished, path)
    except FileExistsError:
        return False
    finally:
        finished.unlink()
    return True


def _read(path: StoragePath) -> dict[str, object] | None:
    """Who holds the lock; empty when it is no lock of ours, None when it is gone."""
    try:
        holder = read_settings(path)
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return holder if holder.keys() >= {"pid", "host", "process_started"} else {}


def _remove(path: StoragePath) -> None:
    with asking(path):
        path.unlink(missing_ok=True)


def _may_be_alive(holder: dict[str, object]) -> bool:
    """Whether the holder may still run. Of another machine that cannot be known."""
    if holder.get("host") != socket.gethostname():
        return True
    started = process_start(holder["pid"])
    return started != "" and started == holder["process_started"]  # else the number went to another process


def process_start(pid: object) -> str:
    """When a process began, in clock ticks since the machine did; empty when there is no such process.

    Field 22 of /proc/PID/stat (proc(5)), counted behind the name, which may hold spaces and brackets.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
