"""The Ray cluster of a run: started here or joined, watched, and left. Together with ray_pool, all that knows Ray."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import ray

from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig
from pipelines.runs.interruption import Interrupted, deferred_signals, install_handlers
from shards.object_store import StoreError
from shards.parallel import Item, Result, Workers, cores

OBJECT_STORE_BYTES = 100 << 20
"""Reports are small and pixels never travel, so Ray's smallest store is enough."""
POLL_S = 1.0
"""How long a signal may have to wait while Ray waits."""
NOTICE_S = 30.0
"""Between two notes that a run waits for the cluster."""
CONNECT_S = 5.0
CHECK_S = 2.0
"""Between two questions to the cluster whether it is there."""
LOST_S = {"head": 20.0, "raylet": 5.0}
"""Silence that ends a run. A raylet never comes back; without its head, Ray ends this process by force after 60 s."""
SHUTDOWN_S = 30.0

_log = logging.getLogger(__name__)


class RayCluster:
    """Ray, started here or joined, in a thread of its own.

    Ray's processes end with the thread that has started them, and in the main thread ray.init would take SIGTERM for
    itself.
    """

    def __init__(self, execution: ExecutionConfig) -> None:
        self._execution = execution
        self._is_up, self._is_over = threading.Event(), threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._live, name="ray", daemon=True)
        self._addresses: dict[str, tuple[str, int]] = {}
        self._heard: dict[str, float] = {}
        self._checked = 0.0

    def start(self, pending_signal: Callable[[], int]) -> None:
        """Return when Ray is there. Raises UserError when it cannot be, and Interrupted on a signal.

        On its way, ray.init puts a handler of its own for SIGTERM, in C++, which sets an alarm that aborts the
        process after three seconds: ours is put back at once, and the alarm stopped if that was too late.
        """
        self._thread.start()
        is_up = False
        while not is_up:
            is_up = self._is_up.wait(0.05)
            if signal_number := pending_signal():
                signal.alarm(0)
                raise Interrupted(signal_number)
            install_handlers()
        if self._error:
            raise self._error

    def stop(self) -> None:
        """Stop or leave Ray, which also ends this run's workers."""
        self._is_over.set()
        self._thread.join(SHUTDOWN_S)

    def machines(self) -> list[dict[str, float]] | None:
        """Resources of the nodes that are there now; None while the head is silent.

        Ray is not asked then: it would wait for its head, until it ends this process.
        """
        if not _is_listening(self._addresses["head"]):
            return None
        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def check(self) -> None:
        """Raise UserError when the head of the cluster or this machine's raylet is gone."""
        now = time.monotonic()
        if now - self._checked < CHECK_S:
            return
        self._checked = now
        for process, address in self._addresses.items():
            if _is_listening(address):
                self._heard[process] = now
            elif now - self._heard[process] > LOST_S[process]:
                host, port = address
                raise UserError(
                    f"the Ray cluster is lost: its {process} at {host}:{port} has not answered for "
                    f"{now - self._heard[process]:.0f} s; finished shards are kept, the same command resumes",
                    exit_code=1,
                )

    def _live(self) -> None:
        try:
            _init(self._execution)
            context = ray.get_runtime_context()
            host, _, port = context.gcs_address.rpartition(":")
            (node,) = (node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
            raylet = (node["NodeManagerAddress"], node["NodeManagerPort"])
            self._addresses = {"head": (host, int(port)), "raylet": raylet}
            self._heard = dict.fromkeys(self._addresses, time.monotonic())
        except Exception as error:
            self._error = error
        self._is_up.set()
        self._is_over.wait()
        ray.shutdown()


@contextmanager
def running_cluster(execution: ExecutionConfig, pending_signal: Callable[[], int]) -> Iterator[RayCluster]:
    """Ray within the block."""
    cluster = RayCluster(execution)
    try:
        cluster.start(pending_signal)
        yield cluster
    finally:
        cluster.stop()


class ClusterWorkers(Workers):
    """Workers on the cores of a Ray cluster, which is joined when it is first needed. They use no device.

    As in `ray_pool` the driver owns the retries: Ray repeats without end what uses up a node's memory.
    """

    is_local = False

    def __init__(self, execution: ExecutionConfig) -> None:
        super().__init__(cores())  # until the cluster has said how many it has
        self._execution = execution
        self._joined = ExitStack()
        self._cluster: RayCluster | None = None

    def __exit__(self, *_: object) -> None:
        self._cluster = None
        self._joined.close()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`function` (it can be pickled) of each item, in order, once all of them are done.

        Raises Interrupted on a signal, and UserError when the cluster is lost or an item failed `attempts` times.
        """
        with deferred_signals() as pending_signal:
            if self._cluster is None:
                self._joined.enter_context(stdout_to_stderr())
                self._cluster = self._joined.enter_context(running_cluster(self._execution, pending_signal))
            self.count = _cores_of(self._cluster) or self.count
            return iter(self._results(function, list(items), self._cluster, pending_signal))

    def _results(
        self,
        function: Callable[[Item], Result],
        items: list[Item],
        cluster: RayCluster,
        pending_signal: Callable[[], int],
    ) -> list[Result]:
        task = ray.remote(_call).options(num_cpus=1, max_retries=0)
        waiting, running, done = deque(range(len(items))), dict[Any, int](), dict[int, Result]()
        tries, heard = Counter[int](), time.monotonic()
        while len(done) < len(items):
            if signal_number := pending_signal():
                raise Interrupted(signal_number)
            cluster.check()
            while waiting and len(running) < self.count:
                number = waiting.popleft()
                running[task.remote(function, items[number])] = number
            for answer in ready([*running], POLL_S):
                number, heard = running.pop(answer), time.monotonic()
                try:
                    done[number] = ray.get(answer)
                except ray.exceptions.RayError as error:
                    tries[number] += 1
                    self._check_failure(error, tries[number], items[number])
                    waiting.append(number)
            if time.monotonic() - heard >= NOTICE_S:
                heard = time.monotonic()
                _log.info(
                    "waiting for the Ray cluster: none of %d tasks of 1 CPU ended for %.0f s", len(running), NOTICE_S
                )
        return [done[number] for number in range(len(items))]

    def _check_failure(self, error: ray.exceptions.RayError, tries: int, item: object) -> None:
        """Raise what the run cannot go on with: the user's matter, a store that fails, too many tries."""
        if isinstance(error, ray.exceptions.RayTaskError) and isinstance(error.cause, UserError | StoreError):
            raise error.cause from None
        attempts = self._execution.attempts
        _log.warning("a Ray worker failed, attempt %d of %d: %s", tries, attempts, last_line(error))
        if tries >= attempts:
            raise UserError(
                f"{attempts} Ray workers in a row failed at {item!s:.300}, the last with: {last_line(error)}; mend the "
                "nodes or take these photos out; the same command goes on",
                exit_code=1,
            ) from error


def _call(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


def _cores_of(cluster: RayCluster) -> int:
    return int(sum(machine.get("CPU", 0) for machine in cluster.machines() or ()))


def ready(references: Sequence[Any], timeout: float) -> set[Any]:
    """Those that are done: waits until one is, but no longer than `timeout` seconds."""
    if not references:
        time.sleep(timeout)
        return set()
    ray.wait(references, timeout=timeout)
    return set(ray.wait(references, num_returns=len(references), timeout=0)[0])


def last_line(error: Exception) -> str:
    """Where Ray says why, as far as it knows."""
    return str(error).strip().splitlines()[-1]


def _init(execution: ExecutionConfig) -> None:
    """Start Ray here, or join a cluster. Raises UserError when neither is possible."""
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    address = execution.ray_address
    host, _, port = (address or "").rpartition(":")
    try:
        if address:
            if host and port.isdigit():  # Ray itself knocks for many minutes before it gives up
                socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
            ray.init(address=address, **quiet)
        else:
            workers = 1 if execution.workers == "auto" else execution.workers
            cpus = max(cores(), workers * execution.threads)
            size = {"num_cpus": cpus, "object_store_memory": OBJECT_STORE_BYTES}
            ray.init(address="local", include_dashboard=False, **size, **quiet)  # None may join one that is here
    except (OSError, ValueError, RuntimeError) as error:
        if address:
            raise UserError(
                f"--ray-address {address}: no cluster answers ({error}); "
                "start one with `ray start --head`, or leave the flag out"
            ) from error
        raise UserError(f"Ray does not start here ({error}); use --executor inline", exit_code=1) from error


def _is_listening(address: tuple[str, int]) -> bool:
    """Whether a process accepts connections there; the kernel answers for one that is busy."""
    try:
        socket.create_connection(address, timeout=CONNECT_S).close()
    except OSError:
        return False
    return True


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
