from __future__ import annotations

import io
import re
import sys
import time

import pytest

from pipelines.runs import progress_bar
from pipelines.runs.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "is_drawn"), [(Terminal(), True), (io.StringIO(), False)])
def test_the_bar_is_drawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, is_drawn: bool
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "160")
    with ProgressBar("render", "photos", 3) as bar:
        bar.advance()
        bar.advance()
        bar.note("render 75%, encode 25%")
    drawn = stream.getvalue()
    assert bool(drawn) == is_drawn
    if is_drawn:
        assert "2/3" in drawn
        assert "render 75%, encode 25%" in drawn


def test_items_are_counted_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "160")
    assert list(ProgressBar("preview", "samples", 2).count("ab")) == ["a", "b"]
    assert "2/2" in stream.getvalue()


def test_a_bar_that_is_not_shown_is_not_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressBar("train", "steps", 2, is_shown=False) as bar:
        bar.advance()
    assert stream.getvalue() == ""


def test_off_a_terminal_a_line_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress_bar, "LINE_S", 0.05)
    with caplog.at_level("INFO"):
        with ProgressBar("render", "photos", 3) as bar:
            bar.advance()
            bar.note("1 rejected")
            time.sleep(0.2)
            bar.advance()
            time.sleep(0.2)
        before = len(caplog.messages)
        time.sleep(0.2)
    assert len(caplog.messages) == before
    assert re.fullmatch(r"render 1/3 photos, 1 rejected", caplog.messages[1])
    assert re.fullmatch(r"render 2/3 photos, [\d.]+/s, left 0:00:0\d, 1 rejected", caplog.messages[-1])


def test_nothing_is_said_on_a_terminal_or_when_not_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress_bar, "LINE_S", 0.01)
    with caplog.at_level("INFO"):
        for stream, is_shown in ((Terminal(), True), (io.StringIO(), False)):
            monkeypatch.setattr(sys, "stderr", stream)
            with ProgressBar("train", "steps", 2, is_shown=is_shown):
                time.sleep(0.1)
    assert caplog.messages == []
