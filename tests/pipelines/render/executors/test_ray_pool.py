"""The Ray executor against the inline one. Ray starts once, as a cluster that every test joins like a real one."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from pipelines.errors import Rejection, UserError
from pipelines.render.config import RenderConfig
from pipelines.render.executors import ray_cluster, shard_queue
from pipelines.render.executors import ray_pool as run_ray
from pipelines.render.executors.job import RenderJob, ShardReport
from pipelines.render.executors.shard_queue import ShardQueue
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.photos import finding, known_hashes
from pipelines.render.photos.content import ContentHashes, content_hashes
from pipelines.render.photos.known_hashes import KnownHashes
from pipelines.render.plan.plan import PlannedShard, plan_lines
from pipelines.render.run import plan, render
from pipelines.runs import progress_bar
from pipelines.runs.interruption import Interrupted, interruptible
from shards.validate import validate
from tests.pipelines.tiny_photos import tar_sums, temporaries


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a Ray cluster of one node with two cores."""
    head = {"num_cpus": 2, "object_store_memory": ray_cluster.OBJECT_STORE_BYTES, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started.address
    started.shutdown()


def on_ray(config: RenderConfig, address: str, name: str, **knobs: object) -> RenderConfig:
    execution = dataclasses.replace(config.execution, executor="ray", ray_address=address, **knobs)  # type: ignore[arg-type]
    return dataclasses.replace(config, out=config.out.with_name(name), execution=execution)


class DyingWorker(ShardWorker):
    """Its process ends in the middle of one shard, always."""

    def render_shard(self, shard: PlannedShard) -> ShardReport:
        if shard.name == "train-000001":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render_shard(shard)


class SlowWorker(ShardWorker):
    """Takes a second more for each photo."""

    def __init__(self, job: RenderJob, on_photo: Callable[[], None]) -> None:
        def after_a_while() -> None:
            time.sleep(1.0)
            on_photo()

        super().__init__(job, after_a_while)


class BrokenProcess(run_ray.WorkerProcess):
    def __init__(self, kind: type[ShardWorker], job: RenderJob) -> None:
        raise ModuleNotFoundError("no torch here")


class HungProcess(run_ray.WorkerProcess):
    def __init__(self, kind: type[ShardWorker], job: RenderJob) -> None:
        time.sleep(10**9)


class FullDiskWorker(ShardWorker):
    def render_shard(self, shard: PlannedShard) -> ShardReport:
        raise UserError("no space left", exit_code=1)


def die_at_first(diary: Path, deaths: int, locations: Sequence[str], near: bool) -> list[ContentHashes | Rejection]:
    """Reads photos in the process that comes after so many deaths; each leaves a file in the diary."""
    name = Path(locations[0]).name
    died = len(list(diary.glob(f"{name}.*")))
    if died < deaths:
        (diary / f"{name}.{died}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return [content_hashes(location, near) for location in locations]


def read_by(monkeypatch: pytest.MonkeyPatch, diary: Path, deaths: int) -> None:
    """Let workers read two photos at a time, however few there are, and die so often of each two."""
    import sys

    diary.mkdir()
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(finding, "_slice_hashes", partial(die_at_first, diary, deaths))
    monkeypatch.setattr(finding, "_SLICE", 2)
    monkeypatch.setattr(finding, "_FEW", 1)
    monkeypatch.setattr(known_hashes, "RACY_S", -60.0)


def use_worker(monkeypatch: pytest.MonkeyPatch, worker: type[ShardWorker]) -> None:
    """Let Ray's processes run a class of this file, which they cannot import: it travels by value."""
    import sys

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(run_ray, "ShardWorker", worker)


def test_one_worker_two_workers_and_none_make_the_same_bytes(finished: RenderConfig, cluster: str) -> None:
    inline = tar_sums(finished.out)
    assert len(inline) == 3
    for workers in (1, 2):
        config = on_ray(finished, cluster, f"ray-{workers}", workers=workers)
        result = render(config)
        assert (result.exit_code, result.samples) == (0, 5)
        assert tar_sums(config.out) == inline
    assert validate(config.out).complaints == ()


def test_a_shard_that_kills_its_worker_is_recorded_and_the_others_are_made(
    finished: RenderConfig, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = on_ray(finished, cluster, "poisoned", workers=1, attempts=2)
    with monkeypatch.context() as patch:
        use_worker(patch, DyingWorker)
        result = render(config)
    assert result.exit_code == 1
    assert list(result.failed_shards) == ["train-000001"]
    assert "ActorDiedError" in result.failed_shards["train-000001"]
    assert list(tar_sums(config.out)) == ["train-000000.tar", "train-000002.tar"]
    assert render(dataclasses.replace(config, execution=finished.execution)).exit_code == 0
    assert tar_sums(config.out) == tar_sums(finished.out)
    assert temporaries(config.out) == []


def test_what_a_user_can_mend_ends_the_run_at_once(
    finished: RenderConfig, cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_worker(monkeypatch, FullDiskWorker)
    with pytest.raises(UserError, match="no space left") as caught:
        render(on_ray(finished, cluster, "full", workers=1))
    assert caught.value.exit_code == 1
    assert not ray.is_initialized()


def test_a_cluster_that_is_not_there_is_named(finished: RenderConfig) -> None:
    with pytest.raises(UserError, match=r"--ray-address 127.0.0.1:1: no cluster answers .*ray start --head"):
        render(on_ray(finished, "127.0.0.1:1", "nowhere"))


def test_photos_are_counted_one_by_one_and_said_off_a_terminal(
    finished: RenderConfig, cluster: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All five photos are in one shard."""
    use_worker(monkeypatch, SlowWorker)
    monkeypatch.setattr(run_ray, "ASK_S", 0.1)
    monkeypatch.setattr(run_ray, "POLL_S", 0.1)
    monkeypatch.setattr(progress_bar, "LINE_S", 0.2)
    config = on_ray(finished, cluster, "slow", workers=1)
    storage = dataclasses.replace(config.storage, samples_per_shard=5)
    with caplog.at_level("INFO"):
        assert render(dataclasses.replace(config, storage=storage)).exit_code == 0
    said = re.findall(r"render (\d)/5 photos", caplog.text)
    assert said == sorted(said)
    assert set(said) >= set("1234"), caplog.text


def test_a_machine_without_room_for_a_worker_is_said(tiny_config: RenderConfig) -> None:
    """A cluster may grow, this machine does not."""

    class Machine:
        def machines(self) -> list[dict[str, float]]:
            return [{"CPU": 4.0, "GPU": 1.0}]

    execution = dataclasses.replace(tiny_config.execution, cpus_per_gpu=16)
    job = RenderJob(dataclasses.replace(tiny_config, execution=execution), "cuda", "0" * 64)
    pool = run_ray._WorkerPool(job, Machine(), ShardQueue([], 1, lambda: None))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no room for a worker of 16 CPU and 1 GPU; lower --cpus-per-gpu"):
        next(pool.step())


@pytest.mark.parametrize(
    ("process", "start_s", "reason"),
    [(BrokenProcess, 300.0, "no torch here"), (HungProcess, 0.5, r"it gave no answer for \d+ s and was killed")],
)
def test_workers_that_cannot_start_end_the_run(
    finished: RenderConfig,
    cluster: str,
    monkeypatch: pytest.MonkeyPatch,
    process: type[run_ray.WorkerProcess],
    start_s: float,
    reason: str,
) -> None:
    monkeypatch.setattr(run_ray, "WorkerProcess", process)
    use_worker(monkeypatch, ShardWorker)
    monkeypatch.setattr(run_ray, "FOLLOW_S", 0.1)
    monkeypatch.setattr(shard_queue, "START_S", start_s)
    with pytest.raises(UserError, match=rf"3 Ray workers in a row did not start, the last with: .*{reason}") as caught:
        render(on_ray(finished, cluster, "broken", workers=1))
    assert caught.value.exit_code == 1


def test_what_processes_say_on_descriptor_1_goes_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with ray_cluster.stdout_to_stderr():
        os.write(1, b"a raylet talks")
    os.write(1, b"the result")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("the result", "a raylet talks")


def test_photos_are_read_by_the_cluster_and_again_when_a_worker_dies(
    tiny_config: RenderConfig, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inline = b"".join(plan_lines(plan(tiny_config).plan))
    read_by(monkeypatch, tmp_path / "diary", deaths=1)
    config = on_ray(tiny_config, cluster, "read", attempts=2)
    known = KnownHashes(tmp_path / "known", (tmp_path / "known").mkdir)
    assert b"".join(plan_lines(plan(config, known).plan)) == inline
    assert sorted(path.name for path in (tmp_path / "diary").iterdir()) == [f"photo_{n}.png.0" for n in (0, 2, 4)]
    known.store()
    nowhere = on_ray(tiny_config, "127.0.0.1:1", "read")  # nothing is left to read
    assert b"".join(plan_lines(plan(nowhere, KnownHashes(tmp_path / "known")).plan)) == inline


@pytest.mark.faults
def test_photos_of_which_every_worker_dies_end_the_run(
    tiny_config: RenderConfig, cluster: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by(monkeypatch, tmp_path / "diary", deaths=2)
    match = r"2 Ray workers in a row failed at \[.*photo_\d.png.*the same command goes on"
    with pytest.raises(UserError, match=match) as caught:
        plan(on_ray(tiny_config, cluster, "read", attempts=2))
    assert caught.value.exit_code == 1
    assert not ray.is_initialized()


@pytest.mark.faults
def test_a_signal_ends_the_reading(cluster: str, tiny_config: RenderConfig) -> None:
    execution = on_ray(tiny_config, cluster, "read").execution
    begun = time.monotonic()
    with interruptible(), ray_cluster.ClusterWorkers(execution) as workers:
        assert list(workers.map(abs, [-2, -1])) == [2, 1]
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(Interrupted):
            workers.map(time.sleep, [60.0])
    assert time.monotonic() - begun < 60.0
    assert not ray.is_initialized()
