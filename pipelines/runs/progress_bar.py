"""The progress of every verb: a bar on stderr when that is a terminal, else a line in the log now and then."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipelines.runs.console_log import printable

LINE_S = 30.0
"""Between two lines off a terminal."""
RATE_OVER_S = 300.0
"""The rate is that of the last minutes."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class ProgressBar:
    """`verb ━━━━ 3/10 unit 0:01 left 0:02 note`: a context manager. Not `is_shown`: neither bar nor lines."""

    def __init__(self, verb: str, unit: str, total: int, *, done: int = 0, is_shown: bool = True) -> None:
        is_shown = is_shown and _log.isEnabledFor(logging.INFO)  # not with --quiet
        self._bar = Progress(
            TextColumn(verb),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("[dim]{task.fields[note]}"),
            console=Console(stderr=True),
            speed_estimate_period=RATE_OVER_S,
            disable=not (is_shown and sys.stderr.isatty()),
        )
        self._name, self._note = f"{verb} %d/%d {unit}", ""
        self._is_over = threading.Event()
        self._lines = threading.Thread(target=self._write_lines, daemon=True)
        self._writes_lines = is_shown and self._bar.disable
        self._task = self._bar.add_task(verb, total=total, completed=done, note="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        if self._writes_lines:
            self._lines.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._bar.stop()

    def advance(self) -> None:
        """Count one more."""
        self._bar.advance(self._task)

    def note(self, text: str) -> None:
        """Show this text behind the bar."""
        self._note = text
        self._bar.update(self._task, note=escape(printable(text)))

    def _write_lines(self) -> None:
        """`render 12/24 photos, 0.52/s, left 0:00:23, NOTE`, every LINE_S."""
        left = TimeRemainingColumn()
        while not self._is_over.wait(LINE_S):
            (task,) = self._bar.tasks
            rate = f"{task.speed:.2g}/s, left {left.render(task)}" if task.speed else ""
            _log.info("%s", ", ".join(filter(None, [self._name % (task.completed, task.total), rate, self._note])))

    def count(self, items: Iterable[T]) -> Iterator[T]:
        """The same items; draws the bar and counts them on the way."""
        with self:
            for item in items:
                yield item
                self.advance()
