"""The Ray executor: worker processes, a shard at a time each.

The driver owns the retries: an actor is never restarted behind its back, because a dead handle answers at once and
would eat the queue. Bytes depend on the shard alone and a tar appears by renaming, so a shard that is rendered twice,
even by a worker that outlived its driver, is the same shard. Shards go to workers that have answered, so none waits for
a node that is not there.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray

from pipelines.errors import UserError
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.executors.placement import places, worker_needs
from pipelines.render.executors.ray_cluster import (
    NOTICE_S,
    POLL_S,
    RayCluster,
    last_line,
    ready,
    running_cluster,
    stdout_to_stderr,
)
from pipelines.render.executors.shard_queue import ShardQueue, stall_limit
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.plan.plan import PlannedShard
from pipelines.runs.interruption import Interrupted, deferred_signals

ASK_S = 2.0
"""Between two questions to a worker for its photos."""
FOLLOW_S = 10.0
"""Between two looks at the nodes of the cluster."""
START_FAILURES = 3
"""When so many workers in a row failed before their first answer and none is left, the fault lies with none of them."""

_log = logging.getLogger(__name__)


def run_ray(
    job: RenderJob, shards: Sequence[PlannedShard], on_photo: Callable[[], None]
) -> Iterator[ShardReport | ShardFailure]:
    """Render shards on Ray workers, in the order in which they finish. Close the iterator to stop them.

    A shard is tried `attempts` times, each time by a fresh worker after a failure, and then reported as failed; so is a
    shard whose worker hangs. Raises UserError from a worker at once, and when the cluster is lost.
    """
    execution = job.config.execution
    queue = ShardQueue(shards, execution.attempts, on_photo)
    with (
        deferred_signals() as pending_signal,
        stdout_to_stderr(),
        running_cluster(execution, pending_signal) as cluster,
    ):
        pool = _WorkerPool(job, cluster, queue)
        while pool.busy or queue.waiting:
            if signal_number := pending_signal():
                raise Interrupted(signal_number)
            cluster.check()
            yield from pool.step()


class WorkerProcess:
    """The actor: a ShardWorker whose photos can be counted while it works. Nothing is loaded before its first shard."""

    def __init__(self, kind: type[ShardWorker], job: RenderJob) -> None:
        self._kind, self._job = kind, job
        self._worker: ShardWorker | None = None
        self._progress = ("", 0)

    def render_shard(self, shard: PlannedShard) -> ShardReport:
        self._progress = (shard.name, 0)
        self._worker = self._worker or self._kind(self._job, self._count)
        return self._worker.render_shard(shard)

    def progress(self) -> tuple[str, int]:
        """Name of the shard in work, and its photos that are done. Runs beside `render_shard`."""
        return self._progress

    def _count(self) -> None:
        name, photos = self._progress
        self._progress = (name, photos + 1)


@dataclass
class _Worker:
    """The driver's view of an actor.

    answer: to the last question for its progress; None once it was read.
    process_since: when it was first seen to have a process (seconds of the monotonic clock); it may wait for a node.
    photos: of its shard, as last heard; last_photo: when (of the same clock).
    """

    actor: Any
    answer: Any
    has_answered: bool = False
    process_since: float | None = None
    shard: PlannedShard | None = None
    report: Any = None
    photos: int = 0
    last_photo: float = 0.0


class _WorkerPool:
    """The workers: as many as there is room for, each with one shard at most."""

    def __init__(self, job: RenderJob, cluster: RayCluster, queue: ShardQueue) -> None:
        self._job, self._cluster, self._queue = job, cluster, queue
        self._execution = job.config.execution
        self._needs: dict[str, float] = {}
        self._new_worker: Callable[[], Any] | None = None
        self._limit = stall_limit(job.config)
        self._workers: list[_Worker] = []
        self._room, self._start_failures, self._may_start = -1, 0, False
        self._followed = self._asked = float("-inf")
        self._noticed = time.monotonic()

    @property
    def busy(self) -> list[_Worker]:
        """Workers that have a shard."""
        return [worker for worker in self._workers if worker.shard]

    def step(self) -> Iterator[ShardReport | ShardFailure]:
        """Start workers, hand out shards, wait a moment; the outcome of each shard that is done."""
        self._follow()
        self._start()
        self._hand_out()
        done = ready([worker.report or worker.answer for worker in self._workers], POLL_S)
        self._hear()
        for worker in self.busy:
            outcome = self._outcome(worker, done)
            if outcome is not None:
                yield from self._finished(worker, outcome)

    def _follow(self) -> None:
        """Every FOLLOW_S: how many workers the nodes that are there now have room for; say when the run has to wait."""
        now = time.monotonic()
        if now - self._followed < FOLLOW_S:
            return
        machines = self._cluster.machines()
        if machines is None:
            return
        self._followed, self._may_start = now, True
        self._end_hung_starts(now)
        needs = worker_needs(self._execution, self._job.device_kind, machines)
        room = places(needs, machines)
        each = " and ".join(f"{count:g} {name}" for name, count in needs.items())
        if not room and not self._execution.ray_address:
            raise UserError(f"this machine has no room for a worker of {each}; lower --cpus-per-gpu or --threads")
        if needs != self._needs:
            self._needs, self._new_worker = needs, _worker_starter(self._job, needs)
        is_waiting = not any(worker.has_answered for worker in self._workers) and now - self._noticed >= NOTICE_S
        if is_waiting or (room == 0 and self._room != 0):
            self._noticed = now
            for_what = "workers to start: the Ray cluster" if room else "the Ray cluster: it"
            _log.info("waiting for %s has room for %d workers of %s each", for_what, room, each)
        elif room != self._room:
            _log.info("the Ray cluster has room for %d workers", room)
        self._room = room

    def _start(self) -> None:
        """Start a worker for each shard that has none, while there is room."""
        room = self._room if self._execution.workers == "auto" else self._execution.workers
        wanted = min(room, len(self.busy) + len(self._queue.waiting))
        while self._may_start and self._new_worker and len(self._workers) < wanted:
            actor = self._new_worker()
            self._workers.append(_Worker(actor, actor.progress.remote()))

    def _hand_out(self) -> None:
        """A shard to each worker that has none; when there is none left, its place may be somebody else's."""
        for worker in [worker for worker in self._workers if not worker.shard]:
            if not self._queue.waiting:
                self._dismiss(worker)
            elif worker.has_answered:
                worker.shard, worker.photos = self._queue.waiting.popleft(), 0
                worker.report, worker.last_photo = worker.actor.render_shard.remote(worker.shard), time.monotonic()

    def _hear(self) -> None:
        """Read the answers that are there, and ask the workers that have a shard again every ASK_S."""
        now, answers = time.monotonic(), [worker.answer for worker in self._workers if worker.answer]
        done = ready(answers, 0)
        for worker in [worker for worker in self._workers if worker.answer in done]:
            answer, worker.answer = worker.answer, None
            try:
                name, photos = ray.get(answer)
            except ray.exceptions.RayError as error:
                if not worker.has_answered:
                    self._start_failed(worker, last_line(error))
                continue  # of a worker at work, its shard's outcome says why
            worker.has_answered, self._start_failures = True, 0
            if worker.shard and worker.shard.name == name and photos > worker.photos:
                self._limit.note_pause(now - worker.last_photo)
                worker.photos, worker.last_photo = photos, now
                self._queue.count(worker.shard, photos)
        if now - self._asked >= ASK_S:
            self._asked = now
            for worker in self.busy:
                worker.answer = worker.answer or worker.actor.progress.remote()

    def _end_hung_starts(self, now: float) -> None:
        """Of workers without an answer, end those that have had a process for too long."""
        for worker in [worker for worker in self._workers if not worker.has_answered]:
            if worker.process_since is None:
                worker.process_since = now if _has_process(worker.actor) else None
            elif now - worker.process_since > self._limit.start_seconds:
                self._start_failed(worker, f"it gave no answer for {now - worker.process_since:.0f} s and was killed")

    def _start_failed(self, worker: _Worker, reason: str) -> None:
        """Wait for the next look at the cluster. Raises UserError when nothing but this has happened for a while."""
        self._dismiss(worker)
        self._start_failures, self._may_start = self._start_failures + 1, False
        _log.warning("a Ray worker did not start: %s", reason)
        if self._start_failures >= START_FAILURES and not self._workers:
            raise UserError(
                f"{self._start_failures} Ray workers in a row did not start, the last with: {reason}; "
                "mend the nodes, or use --executor inline",
                exit_code=1,
            )

    def _outcome(self, worker: _Worker, done: set[Any]) -> ShardReport | ShardFailure | None:
        """What came of a worker's shard; None while it is in work. Raises UserError when the worker did."""
        assert worker.shard is not None, "asked of busy workers alone"
        if worker.report not in done:
            limit_s = self._limit.seconds
            if time.monotonic() - worker.last_photo <= limit_s:
                return None
            reason = f"its worker finished no photo for {limit_s:.0f} s and was killed (--stall-timeout-s)"
            return ShardFailure(worker.shard.name, reason)
        try:
            report: ShardReport = ray.get(worker.report)
            return report
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            _log.warning("%s", error)  # the worker's own traceback
            return ShardFailure(worker.shard.name, f"{type(error.cause).__name__}: {error.cause}")
        except ray.exceptions.RayError as error:  # the worker is gone
            return ShardFailure(worker.shard.name, f"{type(error).__name__}: {last_line(error)}")

    def _finished(self, worker: _Worker, outcome: ShardReport | ShardFailure) -> Iterator[ShardReport | ShardFailure]:
        """The outcome, unless the shard is to be tried again."""
        shard, worker.shard, worker.report = worker.shard, None, None
        assert shard is not None, "a busy worker has one"
        if isinstance(outcome, ShardReport):
            self._limit.note_pause(time.monotonic() - worker.last_photo)
        else:
            self._dismiss(worker)  # it may be in any state
            if self._queue.is_tried_again(shard, outcome):
                return
        self._queue.count(shard, len(shard.samples))
        yield outcome

    def _dismiss(self, worker: _Worker) -> None:
        """End a worker, whatever it is doing, and free its place in the cluster."""
        ray.kill(worker.actor)
        self._workers.remove(worker)


def _worker_starter(job: RenderJob, needs: dict[str, float]) -> Callable[[], Any]:
    """Starts actors with these needs; `progress` is answered while a shard is rendered."""
    execution = job.config.execution
    environment = {"OMP_NUM_THREADS": str(execution.threads)}
    if "GPU" in needs:  # a worker cannot see how many GPUs share its machine's cores
        execution = replace(execution, cpus_per_gpu=int(needs["CPU"]) * execution.workers_per_gpu)
        job = replace(job, config=replace(job.config, execution=execution))
    else:
        environment["CUDA_VISIBLE_DEVICES"] = ""  # an actor without a GPU of its own would see all of them
    actor = ray.remote(WorkerProcess).options(
        num_cpus=needs["CPU"],
        num_gpus=needs.get("GPU", 0),
        max_restarts=0,
        max_task_retries=0,
        max_concurrency=2,
        runtime_env={"env_vars": environment},
    )
    stored = ray.put(job)
    return lambda: actor.remote(ShardWorker, stored)


def _has_process(actor: Any) -> bool:
    """Whether an actor's process runs, be it still importing. Without its dashboard, Ray says so nowhere else."""
    return bool(ray._private.state.actors(actor._actor_id.hex()).get("Pid"))
