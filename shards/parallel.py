"""The results of a function over many items, in their order, from several processes."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
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


def map_in_order(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`function` of each item, in order; in this process for one worker. The results do not depend on `workers`.

    Args:
        function: can be pickled; runs in fresh processes, since one that was forked from a process with threads may
            wait for a lock that nobody holds any more.

    Raises:
        BrokenProcessPool: a worker was killed.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    items = iter(items)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        waiting.extend(pool.submit(function, item) for item in islice(items, AHEAD * workers))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(items, 1))
    finally:
        pool.shutdown(cancel_futures=True)
