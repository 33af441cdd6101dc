from __future__ import annotations

import dataclasses

import pytest

from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig
from pipelines.render.executors.job import ShardFailure
from pipelines.render.executors.shard_queue import ShardQueue, StallLimit, stall_limit
from pipelines.render.plan.plan import PlannedShard


def shard(name: str) -> PlannedShard:
    return PlannedShard(name, "train", ())


def test_a_shard_is_tried_as_often_as_asked_and_goes_behind_the_others() -> None:
    first, second = shard("train-000000"), shard("train-000001")
    queue = ShardQueue([first, second], 2, lambda: None)
    failure = ShardFailure(first.name, "a bug")
    assert queue.is_tried_again(queue.waiting.popleft(), failure)
    assert list(queue.waiting) == [second, first]
    assert not queue.is_tried_again(first, failure)
    assert list(queue.waiting) == [second, first], "the last try was not counted as another one to come"


def test_a_photo_counts_once_however_often_its_shard_is_tried() -> None:
    counted = []
    queue = ShardQueue([], 3, lambda: counted.append(1))
    totals = []
    for name, photos in (("a", 2), ("a", 1), ("b", 1), ("a", 4), ("a", 4)):
        queue.count(shard(name), photos)
        totals.append(len(counted))
    assert totals == [2, 2, 3, 5, 5]


def test_the_limit_follows_the_longest_pause_and_has_a_floor() -> None:
    limit = StallLimit("auto", shortest_s=600.0)
    assert limit.seconds == 600.0
    limit.note_pause(70.0)
    limit.note_pause(1.0)
    assert limit.seconds == 700.0
    given = StallLimit(5.0, shortest_s=600.0)
    given.note_pause(70.0)
    assert given.seconds == 5.0
    assert [StallLimit(given_s, 600.0).start_seconds for given_s in ("auto", 5.0, 900.0)] == [300.0, 300.0, 900.0]


def test_large_photos_have_more_time() -> None:
    """12 frames of 4096 x 3072 px are 151 megapixels, at 60 s each."""
    small = RenderConfig(SourceConfig("photos"), out="out")  # type: ignore[arg-type]
    large = dataclasses.replace(small, source=SourceConfig("photos", long_side=4096))
    assert stall_limit(small).seconds == 600.0
    assert stall_limit(large).seconds == pytest.approx(60 * 12 * 4096 * 3072 / 1e6)
    with pytest.raises(UserError, match="--stall-timeout-s must be auto or above 0; got 0"):
        ExecutionConfig(stall_timeout_s=0)
