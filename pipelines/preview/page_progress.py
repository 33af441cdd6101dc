"""A bar for the page's making: on stderr, and only when somebody watches a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")


def watched(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The same items, counted on the way."""
    bar = Progress(
        TextColumn("preview"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        yield from bar.track(items, total=total)
