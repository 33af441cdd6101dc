"""A bar for the page's making."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pipelines.runs.progress_bar import progress_bar

T = TypeVar("T")


def watched(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The same items, counted on the way."""
    bar = progress_bar("preview", what)
    with bar:
        yield from bar.track(items, total=total)
