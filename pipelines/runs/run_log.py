"""How long runs took: `OUT/.meta/runs.jsonl`, one line for each that rendered anything."""

import dataclasses
import json
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from shards.durable import write_durably
from shards.storage import StoragePath

RUNS_FILE = "runs.jsonl"


@dataclass(frozen=True)
class RunEntry:
    """One run.

    Attributes:
        started: UTC, ISO 8601.
        seconds: from the first shard to the last.
        photos, shards: in shards that this run finished; photos that were rejected there included.
        failed_shards: those it could not finish.
        executor, workers, device: what did the work.
        busy_seconds: of all workers, by stage.
    """

    started: str
    seconds: float
    photos: int
    shards: int
    failed_shards: int
    executor: str
    workers: str
    device: str
    busy_seconds: dict[str, float]


def utc_now() -> str:
    """To the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def append_run(meta: StoragePath, entry: RunEntry) -> None:
    """Add one line. Raises OSError as the system does."""
    path = meta / RUNS_FILE
    before = path.read_bytes() if path.is_file() else b""  # written whole: an object store cannot append
    write_durably(path, before + (json.dumps(dataclasses.asdict(entry), sort_keys=True) + "\n").encode())


def read_runs(meta: StoragePath) -> list[RunEntry]:
    """Every run in the file, in its order; lines that are none are passed over."""
    path = meta / RUNS_FILE
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n") if path.is_file() else []
    return [entry for line in lines if (entry := _entry(line)) is not None]


def _entry(line: str) -> RunEntry | None:
    try:
        entry = RunEntry(**json.loads(line))
        return replace(entry, seconds=float(entry.seconds), busy_seconds=dict(entry.busy_seconds))
    except Exception:  # a parser of damaged bytes raises nearly anything
        return None
