"""Shards -> batches: one seeded order for all processes, decoded in workers, resumed at any batch.

The order of an epoch is one array drawn from (seed, epoch) (shards/order.py): shards permuted as a whole, samples
shuffled as by a buffer. Batch j of an epoch is its positions [j·G, (j + 1)·G), where G is the batch size of all ranks
together; rank r takes the r-th part. The order is therefore the same for any number of ranks and workers, every rank
has the same number of batches however uneven the shards, and one number resumes it: the batches read so far.
The array is shuffled; no decoded sample waits in a buffer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from pipelines.errors import UserError
from pipelines.train.batch import Item, PackedBatch, collate
from pipelines.train.config import DataConfig, ObjectiveConfig
from pipelines.train.group import read_group
from shards import Complaint, ReaderShard, SampleAccess, ShardFile, StoreError, epoch_order, find_shards
from shards.access import DAMAGE
from shards.codec import decode_record

EpochPosition = tuple[int, int]  # epoch, index in its order


@dataclass(frozen=True)
class Rank:
    """This process among those that train together (data-parallel)."""

    rank: int = 0
    world_size: int = 1


class GroupDataset(Dataset[Item]):
    """Groups by position; the next readable sample of the order replaces a damaged one, which is reported."""

    def __init__(self, shards: Sequence[ShardFile], data: DataConfig, objective: ObjectiveConfig, seed: int) -> None:
        self.samples = sum(shard.samples for shard in shards)
        self._sizes = [shard.samples for shard in shards]
        every = [(number, index) for number, size in enumerate(self._sizes) for index in range(size)]
        self._labeled = every[: data.labeled_scenes] or None  # None: all are
        self._data, self._objective, self._seed = data, objective, seed
        self._access = SampleAccess(shards, lambda key, fields: (key, fields))
        self._order = lru_cache(2)(self._draw_order)

    def __getitem__(self, place: EpochPosition) -> Item:
        epoch, position = place
        dropped: list[Complaint] = []
        for offset in range(self.samples):
            shard, index = self._sample_at(epoch, position, offset)
            try:
                draws = np.random.default_rng([self._seed, epoch, position])
                key, fields = self._access.read(shard, index, verify=self._verifies(epoch))
                is_labeled = self._labeled is None or (shard, index) in self._labeled
                group = read_group(key, fields, draws, self._data, self._objective, is_labeled=is_labeled)
                return group, tuple(dropped)
            except DAMAGE as error:
                dropped.append(self._access.complaint(shard, index, error))
        raise UserError(
            f"--data {self._data.data} has no sample that can be read; the first: {dropped[0]}", exit_code=1
        )

    def _sample_at(self, epoch: int, position: int, offset: int) -> tuple[int, int]:
        """Shard and index; every second item comes from the labeled scenes where only some are."""
        if self._labeled is not None and position % 2 == 0:
            return self._labeled[((epoch * self.samples + position) // 2 + offset) % len(self._labeled)]
        shard, index = self._order(epoch)[(position + offset) % self.samples]
        return int(shard), int(index)

    def _verifies(self, epoch: int) -> bool:
        return self._data.verify == "always" or (self._data.verify == "first-epoch" and epoch == 0)

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        return epoch_order(self._sizes, ReaderShard(self._seed, epoch, shuffle_window=self._data.shuffle_window))


class PositionSampler:
    """The positions of `count` batches of one rank, starting at batch number `first`.

    Attributes:
        per_epoch: batches of one epoch, the same for every rank.
    """

    def __init__(self, samples: int, batch_size: int, rank: Rank, *, first: int, count: int) -> None:
        self.per_epoch = -(-samples // (batch_size * rank.world_size))
        self._batch_size, self._rank, self._first, self._count = batch_size, rank, first, count

    def __iter__(self) -> Iterator[list[EpochPosition]]:
        for number in range(self._first, self._first + self._count):
            epoch, batch = divmod(number, self.per_epoch)
            start = (batch * self._rank.world_size + self._rank.rank) * self._batch_size
            yield [(epoch, start + i) for i in range(self._batch_size)]  # the order wraps around at its end

    def __len__(self) -> int:
        return self._count


def open_batches(dataset: GroupDataset, positions: PositionSampler, data: DataConfig) -> Iterator[PackedBatch]:
    """Batches in the order of `positions`, read by `data.workers` processes.

    Raises UserError when no sample can be read, StoreError when a store does not answer.
    """
    try:
        yield from _loader(dataset, positions, data)
    except (UserError, StoreError) as error:  # of a worker: torch puts its whole traceback into the message
        last_line = str(error).strip().splitlines()[-1]
        reason = last_line.removeprefix(f"{type(error).__module__}.{type(error).__qualname__}: ")
        raise (UserError(reason, exit_code=1) if isinstance(error, UserError) else StoreError(reason)) from None


def _loader(dataset: GroupDataset, positions: PositionSampler, data: DataConfig) -> Iterable[PackedBatch]:
    return DataLoader(
        dataset,
        batch_sampler=positions,
        num_workers=data.workers,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        # Workers use no GPU, and the data set's open caches cannot be pickled for a fresh interpreter.
        multiprocessing_context="fork" if data.workers else None,
    )


def find_training_shards(data: DataConfig) -> list[ShardFile]:
    """The shards of the split; one sample is read, so that unusable data fail before training.

    Raises UserError: no data set, no samples, no stacking groups, or groups of fewer planes than targets.
    """
    try:
        shards = find_shards(data.data, split=data.split)
    except ValueError as error:
        raise UserError(f"--data {error}; name the --out folder of a render run, or another --split") from error
    access = SampleAccess(shards, lambda key, fields: decode_record(fields).planes)
    reason = ""
    for number, index in ((n, i) for n, shard in enumerate(shards) for i in range(shard.samples)):
        try:
            planes = access.read(number, index)
        except DAMAGE as error:
            reason = reason or str(access.complaint(number, index, error))
            continue
        if planes < data.targets:
            raise UserError(
                f"--data {data.data} must have stacking groups of at least --targets {data.targets} planes, its groups "
                f"have {planes}; render with more --planes or lower --targets"
            )
        return shards
    raise UserError(f"--data {data.data} must have stacking groups of at least 2 planes; the first sample: {reason}")
