"""A bar with steps, loss and the time left."""

from __future__ import annotations

from types import TracebackType

from accelerate import Accelerator
from rich.progress import TextColumn

from pipelines.runs.progress_bar import progress_bar


class TrainProgress:
    """Counts steps; a context manager, silent when stderr is no terminal and on all processes but the first."""

    def __init__(self, done: int, last: int, accelerator: Accelerator) -> None:
        self._bar = progress_bar(
            "train", "steps", TextColumn("[dim]{task.fields[loss]}"), is_shown=accelerator.is_main_process
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
