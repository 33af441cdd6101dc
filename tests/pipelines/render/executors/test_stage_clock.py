from __future__ import annotations

import threading

import pytest

from pipelines.render.executors.job import ShardReport
from pipelines.render.executors.shards import RenderedShards
from pipelines.render.executors.stage_clock import StageClock, shares


def test_seconds_of_all_shards_and_threads_add_up() -> None:
    clock = StageClock()

    def work() -> None:
        for _ in range(50):
            with clock.stage("encode"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.seconds["encode"] > 0
    assert clock.seconds["render"] == 0
    rendered = RenderedShards()
    rendered.add(ShardReport("train-000000", 2, (), {"render": 1.0}))
    rendered.add(ShardReport("train-000001", 2, (), {"render": 2.0, "depth": 0.5}))
    assert (rendered.seconds, rendered.failed) == ({"render": 3.0, "depth": 0.5}, {})


def test_a_stage_that_fails_is_timed_too() -> None:
    clock = StageClock()
    with pytest.raises(KeyError), clock.stage("depth"):
        raise KeyError
    assert clock.seconds["depth"] > 0


def test_shares_of_no_work_are_said() -> None:
    assert shares({"depth": 0.0}) == "no work"
    assert shares({"depth": 0.0, "render": 2.0}) == "render 100%"
