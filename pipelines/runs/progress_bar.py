"""The bar of every verb: on stderr, and only when somebody watches a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


def progress_bar(verb: str, unit: str, *more: ProgressColumn, is_shown: bool = True) -> Progress:
    """`verb ━━━━ 3/10 unit 0:01 left 0:02`, then `more`. Not `is_shown`: on a terminal neither."""
    return Progress(
        TextColumn(verb),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
        *more,
        console=Console(stderr=True),
        disable=not (is_shown and sys.stderr.isatty()),
    )
