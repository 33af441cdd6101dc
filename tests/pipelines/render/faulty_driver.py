"""A driver whose workers die: `python -m tests.pipelines.render.faulty_driver render --photos ...`.

Told by its environment. FAULTS is a JSON object: name of a shard -> kinds of death, one for each time it is tried.
DIARY is a folder in which workers leave one empty file for every shard they begin (`SHARD.ATTEMPT.NODE`), so that a
test can count deaths and see where a shard was in work. SLOW seconds a shard give the test time to intervene. So many
workers as HANGING says hang while they import.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipelines.render.executors.job import ShardReport
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.plan.plan import PlannedShard

DIARY, FAULTS, SLOW, HANGING = "FAULTY_DIARY", "FAULTY_FAULTS", "FAULTY_SLOW", "FAULTY_HANGING"
told: dict[str, str] = {}
"""The driver's environment. It travels with the class, by value: workers of a cluster have another environment."""


def die(kind: str) -> None:
    """End this process as a crash would, or raise as a bug would."""
    if kind == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "SIGSEGV":
        ctypes.string_at(0)
    if kind == "exit":
        os._exit(17)
    if kind == "sleep":
        time.sleep(10**9)
    if kind == "memory":  # until Ray's monitor, the kernel or the allocator puts an end to it
        import resource

        room = 4 << 30
        with open("/proc/self/statm") as pages:
            used = int(pages.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
        hog = []
        while True:
            hog.append(bytearray(os.urandom(1 << 16)) * (1 << 10))
    raise RuntimeError(f"a bug ({kind})")


class Import:
    """Is imported, with the class below, before a worker can answer."""

    def __reduce__(self) -> tuple[Any, ...]:
        return imported, (told,)


def imported(told: dict[str, str]) -> None:
    """Hang, in as many processes as are told to."""
    for number in range(int(told[HANGING])):
        with suppress(FileExistsError):
            (Path(told[DIARY]) / f"hung-{number}").touch(exist_ok=False)
            time.sleep(10**9)


class FaultyWorker(ShardWorker):
    """Writes into the diary, waits, dies half-way through a shard as often as it is told to."""

    start = Import()

    def render_shard(self, shard: PlannedShard) -> ShardReport:
        diary = Path(told[DIARY])
        attempt = len(list(diary.glob(f"{shard.name}.*")))
        (diary / f"{shard.name}.{attempt}.{_node()}").touch()
        time.sleep(float(told[SLOW]))
        kinds = json.loads(told[FAULTS]).get(shard.name, [])
        if attempt < len(kinds):
            self._half_a_shard(shard, kinds[attempt])
        return super().render_shard(shard)

    def _half_a_shard(self, shard: PlannedShard, kind: str) -> None:
        from shards.writer import ShardWriter

        writer = ShardWriter(self._paths.out, shard.name)  # its temporary is what a crash leaves lying about
        writer.__enter__()
        die(kind)


def _node() -> str:
    """Where this process is; inline there is no Ray."""
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else "inline"


def main() -> None:
    """The command line of refocus-foundry with other workers."""
    import ray

    from pipelines.command_line import run_command
    from pipelines.render.executors import ray_pool as run_ray
    from pipelines.render.executors import shard_queue

    told.update({name: os.environ[name] for name in (DIARY, FAULTS, SLOW, HANGING)})
    if told[HANGING] != "0":
        shard_queue.START_S = 40.0
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Ray's processes cannot import this file
    run_ray.ShardWorker = FaultyWorker  # type: ignore[misc]
    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
