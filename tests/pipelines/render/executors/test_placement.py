from __future__ import annotations

import importlib.machinery
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig
from pipelines.render.executors import placement
from pipelines.render.executors.placement import chosen_executor, places, worker_needs
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.plan.plan import PlannedSample, PlannedShard

SOURCE = PhotoSource("0" * 16, "a.jpg", "/a.jpg", "0" * 64, "", "", "")
ENOUGH = [PlannedShard(f"train-{n:06d}", "train", (PlannedSample(f"{n:08d}", SOURCE, ""),) * 12) for n in range(2)]
"""24 photos: at the default size 127 megapixels of frames."""


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cores, two GPUs, and Ray."""
    monkeypatch.setattr(placement, "cores", lambda: 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(placement, "find_spec", lambda name: importlib.machinery.ModuleSpec(name, None))


def chosen(device: str = "cpu", long_side: int = 768, shards: list[PlannedShard] = ENOUGH, **execution: Any) -> str:
    config = RenderConfig(SourceConfig("p", long_side=long_side), Path("o"), execution=ExecutionConfig(**execution))
    return chosen_executor(config, device, shards)


def test_ray_where_there_is_work_for_several_workers() -> None:
    assert chosen() == chosen("cuda") == "ray"
    assert chosen(shards=ENOUGH[:1]) == "inline", "one shard is one worker's work"
    assert chosen(long_side=96) == "inline", "Ray would take longer to start than the work takes"
    assert chosen(workers=1) == "inline"
    assert chosen(threads=2) == "inline", "two cores are one worker of two threads"


def test_flags_decide_where_they_are_given() -> None:
    assert chosen(long_side=96, workers=2) == "ray"
    assert chosen(long_side=96, ray_address="head:6379") == "ray"
    assert chosen(long_side=96, executor="ray") == "ray"
    assert chosen(executor="inline", workers=2) == "inline"


def test_one_gpu_is_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert chosen("cuda") == "inline"


def test_without_ray_the_default_is_inline_and_asking_for_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(placement, "find_spec", lambda name: None)
    with caplog.at_level("INFO"):
        assert chosen() == "inline"
    assert "Ray is not installed" in caplog.text
    with pytest.raises(UserError, match="--executor ray: Ray is not installed"):
        chosen(workers=2)


def test_several_workers_share_a_gpu_and_its_cores() -> None:
    """Eight GPUs beside 128 cores, and two beside 16: the poorer machine decides what every worker gets."""
    machines = [{"CPU": 128.0, "GPU": 8.0, "memory": 1e12}, {"CPU": 16.0, "GPU": 2.0}, {"CPU": 64.0}]
    assert worker_needs(ExecutionConfig(), "cuda", machines) == {"CPU": 8, "GPU": 1.0}
    assert places({"CPU": 8, "GPU": 1.0}, machines) == 10
    shared = ExecutionConfig(workers_per_gpu=2, cpus_per_gpu=16)
    assert worker_needs(shared, "cuda", machines) == {"CPU": 8, "GPU": 0.5}
    assert places({"CPU": 8, "GPU": 0.5}, machines) == 16 + 2
    assert worker_needs(ExecutionConfig(threads=3), "cpu", machines) == {"CPU": 3}
    assert places({"CPU": 3}, machines) == 42 + 5 + 21


def test_needs_are_known_before_a_gpu_is_there() -> None:
    assert worker_needs(ExecutionConfig(), "cuda", [{"CPU": 4.0}]) == {"CPU": 1, "GPU": 1.0}
    assert places({"CPU": 1, "GPU": 1.0}, [{"CPU": 4.0}]) == 0
