from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards import ReaderShard, epoch_order
from shards.order import epoch_steps, windowed_shuffle

SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any)
CREWS = st.tuples(st.integers(1, 4), st.integers(1, 3))


def orders(sizes: list[int], world_size: int, num_workers: int, place: ReaderShard) -> list[list[tuple[int, int]]]:
    return [
        [
            tuple(row)
            for row in epoch_order(
                sizes,
                dataclasses.replace(place, rank=rank, world_size=world_size, worker=worker, num_workers=num_workers),
            ).tolist()
        ]
        for rank in range(world_size)
        for worker in range(num_workers)
    ]


@given(SIZES, CREWS, st.integers(0, 5), st.integers(1, 20))
def test_equal_steps_and_every_sample_once_but_for_the_wrap(
    sizes: list[int], crew: tuple[int, int], epoch: int, window: int
) -> None:
    readers = orders(sizes, *crew, ReaderShard(seed=3, epoch=epoch, shuffle_window=window))
    steps = epoch_steps(sizes, len(readers))
    assert {len(reader) for reader in readers} == {steps}
    seen = Counter(sample for reader in readers for sample in reader)
    assert set(seen) == {(shard, i) for shard, size in enumerate(sizes) for i in range(size)}
    repeated = sum(seen.values()) - len(seen)
    assert repeated == steps * len(readers) - sum(sizes) < len(readers)


def test_seven_uneven_shards_over_two_ranks() -> None:
    """The case in which the library's own splitting gave 40 and 30 samples, and the collective hung."""
    readers = orders([10] * 7, 2, 1, ReaderShard())
    assert [len(reader) for reader in readers] == [35, 35]


def test_fewer_shards_than_readers() -> None:
    readers = orders([8], 4, 1, ReaderShard(seed=None))
    assert readers == [[(0, 0), (0, 1)], [(0, 2), (0, 3)], [(0, 4), (0, 5)], [(0, 6), (0, 7)]]


def test_a_reader_opens_few_shards() -> None:
    for reader in orders([10] * 40, 4, 2, ReaderShard(shuffle_window=30)):
        assert len({shard for shard, _ in reader}) <= 40 / 8 + 1


def test_without_a_seed_samples_come_in_their_own_order() -> None:
    place = ReaderShard(seed=None, shuffle_window=5)
    assert orders([2, 0, 3], 1, 1, place) == [[(0, 0), (0, 1), (2, 0), (2, 1), (2, 2)]]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[tuple[int, int]]:
        return orders([5] * 9, 1, 1, ReaderShard(seed=seed, epoch=epoch))[0]

    assert order(1, 2) == order(1, 2)
    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9


@pytest.mark.parametrize(("world_size", "num_workers"), [(4, 1), (1, 4), (2, 2)])
def test_every_reader_shuffles_with_a_stream_of_its_own(world_size: int, num_workers: int) -> None:
    readers = orders([40], world_size, num_workers, ReaderShard(seed=3, shuffle_window=10))
    shuffles = [tuple(sample - min(reader)[1] for _, sample in reader) for reader in readers]
    assert all(sorted(shuffle) == list(range(10)) for shuffle in shuffles)
    assert len(set(shuffles)) == 4


@given(st.integers(0, 60), st.integers(1, 80), st.integers(0, 9))
def test_the_windowed_shuffle_is_what_a_buffer_does(count: int, window: int, seed: int) -> None:
    order = windowed_shuffle(count, window, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(count))
    # An item cannot leave before it has come in: at most `window` items ahead of the step.
    assert all(item < step + window for step, item in enumerate(order.tolist()))


def test_a_wide_window_mixes_shards() -> None:
    first = [shard for shard, _ in orders([50, 50], 1, 1, ReaderShard(shuffle_window=100))[0][:50]]
    assert 10 < sum(first) < 40  # binomial(50, 1/2): 4 standard deviations are 14


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"rank": 2, "world_size": 2}, r"rank must lie in \[0, 2\), got 2"),
        ({"worker": -1}, "worker must lie in"),
        ({"world_size": 0}, "world_size must be at least 1"),
        ({"shuffle_window": 0}, "shuffle_window must be at least 1"),
        ({"epoch": -1}, "seed and epoch must be at least 0"),
        ({"seed": -1}, "seed and epoch must be at least 0"),
    ],
)
def test_a_reader_shard_refuses(place: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReaderShard(**place)  # type: ignore[arg-type]
