"""The order in which each reader reads samples: one pure array, from the sizes of the shards and the reader's rank.

The shards are put in an order drawn from (seed, epoch); their samples, one after another, are the epoch's stream.
Each of the world_size * num_workers readers takes an equally long run of it, the last run wrapping around to the
stream's start. So every reader has the same number of steps however uneven the shards are (a collective never waits
for a rank that has run out), at most readers - 1 samples are seen twice, and a reader opens few shards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

_SHARDS, _SAMPLES = 0, 1  # purposes of random numbers


@dataclass(frozen=True)
class ReaderShard:
    """Which part of an epoch one reader reads, and in what order.

    Attributes:
        seed, epoch: what the order is drawn from; seed None keeps shards and samples in order.
        rank, world_size: index of this data-parallel process, and their number.
        worker, num_workers: index of this loader worker within its rank, and their number.
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
        """Number of readers of one epoch."""
        return self.world_size * self.num_workers

    @property
    def reader(self) -> int:
        """Index of this reader, in [0, readers)."""
        return self.rank * self.num_workers + self.worker

    def rng(self, purpose: int) -> np.random.Generator:
        """The generator for one purpose in this epoch; samples are shuffled by another stream in each reader."""
        assert self.seed is not None, "no seed, no draws"
        place = (self.reader,) if purpose == _SAMPLES else ()  # all readers must agree on the shards
        return np.random.default_rng([self.seed, self.epoch, purpose, *place])


def epoch_steps(samples_of_shard: Sequence[int], readers: int) -> int:
    """Number of samples that each reader reads in one epoch, equal for all."""
    return -(-sum(samples_of_shard) // readers)


def epoch_order(samples_of_shard: Sequence[int], reader_shard: ReaderShard) -> Int64[np.ndarray, "steps 2"]:
    """The samples that one reader reads in one epoch, in order: rows of (shard index, sample index in the shard).

    Args:
        samples_of_shard: number of samples in each shard.
        reader_shard: which part of the epoch.
    """
    counts = np.asarray(samples_of_shard, dtype=np.int64)  # [S]
    shards = np.arange(len(counts))
    if reader_shard.seed is not None:
        shards = reader_shard.rng(_SHARDS).permutation(shards)
    starts = np.concatenate([[0], np.cumsum(counts[shards])])  # [S + 1], where each shard begins in the stream
    steps = epoch_steps(samples_of_shard, reader_shard.readers)
    stream = np.arange(reader_shard.reader * steps, (reader_shard.reader + 1) * steps) % max(1, starts[-1])  # [steps]
    if reader_shard.seed is not None and reader_shard.shuffle_window > 1:
        stream = stream[windowed_shuffle(steps, reader_shard.shuffle_window, reader_shard.rng(_SAMPLES))]
    place = np.searchsorted(starts, stream, side="right") - 1  # [steps], empty shards are never hit
    return np.stack([shards[place], stream - starts[place]], axis=1).astype(np.int64)


def windowed_shuffle(count: int, window: int, rng: np.random.Generator) -> Int64[np.ndarray, " count"]:
    """The order in which `count` items leave a buffer of `window` items that emits a random one for each new one."""
    window = min(window, count)
    buffer = np.arange(window, dtype=np.int64)
    order = np.empty(count, dtype=np.int64)
    for step, slot in enumerate(rng.integers(0, max(1, window), size=count - window)):
        order[step] = buffer[slot]
        buffer[slot] = window + step
    order[count - window :] = rng.permutation(buffer)
    return order
