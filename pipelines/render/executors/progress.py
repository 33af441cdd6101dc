"""A bar with the time left and where the time goes."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

from rich.progress import TextColumn

from pipelines.render.executors.stage_clock import shares
from pipelines.runs.progress_bar import progress_bar


class RenderProgress:
    """Counts photos while a run goes on; a context manager, silent when stderr is no terminal."""

    def __init__(self, photos: int, what: str = "render") -> None:
        self.seconds: Counter[str] = Counter()
        self._bar = progress_bar(what, "photos", TextColumn("[dim]{task.fields[shares]}"))
        self._task = self._bar.add_task(what, total=photos, shares="")

    def __enter__(self) -> RenderProgress:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def photo_done(self) -> None:
        """One more photo was rendered or rejected."""
        self._bar.advance(self._task)

    def shard_done(self, seconds: dict[str, float]) -> None:
        """One more shard was finished; `seconds` are its worker's busy seconds by stage."""
        self.seconds.update(seconds)
        self._bar.update(self._task, shares=shares(dict(self.seconds)))
