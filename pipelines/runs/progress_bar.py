"""The progress bar of every verb: on stderr, and only when stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipelines.runs.console_log import printable

T = TypeVar("T")


class ProgressBar:
    """`verb ━━━━ 3/10 unit 0:01 left 0:02 note`: a context manager. Not `is_shown`: never drawn."""

    def __init__(self, verb: str, unit: str, total: int, *, done: int = 0, is_shown: bool = True) -> None:
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
            disable=not (is_shown and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task(verb, total=total, completed=done, note="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """Count one more."""
        self._bar.advance(self._task)

    def note(self, text: str) -> None:
        """Show this text behind the bar."""
        self._bar.update(self._task, note=escape(printable(text)))

    def count(self, items: Iterable[T]) -> Iterator[T]:
        """The same items; draws the bar and counts them on the way."""
        with self:
            for item in items:
                yield item
                self.advance()
