"""Who reads which sample when: one pure array a reader, from the sizes of the shards and the reader's place.

The shards are put in an order drawn from (seed, epoch); their samples, one after another, are the epoch's stream.
Each of the world_size * num_workers readers takes an equally long run of it, the last run wrapping around to the
stream's start. So every reader has the same number of steps however uneven the shards are (a collective never waits
for a rank that has run out), at most readers - 1 samples are seen twice, and a reader opens few shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

_SHARDS, _SAMPLES = 0, 1  # purposes of the random draws


@dataclass(frozen=True)
class Share:
    """One reader's place.

    Attributes:
        seed, epoch: what the order is drawn from; seed None keeps the shards' and samples' own order.
        rank, world_size: this process among those that train together.
        worker, num_workers: this loader worker among those of its rank.
        shuffle_window: samples are shuffled as by a buffer of this many; 1 leaves them in the order of their shard.
    """

    seed: int | None = 0
    epoch: int = 0
    rank: int = 0
    world_size: int = 1
    worker: int = 0
    num_workers: int = 1
    shuffle_window: int = 1

    def __post_init__(self) -> None:
        for name in ("world_size", "num_workers", "shuffle_window"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name, total in (("rank", self.world_size), ("worker", self.num_workers)):
            if not 0 <= getattr(self, name) < total:
                raise ValueError(f"{name} must lie in [0, {total}), got {getattr(self, name)}")
        if self.epoch < 0 or (self.seed is not None and self.seed < 0):
            raise ValueError(f"seed and epoch must be at least 0, got seed {self.seed}, epoch {self.epoch}")

    @property
    def readers(self) -> int:
        """Number of readers that share an epoch."""
        return self.world_size * self.num_workers

    @property
    def reader(self) -> int:
        """Index of this reader among them."""
        return self.rank * self.num_workers + self.worker

    def draws(self, purpose: int) -> np.random.Generator:
        """Random numbers for one purpose of one epoch."""
        assert self.seed is not None, "no seed, no draws"
        place = (self.reader,) if purpose == _SAMPLES else ()  # all readers must agree on the shards
        return np.random.default_rng([self.seed, self.epoch, purpose, *place])


def epoch_steps(samples_of_shard: Sequence[int], readers: int) -> int:
    """Samples each reader gives in one epoch: the same number for all."""
    return -(-sum(samples_of_shard) // readers)


def epoch_order(samples_of_shard: Sequence[int], share: Share) -> Int64[np.ndarray, "steps 2"]:
    """What one reader reads in one epoch: rows of (shard index, sample index within the shard), in order.

    Args:
        samples_of_shard: number of samples in each shard.
        share: the reader's place.
    """
    counts = np.asarray(samples_of_shard, dtype=np.int64)  # [S]
    shards = np.arange(len(counts))
    if share.seed is not None:
        shards = share.draws(_SHARDS).permutation(shards)
    starts = np.concatenate([[0], np.cumsum(counts[shards])])  # [S + 1], where each shard begins in the stream
    steps = epoch_steps(samples_of_shard, share.readers)
    stream = np.arange(share.reader * steps, (share.reader + 1) * steps) % max(1, starts[-1])  # [steps]
    if share.seed is not None and share.shuffle_window > 1:
        stream = stream[windowed_shuffle(steps, share.shuffle_window, share.draws(_SAMPLES))]
    place = np.searchsorted(starts, stream, side="right") - 1  # [steps], empty shards are never hit
    return np.stack([shards[place], stream - starts[place]], axis=1).astype(np.int64)


def windowed_shuffle(count: int, window: int, draws: np.random.Generator) -> Int64[np.ndarray, " count"]:
    """The order in which `count` items leave a buffer of `window` items that gives a random one for each new one."""
    window = min(window, count)
    buffer = np.arange(window, dtype=np.int64)
    order = np.empty(count, dtype=np.int64)
    for step, slot in enumerate(draws.integers(0, max(1, window), size=count - window)):
        order[step] = buffer[slot]
        buffer[slot] = window + step
    order[count - window :] = draws.permutation(buffer)
    return order
