"""The Ray executor: one worker process each, a shard at a time. The only file that knows Ray.

The driver owns the retries: an actor is never restarted behind its back, because a dead handle answers at once and
would eat the queue. Bytes depend on the shard alone and a tar appears by renaming, so a shard that is rendered twice,
even by a worker that outlived its driver, is the same shard.
"""

import logging
import os
import socket
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # must be set before the import
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray

from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.plan.plan import PlannedShard
from pipelines.runs.interruption import Interrupted, deferred_signals, install_handlers

OBJECT_STORE_BYTES = 100 << 20
"""Reports are small and pixels never travel, so Ray's smallest store is enough."""
CONNECT_S = 5.0
POLL_S = 1.0
"""How long a signal may have to wait while Ray waits."""

_log = logging.getLogger(__name__)


def run_ray(
    job: RenderJob, shards: Sequence[PlannedShard], on_photo: Callable[[], None]
) -> Iterator[ShardReport | ShardFailure]:
    """Render shards on Ray workers, in the order in which they finish. Close the iterator to stop them.

    A shard is tried `attempts` times, each time by a fresh worker after a failure, and then reported as failed.
    `on_photo` is called for all photos of a shard when it is done. Raises UserError from a worker at once.
    """
    execution = job.config.execution
    with deferred_signals() as pending_signal, stdout_to_stderr(), _runtime(execution):
        workers = _Workers(job)
        room = min(_worker_count(execution, job.device_kind), len(shards))
        waiting = deque(shards)
        tried: Counter[str] = Counter()
        in_flight: dict[Any, tuple[Any, PlannedShard]] = {}
        while waiting or in_flight:
            while waiting and len(in_flight) < room:
                shard, worker = waiting.popleft(), workers.take()
                in_flight[worker.render_shard.remote(shard)] = (worker, shard)
            ready, _ = ray.wait(list(in_flight), timeout=POLL_S)
            if signal_number := pending_signal():
                raise Interrupted(signal_number)
            for done in ready:
                worker, shard = in_flight.pop(done)
                outcome = _outcome(done, shard)
                if isinstance(outcome, ShardReport) and waiting:
                    workers.give_back(worker)
                else:  # it may be in any state, or nobody needs it: others may be waiting for its place
                    workers.dismiss(worker)
                if isinstance(outcome, ShardFailure):
                    tried[shard.name] += 1
                    attempt = f"{tried[shard.name]} of {execution.attempts}"
                    _log.warning("%s failed, attempt %s: %s", shard.name, attempt, outcome.reason)
                    if tried[shard.name] < execution.attempts:
                        waiting.append(shard)
                        continue
                for _ in shard.samples:
                    on_photo()
                yield outcome


class _Workers:
    """The actors that are alive and idle; makes a new one when there is none."""

    def __init__(self, job: RenderJob) -> None:
        threads, on_gpu = job.config.execution.threads, job.device_kind != "cpu"
        environment = {"OMP_NUM_THREADS": str(threads)}
        if not on_gpu:
            environment["CUDA_VISIBLE_DEVICES"] = ""  # an actor without a GPU of its own would see all of them
        self._actor: Any = ray.remote(ShardWorker).options(
            num_cpus=threads,
            num_gpus=1 if on_gpu else 0,
            max_restarts=0,
            max_task_retries=0,
            runtime_env={"env_vars": environment},
        )
        self._job = ray.put(job)
        self._idle: list[Any] = []

    def take(self) -> Any:
        return self._idle.pop() if self._idle else self._actor.remote(self._job)

    def give_back(self, worker: Any) -> None:
        self._idle.append(worker)

    def dismiss(self, worker: Any) -> None:
        """End a worker, whatever it is doing, and free its place in the cluster."""
        ray.kill(worker)


def _outcome(done: Any, shard: PlannedShard) -> ShardReport | ShardFailure:
    """What came of a shard. Raises UserError when the worker did."""
    try:
        report: ShardReport = ray.get(done)
        return report
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        _log.warning("%s", error)  # the worker's own traceback
        return ShardFailure(shard.name, f"{type(error.cause).__name__}: {error.cause}")
    except ray.exceptions.RayError as error:  # the worker is gone; the last line says why, as far as Ray knows
        last_line = str(error).strip().splitlines()[-1]
        return ShardFailure(shard.name, f"{type(error).__name__}: {last_line}")


def _worker_count(execution: ExecutionConfig, device_kind: str) -> int:
    """How many workers may be alive at once. Raises UserError when the cluster has no place for a single one."""
    resources = ray.cluster_resources()
    on_gpu = device_kind != "cpu"
    places = int(resources.get("GPU", 0) if on_gpu else resources.get("CPU", 0) // execution.threads)
    if places < 1:
        needed = "a GPU: use --device cpu" if on_gpu else f"{execution.threads} CPU cores: lower --threads"
        raise UserError(f"the Ray cluster has no place for a worker, which needs {needed}")
    return places if execution.workers == "auto" else execution.workers


@contextmanager
def _runtime(execution: ExecutionConfig) -> Iterator[None]:
    """Ray, started here or joined; stopped or left at the end, which also ends this run's workers."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if execution.ray_address:
        _join(execution.ray_address, quiet)
    else:
        workers = 0 if execution.workers == "auto" else execution.workers
        cpus = max(os.cpu_count() or 1, workers * execution.threads)
        ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **quiet)
    install_handlers()  # ray.init puts its own handler for SIGTERM
    try:
        yield
    finally:
        ray.shutdown()


def _join(address: str, quiet: dict[str, Any]) -> None:
    """Join a cluster. Raises UserError when none answers."""
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit():  # Ray itself knocks for many minutes before it gives up
            socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
        ray.init(address=address, **quiet)
    except (OSError, ValueError) as error:
        raise UserError(
            f"--ray-address {address}: no cluster answers ({error}); "
            "start one with `ray start --head`, or leave the flag out"
        ) from error


@contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Ray's own processes inherit file descriptor 1 and talk on it; stdout is for results alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
