"""Shards that wait for a worker, tries of those that failed, and how long a worker may be silent."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipelines.render.config import RenderConfig
from pipelines.render.estimate import megapixels_per_sample
from pipelines.render.executors.job import ShardFailure
from pipelines.render.plan.plan import PlannedShard

START_S = 300.0
"""Long enough for a process to import torch, also over a slow network."""
SHORTEST_STALL_S = 600.0
"""Long enough to load a model, also over a slow network."""
SLOWEST_S_PER_MEGAPIXEL = 60.0
"""Of frames; a core took at most 9 (`exact`, 160 x 120 px), so this is no worker at work."""
STALL_FACTOR = 10.0
"""Silence that counts as a hang, in longest pauses so far: nodes and photos differ."""

_log = logging.getLogger(__name__)


class ShardQueue:
    """Which shard comes next. Counts photos once, however often their shard is tried."""

    def __init__(self, shards: Sequence[PlannedShard], attempts: int, on_photo: Callable[[], None]) -> None:
        self.waiting = deque(shards)
        self._attempts = attempts
        self._on_photo = on_photo
        self._tried: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()

    def count(self, shard: PlannedShard, photos: int) -> None:
        """Call `on_photo` for those of a shard's first `photos` photos that were not counted yet."""
        for _ in range(self._counted[shard.name], photos):
            self._on_photo()
        self._counted[shard.name] = max(photos, self._counted[shard.name])

    def is_tried_again(self, shard: PlannedShard, failure: ShardFailure) -> bool:
        """Note a failed try; whether the shard waits for another one."""
        self._tried[shard.name] += 1
        tries = self._tried[shard.name]
        _log.warning("%s failed, attempt %d of %d: %s", shard.name, tries, self._attempts, failure.reason)
        if tries < self._attempts:
            self.waiting.append(shard)
        return tries < self._attempts


@dataclass
class StallLimit:
    """Seconds without a finished photo after which a worker counts as hung: given, or derived from measured pauses.

    shortest_s: bound from below on a derived limit, for a run whose pace is not known yet.
    """

    given_s: float | Literal["auto"]
    shortest_s: float
    longest_pause_s: float = field(default=0.0, init=False)

    def note_pause(self, seconds: float) -> None:
        """A worker finished a photo after this time."""
        self.longest_pause_s = max(self.longest_pause_s, seconds)

    @property
    def seconds(self) -> float:
        if self.given_s != "auto":
            return self.given_s
        return max(self.shortest_s, STALL_FACTOR * self.longest_pause_s)

    @property
    def start_seconds(self) -> float:
        """Seconds between a worker's process and its first answer after which it counts as hung."""
        return START_S if self.given_s == "auto" else max(START_S, self.given_s)


def stall_limit(config: RenderConfig) -> StallLimit:
    """The limit of a run that has not begun: large photos and stacks have more time."""
    return StallLimit(
        config.execution.stall_timeout_s,
        max(SHORTEST_STALL_S, SLOWEST_S_PER_MEGAPIXEL * megapixels_per_sample(config)),
    )
