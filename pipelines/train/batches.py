"""Shards -> batches: one seeded order for all processes, decoded in workers, resumed at any batch.

The order of an epoch is one array drawn from (seed, epoch) (shards/order.py): shards permuted as a whole, samples
shuffled as by a buffer. Batch j of an epoch is its places [j·G, (j + 1)·G), G the batch of all processes together,
of which rank r takes the r-th part. So it does not matter how many processes or workers there are, every rank has
equally many batches however uneven the shards, and where to go on is one number: batches given.
What is shuffled is the array; nothing waits decoded in a buffer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pipelines.errors import UserError
from pipelines.train.config import DataConfig, ObjectiveConfig
from pipelines.train.group import TrainingGroup, read_group
from shards import Complaint, ReaderShard, SampleAccess, ShardFile, epoch_order, find_shards
from shards.access import DAMAGE
from shards.codec import decode_record

Place = tuple[int, int]  # epoch, position in its order


@dataclass(frozen=True, eq=False)
class Batch:
    """B groups; the fields of TrainingGroup with a leading B, on one device, and what was passed over for them."""

    keys: tuple[str, ...]
    reference: Tensor  # [B, 3, H, W]
    aif: Tensor  # [B, 3, H, W]
    disparity: Tensor  # [B, H, W]
    targets: Tensor  # [B, n, 3, H, W]
    focus_point: Tensor  # [B, n, 2]
    point_disparity: Tensor  # [B, n]
    focus_disparity: Tensor  # [B, n]
    blur_level: Tensor  # [B]
    blur_scale_px: Tensor  # [B]
    time: Tensor  # [B]
    noise: Tensor  # [B, n, 3, H, W]
    without_depth: Tensor  # [B], bool
    without_condition: Tensor  # [B], bool
    dropped: tuple[Complaint, ...] = ()

    def to(self, device: torch.device | str) -> Batch:
        """The same on another device."""
        moved: dict[str, Any] = {
            name: value.to(device, non_blocking=True) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return dataclasses.replace(self, **moved)


@dataclass(frozen=True)
class Rank:
    """Which process this is."""

    rank: int = 0
    world_size: int = 1


Item = tuple[TrainingGroup, tuple[Complaint, ...]]
"""A group, and what was passed over to get it."""


class GroupDataset(Dataset[Item]):
    """Items by place; a damaged sample is replaced by the next of the order, and reported."""

    def __init__(self, shards: Sequence[ShardFile], data: DataConfig, objective: ObjectiveConfig, seed: int) -> None:
        self.samples = sum(shard.samples for shard in shards)
        self._sizes = [shard.samples for shard in shards]
        self._data, self._objective, self._seed = data, objective, seed
        self._access = SampleAccess(shards, lambda key, fields: (key, fields))
        self._order = lru_cache(2)(self._draw_order)

    def __getitem__(self, place: Place) -> Item:
        epoch, position = place
        order = self._order(epoch)
        dropped: list[Complaint] = []
        for offset in range(self.samples):
            shard, index = (int(part) for part in order[(position + offset) % self.samples])
            try:
                draws = np.random.default_rng([self._seed, epoch, position])
                key, fields = self._access.read(shard, index)
                return read_group(key, fields, draws, self._data, self._objective), tuple(dropped)
            except DAMAGE as error:
                dropped.append(self._access.complaint(shard, index, error))
        raise UserError(
            f"--data {self._data.data} has no sample that can be read; the first: {dropped[0]}", exit_code=1
        )

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        return epoch_order(self._sizes, ReaderShard(self._seed, epoch, shuffle_window=self._data.shuffle_window))


class Places:
    """The places of one process's batches from the `first` one on, `count` batches.

    Attributes:
        per_epoch: batches of one epoch, the same for every process.
    """

    def __init__(self, samples: int, batch_size: int, rank: Rank, *, first: int, count: int) -> None:
        self.per_epoch = -(-samples // (batch_size * rank.world_size))
        self._batch_size, self._rank, self._first, self._count = batch_size, rank, first, count

    def __iter__(self) -> Iterator[list[Place]]:
        for number in range(self._first, self._first + self._count):
            epoch, batch = divmod(number, self.per_epoch)
            start = (batch * self._rank.world_size + self._rank.rank) * self._batch_size
            yield [(epoch, start + i) for i in range(self._batch_size)]  # beyond the end the order begins anew

    def __len__(self) -> int:
        return self._count


def open_batches(dataset: GroupDataset, places: Places, data: DataConfig) -> Iterable[Batch]:
    """Batches in the order of `places`, read in `data.workers` processes."""
    return DataLoader(
        dataset,
        batch_sampler=places,
        num_workers=data.workers,
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        # Workers touch no GPU, and the data set holds open caches that cannot be sent to a fresh interpreter.
        multiprocessing_context="fork" if data.workers else None,
    )


def collate(items: Sequence[Item]) -> Batch:
    """Stack items to a batch."""
    groups = [group for group, _ in items]

    def stacked(name: str) -> Tensor:
        values = [getattr(group, name) for group in groups]
        if isinstance(values[0], bool):
            return torch.tensor(values)
        return torch.from_numpy(np.stack([np.asarray(value, np.float32) for value in values]))

    names = [field.name for field in dataclasses.fields(TrainingGroup) if field.name != "key"]
    return Batch(
        keys=tuple(group.key for group in groups),
        dropped=tuple(complaint for _, dropped in items for complaint in dropped),
        **{name: stacked(name) for name in names},
    )


def find_training_shards(data: DataConfig) -> list[ShardFile]:
    """The shards of the split, looked into: whether there is anything to train on is known before training.

    Raises UserError: no data set, no samples, no stacking groups, or groups of fewer planes than targets.
    """
    try:
        shards = find_shards(data.data, split=data.split)
    except ValueError as error:
        raise UserError(f"--data {error}; name the --out folder of a render run, or another --split") from error
    access = SampleAccess(shards, _planes_of)
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


def _planes_of(key: str, fields: Mapping[str, bytes]) -> int:
    return decode_record(fields).planes
