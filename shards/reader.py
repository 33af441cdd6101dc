"""Shards -> Samples, for training: equal steps on every rank, a seeded order, resume, counted drops.

The order is one array (order.py); each sample is read as one contiguous piece of bytes, at the offset that the marker
or the tar's headers give. So shuffling holds no samples in memory, and resuming skips samples without reading them.
Tars are read strictly (archive.py): a cut one is an error, not a short epoch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import Generic, TypeVar

from upath import UPath

from .access import DAMAGE, SampleAccess, ShardFile, list_samples
from .archive import shard_tars
from .codec import decode
from .complaint import Complaint
from .index import marked_shards
from .marker import Marker, complete_marker, tar_path
from .object_store import asking
from .order import ReaderShard, epoch_order
from .record import SPLITS
from .sample import Sample
from .storage import StoragePath, storage_path

T = TypeVar("T")
Location = str | PathLike[str] | StoragePath
_REQUESTS = 16  # markers that are read at the same time: a store answers each after tens of milliseconds


def find_shards(paths: Location | Iterable[Location], *, split: str | None = None) -> list[ShardFile]:
    """The shards to read, in the order given; those of a folder by name.

    Args:
        paths: a data set's folder, a folder of tars, a tar, or several of these; local paths or fsspec URLs.
        split: keep only the tars called SPLIT-*.

    Raises:
        ValueError: a path that is a command, does not exist, or an unfinished shard; no shard at all.
    """
    if split is not None and split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)} or None, got {split!r}")
    several = [paths] if isinstance(paths, (str, PathLike, UPath)) else list(paths)
    shards = [shard for path in several for shard in _shards_at(path, split)]
    if not any(shard.samples for shard in shards):
        wanted = f"samples of split {split}" if split else "samples"
        raise ValueError(f"{', '.join(map(str, several)) or 'the list of paths'} must hold {wanted}, got none")
    return shards


class ShardStream(Generic[T], Iterator[T]):
    """Iterates over one reader's part of one epoch.

    It yields exactly `steps - samples_seen` samples. A damaged one is replaced by another of the same reader, so that
    ranks stay in step, and is noted in `dropped`.

    Attributes:
        steps: samples that each reader yields in one epoch.
        samples_seen: samples yielded so far, those before a resume included; store it to resume here.
        dropped: the damaged samples that were skipped, with shard, key, field and reason.

    Args:
        shards: from `find_shards`.
        reader_shard: which part of the epoch.
        decode: turns key and fields into the value to yield; raises FieldError for a damaged sample.
        samples_seen: where to resume in the epoch.
        verify: compare what is read with the crc32 of the markers; a sample that differs is a damaged one.
        max_dropped_fraction: of `steps`; beyond it, or for any damage if 0, the damage is raised.
    """

    def __init__(
        self,
        shards: Sequence[ShardFile],
        reader_shard: ReaderShard,
        decode: Callable[[str, Mapping[str, bytes]], T],
        *,
        samples_seen: int = 0,
        verify: bool = False,
        max_dropped_fraction: float = 0.0,
    ) -> None:
        if not 0.0 <= max_dropped_fraction <= 1.0:
            raise ValueError(f"max_dropped_fraction must lie in [0, 1], got {max_dropped_fraction}")
        order = epoch_order([shard.samples for shard in shards], reader_shard)
        self.steps = len(order)
        if not 0 <= samples_seen <= self.steps:
            raise ValueError(f"samples_seen must lie in [0, {self.steps}], the epoch's steps, got {samples_seen}")
        self.samples_seen = samples_seen
        self.dropped: list[Complaint] = []
        self._access, self._verify = SampleAccess(shards, decode), verify
        self._max_dropped = max_dropped_fraction * self.steps
        # After the end the order starts again: substitutes for dropped samples.
        self._order = [tuple(row) for row in order.tolist()]
        self._next = samples_seen

    def __iter__(self) -> ShardStream[T]:
        return self

    def __next__(self) -> T:
        while self.samples_seen < self.steps:
            shard, index = self._order[self._next % self.steps]
            self._next += 1
            try:
                value = self._access.read(shard, index, verify=self._verify)
            except DAMAGE as error:
                self._drop(self._access.complaint(shard, index, error), error)
                continue
            self.samples_seen += 1
            return value
        raise StopIteration

    def _drop(self, complaint: Complaint, error: Exception) -> None:
        self.dropped.append(complaint)
        if len(self.dropped) > self._max_dropped:
            raise ValueError(
                f"{complaint} ({len(self.dropped)} dropped in {self.steps} steps; run verify on the data set)"
            ) from error


def read_shards(
    paths: Location | Iterable[Location],
    *,
    split: str | None = None,
    seed: int | None = 0,
    epoch: int = 0,
    rank: int = 0,
    world_size: int = 1,
    worker: int = 0,
    num_workers: int = 1,
    shuffle_window: int = 1,
    samples_seen: int = 0,
    verify: bool | None = None,
    on_error: str = "raise",
    max_dropped_fraction: float = 0.01,
) -> ShardStream[Sample]:
    """Iterate over one reader's samples of one epoch.

    Args:
        paths, split: see `find_shards`.
        seed, epoch, rank, world_size, worker, num_workers, shuffle_window: see `ReaderShard`.
        samples_seen: `samples_seen` of the stream to go on from, made with the same other arguments.
        verify: compare every field that is read with its crc32 in the shard's marker, so that a flipped bit is a
            damaged sample, named with its field, and no picture. None: in epoch 0. Tars without markers have none.
        on_error: `raise` on the first damaged sample, or `skip` up to the fraction below.
        max_dropped_fraction: with `skip`, more damage than this share of the steps is an error after all.

    Raises:
        ValueError: bad arguments; a damaged sample (at iteration), naming shard, key and field.
        StoreError: a store that does not answer.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error must be raise or skip, got {on_error!r}")
    reader_shard = ReaderShard(seed, epoch, rank, world_size, worker, num_workers, shuffle_window)
    allowed = max_dropped_fraction if on_error == "skip" else 0.0
    shards = find_shards(paths, split=split)
    return ShardStream(
        shards,
        reader_shard,
        decode,
        samples_seen=samples_seen,
        verify=epoch == 0 if verify is None else verify,
        max_dropped_fraction=allowed,
    )


def _shards_at(location: Location, split: str | None) -> list[ShardFile]:
    text = str(location)
    if text.startswith("pipe:"):
        raise ValueError(f"{text} must be a path or a URL: shards are never read through commands")
    path = storage_path(location if isinstance(location, UPath) else os.fspath(location))
    with asking(path):
        is_data_set, is_tar = (path / "shards").is_dir(), path.is_file()
    if is_data_set:
        return _shards_of_data_set(path, split)
    tars: list[StoragePath] = [path] if is_tar else shard_tars(path)
    if not tars:
        packed = shard_tars(path, "*.tar.gz", "*.tgz")
        got = f"{packed[0].name}: gunzip it first" if packed else "neither"
        raise ValueError(f"{path} must be a data set, a tar or a folder of tars, got {got}")
    return [ShardFile(tar, _count_samples(tar)) for tar in tars if _in_split(split, tar.name)]


def _shards_of_data_set(out: StoragePath, split: str | None) -> list[ShardFile]:
    """The finished shards by their markers; a tar without its marker is an error, not a smaller data set."""
    found = {tar.stem for tar in shard_tars(out / "shards")} | set(marked_shards(out))
    names = sorted(name for name in found if _in_split(split, name))
    with ThreadPoolExecutor(_REQUESTS) as threads:
        markers = threads.map(lambda name: complete_marker(out, name), names)
        return [_finished(out, name, marker) for name, marker in zip(names, markers, strict=True)]


def _finished(out: StoragePath, name: str, marker: Marker | None) -> ShardFile:
    if marker is None:
        raise ValueError(f"shard {name} of {out} must be finished, got tar or marker that is not: render it again")
    return ShardFile(tar_path(out, name), marker.samples, out)


def _in_split(split: str | None, name: str) -> bool:
    return split is None or name.startswith(f"{split}-")


def _count_samples(tar: StoragePath) -> int:
    samples, damage = list_samples(tar)
    if damage:
        raise ValueError(f"{tar} must be a complete tar, got damage: {damage}")
    return len(samples)
