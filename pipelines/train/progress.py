"""A bar with steps, loss and the time left: on stderr, and only when somebody watches a terminal."""

from __future__ import annotations

import sys
from types import TracebackType

from accelerate import Accelerator
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TrainProgress:
    """Counts steps; a context manager, silent when stderr is no terminal and on all processes but the first."""

    def __init__(self, done: int, last: int, accelerator: Accelerator) -> None:
        self._bar = Progress(
            TextColumn("train"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("[dim]{task.fields[loss]}"),
            console=Console(stderr=True),
            disable=not (accelerator.is_main_process and sys.stderr.isatty()),
        )
        self._task = self._bar.add_task("train", total=last, completed=done, loss="")

    def __enter__(self) -> TrainProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step_done(self, loss: float) -> None:
        """One more step; `loss` is the mean since scalars were written."""
        self._bar.update(self._task, advance=1, loss=f"loss {loss:.4f}")
