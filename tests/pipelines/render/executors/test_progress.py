from __future__ import annotations

import io
import sys
import threading

import pytest

from pipelines.render.executors.progress import RenderProgress
from pipelines.render.executors.stage_clock import StageClock, shares


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "is_drawn"), [(Terminal(), True), (io.StringIO(), False)])
def test_the_bar_is_drawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, is_drawn: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "160")
    with RenderProgress(3) as progress:
        progress.photo_done()
        progress.photo_done()
        progress.shard_done({"render": 3.0, "encode": 1.0})
    drawn = stream.getvalue()
    assert bool(drawn) == is_drawn
    if is_drawn:
        assert "2/3" in drawn
        assert "render 75%, encode 25%" in drawn


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
    progress = RenderProgress(2)
    progress.shard_done({"render": 1.0})
    progress.shard_done({"render": 2.0, "depth": 0.5})
    assert dict(progress.seconds) == {"render": 3.0, "depth": 0.5}


def test_a_stage_that_fails_is_timed_too() -> None:
    clock = StageClock()
    with pytest.raises(KeyError), clock.stage("depth"):
        raise KeyError
    assert clock.seconds["depth"] > 0


def test_shares_of_no_work_are_said() -> None:
    assert shares({"depth": 0.0}) == "no work"
    assert shares({"depth": 0.0, "render": 2.0}) == "render 100%"
