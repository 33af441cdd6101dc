"""Crashes provoked on purpose: workers, nodes, the driver, the disk. Minutes; `make test-faults` runs them.

Every run must end as an uninterrupted one does: the same bytes in every tar, no temporaries, the same list of rejects.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from pipelines.render.config import ExecutionConfig, RenderConfig
from pipelines.render.executors import ray_cluster
from pipelines.render.run import render
from shards.index import marked_shards
from shards.inspection import inspect_shard
from shards.marker import is_complete, read_marker, tar_path
from shards.validate import validate
from tests.pipelines.render import faulty_driver
from tests.pipelines.tiny_photos import tar_sums, temporaries, tiny_run, write_photo

pytestmark = pytest.mark.faults

SHARDS = 24
REJECTED = {"photo_03.png": "depth/sidecar_missing", "photo_17.png": "depth/sidecar_missing"}
DEADLINE_S = 240
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> RenderConfig:
    """24 shards of two photos, two of them rejected, rendered inline without any fault."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "photos").mkdir()
    for number in range(2 * SHARDS):
        write_photo(folder / "photos" / f"photo_{number:02d}.png", seed=number)
    for name in REJECTED:
        (folder / "photos" / name).with_suffix(".disparity.png").unlink()
    config = tiny_run(folder / "photos", folder / "inline")
    assert render(config).exit_code == 0
    assert len(tar_sums(config.out)) == SHARDS
    return config


@dataclass(frozen=True)
class Driver:
    """A render run in a process of its own over the same photos, with workers that may die."""

    config: RenderConfig
    diary: Path
    flags: tuple[str, ...] = ()
    faults: str = "{}"
    slow_s: float = 0.0
    hanging: int = 0

    def start(self) -> subprocess.Popen[str]:
        self.diary.mkdir(exist_ok=True)
        told = {
            faulty_driver.DIARY: str(self.diary),
            faulty_driver.FAULTS: self.faults,
            faulty_driver.SLOW: str(self.slow_s),
            faulty_driver.HANGING: str(self.hanging),
            "PYTHONPATH": str(ROOT),
        }
        config = self.config
        command = [
            *(sys.executable, "-m", "tests.pipelines.render.faulty_driver"),
            *("render", "--photos", config.source.photos, "--depth", "sidecar", "--out", str(config.out), "--offline"),
            *("--long-side", "88", "--planes", "2", "--levels", "2", "--blur-level-max", "3", "--max-blurred", "1"),
            *("--samples-per-shard", "2", "--split-fractions", "1", "0", "0", "--device", "cpu", "--json"),
            *self.flags,
        ]
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | told, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def finish(self) -> dict[str, object]:
        """Run to the end. Returns what it said on stdout: one JSON object and nothing else."""
        process = self.start()
        out, err = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, err
        said: dict[str, object] = json.loads(out)
        return said

    @property
    def begun(self) -> list[str]:
        return sorted(path.name for path in self.diary.iterdir())


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def complete(out: Path) -> int:
    return sum(is_complete(out, name) for name in marked_shards(out)) if (out / ".meta").is_dir() else 0


def assert_same(out: Path, expected: RenderConfig) -> None:
    assert tar_sums(out) == tar_sums(expected.out)
    assert temporaries(out) == []
    assert (out / "rejects.jsonl").read_bytes() == (expected.out / "rejects.jsonl").read_bytes()
    assert validate(out).complaints == ()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    head = {"num_cpus": 2, "object_store_memory": ray_cluster.OBJECT_STORE_BYTES, "include_dashboard": False}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started
    started.shutdown()


def test_twelve_dead_workers_and_a_dead_driver_leave_the_same_bytes(
    expected: RenderConfig, tmp_path: Path, cluster: Cluster
) -> None:
    """Every kind of death three times on shards drawn at random; the driver is killed when half is done."""
    draw = random.Random(20261125)
    doomed = draw.sample(range(SHARDS), 10)
    kinds = ["SIGKILL", "exit", "SIGSEGV", "memory"] * 3
    faults: dict[str, list[str]] = {}
    for place, kind in enumerate(kinds):  # two of the shards kill two workers each
        faults.setdefault(f"train-{doomed[place % 10]:06d}", []).append(kind)
    ray = ("--executor", "ray", "--ray-address", cluster.address, "--workers", "2", "--attempts", "4")
    driver = Driver(replace(expected, out=tmp_path / "out"), tmp_path / "diary", ray, json.dumps(faults), slow_s=0.2)
    process = driver.start()
    wait_until(lambda: complete(driver.config.out) >= SHARDS // 2, "half of the shards were done")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=DEADLINE_S)
    done_before = complete(driver.config.out)
    assert SHARDS // 2 <= done_before < SHARDS
    assert (driver.config.out / ".meta" / "run.lock").exists()
    said = driver.finish()
    assert said["samples"] == 2 * SHARDS - len(REJECTED)
    assert said["failed_shards"] == {}
    deaths = len(driver.begun) - SHARDS  # every begun try beyond one a shard ended in a death, or with the driver
    assert deaths >= 12
    assert_same(driver.config.out, expected)


def test_a_shard_that_kills_every_worker_is_poison_and_the_rest_is_made(
    expected: RenderConfig, tmp_path: Path, cluster: Cluster
) -> None:
    ray = ("--executor", "ray", "--ray-address", cluster.address, "--workers", "2", "--attempts", "3")
    faults = json.dumps({"train-000005": ["SIGSEGV"] * 3})
    driver = Driver(replace(expected, out=tmp_path / "out"), tmp_path / "diary", ray, faults)
    process = driver.start()
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, err
    assert list(json.loads(out)["failed_shards"]) == ["train-000005"]
    assert set(tar_sums(expected.out)) - set(tar_sums(driver.config.out)) == {"train-000005.tar"}
    driver.finish()  # the fourth try succeeds
    assert_same(driver.config.out, expected)


def test_a_node_that_vanishes_costs_nothing_but_time(expected: RenderConfig, tmp_path: Path, cluster: Cluster) -> None:
    """Three nodes; one that has a shard in work is taken away."""
    nodes = [cluster.add_node(num_cpus=2, object_store_memory=ray_cluster.OBJECT_STORE_BYTES) for _ in range(2)]
    cluster.wait_for_nodes()
    ray = ("--executor", "ray", "--ray-address", cluster.address, "--workers", "6", "--attempts", "3")
    driver = Driver(replace(expected, out=tmp_path / "out"), tmp_path / "diary", ray, slow_s=1.0)
    process = driver.start()
    victim = nodes[0]
    wait_until(
        lambda: driver.diary.is_dir() and any(name.endswith(victim.node_id) for name in driver.begun),
        "the node had a shard in work",
    )
    cluster.remove_node(victim, allow_graceful=False)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, err
    assert json.loads(out)["failed_shards"] == {}
    assert len({name.rpartition(".")[2] for name in driver.begun}) == 3, "all three nodes must have worked"
    assert len(driver.begun) > SHARDS, "a shard of the lost node must have been begun again"
    assert_same(driver.config.out, expected)


def read_slowly(diary: Path, number: int) -> int:
    (diary / f"{number}.{ray.get_runtime_context().get_node_id()}").touch()
    time.sleep(1.0)
    return -number


def test_what_a_vanished_node_read_is_read_again(tmp_path: Path, cluster: Cluster) -> None:
    node = cluster.add_node(num_cpus=2, object_store_memory=ray_cluster.OBJECT_STORE_BYTES)
    cluster.wait_for_nodes()

    def take_away() -> None:
        wait_until(lambda: any(tmp_path.glob(f"*.{node.node_id}")), "the node had work")
        cluster.remove_node(node, allow_graceful=False)

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    thread = threading.Thread(target=take_away)
    with ray_cluster.ClusterWorkers(ExecutionConfig(ray_address=cluster.address)) as workers:
        thread.start()
        assert list(workers.map(partial(read_slowly, tmp_path), range(12))) == [-number for number in range(12)]
    thread.join()
    assert len(list(tmp_path.iterdir())) > 12, "what the node had begun must have been begun again"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_said_and_resuming_on_a_larger_one_completes(expected: RenderConfig, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    tar_bytes = (expected.out / "shards" / "train-000000.tar").stat().st_size
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={9 * tar_bytes}", "tmpfs", str(disk)], check=True)
    try:
        driver = Driver(replace(expected, out=disk / "out"), tmp_path / "diary")
        process = driver.start()
        said, error = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, said) == (1, "")
        (line,) = [line for line in error.splitlines() if line.startswith("refocus-foundry:")]
        assert "no space left" in line
        assert "give the same command again" in line
        assert "Traceback" not in error
        finished = marked_shards(driver.config.out)
        assert 0 < len(finished) < SHARDS
        for name in finished:
            assert (
                inspect_shard(tar_path(driver.config.out, name), read_marker(driver.config.out, name)).complaints == ()
            )
        assert temporaries(driver.config.out) == []
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        driver.finish()
        assert_same(driver.config.out, expected)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_it_leaves_finished_shards_and_no_lock(
    expected: RenderConfig, tmp_path: Path, cluster: Cluster, number: int
) -> None:
    ray = ("--executor", "ray", "--ray-address", cluster.address, "--workers", "2")
    driver = Driver(replace(expected, out=tmp_path / "out"), tmp_path / "diary", ray, slow_s=0.3)
    process = driver.start()
    wait_until(lambda: complete(driver.config.out) >= 3, "three shards were done")
    process.send_signal(number)
    said, error = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, said) == (128 + number, ""), error
    assert "interrupted; finished shards are kept" in error
    assert 3 <= complete(driver.config.out) < SHARDS
    assert not (driver.config.out / ".meta" / "run.lock").exists()
    driver.finish()
    assert_same(driver.config.out, expected)


def test_a_worker_that_sleeps_for_ever_is_killed_and_its_shard_tried_again(
    expected: RenderConfig, tmp_path: Path, cluster: Cluster
) -> None:
    """One shard hangs once, another one twice, which is all of its tries; the limit has room for a busy machine."""
    ray = ("--ray-address", cluster.address, "--workers", "2", "--attempts", "2", "--stall-timeout-s", "10")
    faults = json.dumps({"train-000002": ["sleep"], "train-000004": ["sleep", "sleep"]})
    driver = Driver(replace(expected, out=tmp_path / "out"), tmp_path / "diary", ray, faults)
    process = driver.start()
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1, err
    assert json.loads(out)["failed_shards"] == {
        "train-000004": "its worker finished no photo for 10 s and was killed (--stall-timeout-s)"
    }
    assert [name.rpartition(".")[0] for name in driver.begun if "000002" in name] == [
        "train-000002.0",
        "train-000002.1",
    ]
    assert set(tar_sums(expected.out)) - set(tar_sums(driver.config.out)) == {"train-000004.tar"}
    driver.finish()
    assert_same(driver.config.out, expected)


def test_workers_that_hang_while_they_import_are_killed_and_give_their_places_to_others(
    expected: RenderConfig, tmp_path: Path, cluster: Cluster
) -> None:
    """The cluster has two places, and both of them hang."""
    driver = Driver(
        replace(expected, out=tmp_path / "out"), tmp_path / "diary", ("--ray-address", cluster.address), hanging=2
    )
    process = driver.start()
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, err
    assert len(re.findall(r"a Ray worker did not start: it gave no answer for \d+ s and was killed", err)) >= 2, err
    assert json.loads(out)["failed_shards"] == {}
    assert_same(driver.config.out, expected)


def test_a_run_waits_for_a_node_and_uses_those_that_join_later(expected: RenderConfig, tmp_path: Path) -> None:
    """The head has no core for a worker; a node with one joins, and another one in the midst of it."""
    few = {"num_cpus": 0, "object_store_memory": ray_cluster.OBJECT_STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=few | {"include_dashboard": False})
    try:
        driver = Driver(
            replace(expected, out=tmp_path / "out"), tmp_path / "diary", ("--ray-address", cluster.address), slow_s=1.0
        )
        process = driver.start()
        wait_until((driver.config.out / ".meta" / "run.lock").exists, "the run had begun")
        time.sleep(10.0)  # it looks at the cluster, and finds no room
        nodes = [cluster.add_node(**few | {"num_cpus": 1})]
        wait_until(lambda: complete(driver.config.out) >= 3, "three shards were done")
        nodes.append(cluster.add_node(**few | {"num_cpus": 1}))
        _, err = process.communicate(timeout=DEADLINE_S)
    finally:
        cluster.shutdown()
    assert process.returncode == 0, err
    assert "waiting for the Ray cluster: it has room for 0 workers of 1 CPU each" in err
    assert "the Ray cluster has room for 2 workers" in err
    assert {name.rpartition(".")[2] for name in driver.begun} == {node.node_id for node in nodes}
    assert_same(driver.config.out, expected)


@pytest.mark.parametrize(("victim", "process_name"), [("head", "gcs_server"), ("raylet", "raylet")])
def test_a_cluster_whose_head_or_raylet_is_killed_is_said(
    expected: RenderConfig, tmp_path: Path, victim: str, process_name: str
) -> None:
    driver = Driver(
        replace(expected, out=tmp_path / "out"), tmp_path / "diary", ("--executor", "ray", "--workers", "2"), slow_s=8.0
    )
    process = driver.start()
    wait_until(lambda: complete(driver.config.out) >= 3, "three shards were done")
    (found,) = [each for each in psutil.Process(process.pid).children(recursive=True) if each.name() == process_name]
    found.kill()  # what is left takes four times the 20 s after which the head is missed: workers render on meanwhile
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (1, ""), err
    last = err.strip().splitlines()[-1]
    assert re.match(
        rf"refocus-foundry: the Ray cluster is lost: its {victim} at [\d.:]+ has not answered for \d+ s", last
    )
    assert last.endswith("finished shards are kept, the same command resumes")
    assert not (driver.config.out / ".meta" / "run.lock").exists()
    assert 3 <= complete(driver.config.out) < SHARDS
    replace(driver, slow_s=0.0).finish()
    assert_same(driver.config.out, expected)


@pytest.mark.parametrize("delay_s", [0.0, 2.0, 4.0, 7.0])
def test_sigterm_while_ray_starts_ends_the_run_and_leaves_no_process(
    expected: RenderConfig, tmp_path: Path, delay_s: float
) -> None:
    """The lock is there just before Ray is imported and starts, which takes about eight seconds."""
    config = replace(expected, out=tmp_path / "out")
    process = Driver(config, tmp_path / "diary", ("--executor", "ray", "--workers", "2"), slow_s=1.0).start()
    wait_until((config.out / ".meta" / "run.lock").exists, "the run had begun")
    time.sleep(delay_s)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (143, ""), err
    assert "interrupted; finished shards are kept" in err
    assert "Traceback" not in err
    assert not (config.out / ".meta" / "run.lock").exists()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert not alive
