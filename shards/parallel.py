"""The results of a function over many items, in their order, from several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 4
"""Items in flight for each worker: results wait for their turn, so it bounds memory."""


CPU_QUOTAS = ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
"""Of a container, below /sys/fs/cgroup: version 2 in one file, version 1 in two."""


def cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """CPU cores that this process may use: by its affinity, and by the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    words = " ".join(file.read_text() for name in CPU_QUOTAS if (file := cgroup / name).is_file()).split()
    if len(words) == 2 and all(word.isdigit() for word in words):  # else `max` or -1: no quota
        quota, period = map(int, words)
        allowed = min(allowed, max(1, quota // period))
    return allowed


class Workers:
    """Processes that last for several maps; a context manager. They start when they are first needed.

    They are fresh ones: a process that was forked from one with threads may wait for a lock that nobody holds any more.
    """

    is_local = True
    """Whether they share this machine, and its network card."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function` (it can be pickled) of each item, in order; in this process for one worker.

        Raises BrokenProcessPool when a worker was killed.
        """
        if self.count <= 1:
            yield from map(function, items)
            return
        if self._pool is None:
            context, ignore = multiprocessing.get_context("spawn"), (signal.SIGINT, signal.SIG_IGN)
            self._pool = ProcessPoolExecutor(self.count, context, initializer=signal.signal, initargs=ignore)
        items = iter(items)
        waiting = deque(self._pool.submit(function, item) for item in islice(items, AHEAD * self.count))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(self._pool.submit(function, item) for item in islice(items, 1))


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`Workers.map` with workers of its own. The results do not depend on their number."""
    with Workers(workers) as processes:
        yield from processes.map(function, items)
