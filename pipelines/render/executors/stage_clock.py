"""Where a worker's time goes: busy seconds of each stage, added up over its threads."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

STAGES = ("photo", "depth", "label", "render", "encode", "write")


class StageClock:
    """Adds up seconds by stage; threads may use it at once."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._lock = threading.Lock()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as part of a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            with self._lock:
                self.seconds[name] += elapsed


def shares(seconds: Mapping[str, float]) -> str:
    """`depth 12 %, render 71 %, encode 15 %`: how the busy time divides."""
    total = sum(seconds.values())
    if total <= 0:
        return "no work"
    return ", ".join(f"{name} {spent / total:.0%}" for name, spent in seconds.items() if spent > 0)
