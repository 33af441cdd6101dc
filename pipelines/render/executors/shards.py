"""Shards through the executor that the configuration names, with a progress bar and a line in the run log."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from pipelines.errors import UserError
from pipelines.render.executors.inline import run_inline
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.executors.placement import chosen_executor
from pipelines.render.executors.stage_clock import shares
from pipelines.render.plan.plan import PlannedShard
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.interruption import deferred_signals
from pipelines.runs.progress_bar import ProgressBar
from pipelines.runs.run_log import RunEntry, append_run, utc_now

FAILURES_WITHOUT_SUCCESS = 3
"""When the first shards all fail, the fault lies with none of them: the run ends."""


@dataclass
class RenderedShards:
    """Finished shards, reasons of failed ones, busy seconds by stage, and photos whose maps may be turned otherwise.

    photos: those of the finished shards; wall_seconds: from the first to the last.
    """

    finished: list[str] = field(default_factory=list)
    rejects: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    seconds: Counter[str] = field(default_factory=Counter)
    turns_assumed: list[str] = field(default_factory=list)
    photos: int = 0
    wall_seconds: float = 0.0

    def add(self, outcome: ShardReport | ShardFailure) -> None:
        """Count one shard. Raises UserError when the first shards all failed."""
        if isinstance(outcome, ShardReport):
            self.finished.append(outcome.name)
            self.rejects += len(outcome.rejects)
            self.seconds.update(outcome.seconds)
            self.turns_assumed.extend(outcome.turns_assumed)
            return
        self.failed[outcome.name] = outcome.reason
        if not self.finished and len(self.failed) >= FAILURES_WITHOUT_SUCCESS:
            raise UserError(
                f"the first {len(self.failed)} shards all failed, {outcome.name} with: {outcome.reason}", exit_code=1
            )


def render_shards(job: RenderJob, shards: Sequence[PlannedShard]) -> RenderedShards:
    """Render these shards. A shard that fails is recorded and the run goes on.

    Raises UserError when a user must act first, or the first shards all fail. Raises Interrupted on a signal.
    """
    rendered = RenderedShards()
    if not shards:
        return rendered
    executor = chosen_executor(job.config, job.device_kind, shards)
    job = replace(job, config=replace(job.config, execution=replace(job.config.execution, executor=executor)))
    started, start = utc_now(), time.monotonic()
    with (
        ProgressBar("render", "photos", sum(len(shard.samples) for shard in shards)) as bar,
        closing(_outcomes(job, shards, bar.advance)) as outcomes,
    ):
        for outcome in outcomes:
            rendered.add(outcome)
            bar.note(f"{rendered.rejects} rejected, {shares(rendered.seconds)}")
    finished = set(rendered.finished)
    rendered.photos = sum(len(shard.samples) for shard in shards if shard.name in finished)
    rendered.wall_seconds = round(time.monotonic() - start, 3)
    _log_run(job, rendered, started)
    return rendered


def _outcomes(
    job: RenderJob, shards: Sequence[PlannedShard], on_photo: Callable[[], None]
) -> Generator[ShardReport | ShardFailure, None, None]:
    """The outcome of each shard, in the order in which they finish."""
    if job.config.execution.executor == "inline":
        yield from run_inline(job, shards, on_photo)
    else:
        with deferred_signals():
            from pipelines.render.executors.ray_pool import run_ray  # Ray takes seconds to import

        yield from run_ray(job, shards, on_photo)


def _log_run(job: RenderJob, rendered: RenderedShards, started: str) -> None:
    execution = job.config.execution
    append_run(
        DataSetPaths(job.config.out).meta,
        RunEntry(
            started=started,
            seconds=rendered.wall_seconds,
            photos=rendered.photos,
            shards=len(rendered.finished),
            failed_shards=len(rendered.failed),
            executor=execution.executor,
            workers="1" if execution.executor == "inline" else str(execution.workers),
            device=job.device_kind,
            busy_seconds={stage: round(spent, 3) for stage, spent in rendered.seconds.items()},
        ),
    )
