"""One run at a time in one folder: `OUT/.meta/run.lock` holds who has it."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import UserError
from pipelines.runs.data_set_paths import LOCK_FILE
from shards.durable import write_durably
from shards.storage import StoragePath


@contextmanager
def run_lock(meta: StoragePath, *, force: bool) -> Iterator[None]:
    """Hold the lock of a data set. A lock left by a dead process of this machine is taken over.

    Raises UserError when another run holds it; `force` takes it over nevertheless.
    """
    path = meta / LOCK_FILE
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "process_started": process_start(os.getpid()),
        "locked": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    content = json.dumps(owner, sort_keys=True) + "\n"
    while not _create(path, content):
        holder = _read(path)
        if holder is not None and not force and _may_be_alive(holder):
            raise UserError(
                f"{meta.parent} is in use by process {holder.get('pid')} on {holder.get('host')} since "
                f"{holder.get('locked')}; wait for it, or pass --force if that run is gone for sure"
            )
        path.unlink(missing_ok=True)
    try:
        yield
    finally:
        if _read(path) == owner:  # not when somebody took it over by force
            path.unlink(missing_ok=True)


def _create(path: StoragePath, content: str) -> bool:
    """Create the file with its content in one step; False when it exists.

    By a hard link of a finished file: a plain exclusive create would show others an empty lock for a moment. An object
    store has neither: there two runs that start within the same second may both think they have it.
    """
    if not isinstance(path, Path):
        if path.exists():
            return False
        write_durably(path, content.encode())
        return True
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
    """Who holds the lock; None when it is gone or no lock of ours."""
    try:
        holder = json.loads(path.read_text())
    except Exception:  # a parser of damaged bytes raises nearly anything
        return None
    return holder if isinstance(holder, dict) and holder.keys() >= {"pid", "host", "process_started"} else None


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
