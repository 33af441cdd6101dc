"""The whole measurement, tiny: every number has a place in record and text, and what is missing a reason."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pipelines.bench import run as bench_run
from pipelines.bench.config import BenchConfig
from pipelines.bench.growth import Growth
from pipelines.bench.memory import MemoryPeak
from pipelines.bench.photo_set import PhotoSet
from pipelines.bench.pipeline import ExecutorRate
from pipelines.bench.renderers import BINNED, DIRECT, SETUP, STACK, RendererRow
from pipelines.bench.run import run
from pipelines.bench.targets import growth_targets, memory_targets, pipeline_targets, renderer_targets
from pipelines.bench.timing import Timing


def test_the_renderer_is_measured_against_both_others() -> None:
    report = run(BenchConfig(device="cpu", threads=1, repeats=1, sizes=(48,), radii=(2, 4), parts=("renderer",)))
    assert {(row.method, row.max_radius_px) for row in report.renderer} == {
        (method, radius) for method in (STACK, SETUP, BINNED, DIRECT) for radius in (2, 4)
    }
    (peak,) = report.memory
    assert peak.frames * 3 * 48 * 48 * 4 < peak.added_bytes < peak.peak_bytes
    assert {growth.quantity for growth in report.growth} == {"radius", "frames"}
    assert {each.what for each in report.not_run} == {"pipeline", "reader", "growth in pixels"}
    said = report.summary()
    for words in ("binned scatter", report.machine.cpu, report.direct_scatter, "pipeline: not named in --parts"):
        assert words in said
    assert json.loads(json.dumps(dataclasses.asdict(report)))["renderer"][0]["ms"]["repeats"] == 1


def test_pipeline_and_reader_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_run, "QUICK", PhotoSet(photos=2, long_side=96, samples_per_shard=1))
    monkeypatch.setattr(bench_run, "RAY_WORKERS", ())
    report = run(BenchConfig(device="cpu", quick=True, repeats=1, parts=("pipeline", "reader")))
    assert [rate.executor for rate in report.executors] == ["inline"]
    assert report.reader is not None
    assert report.reader.samples == 2
    assert "renderer: not named in --parts" in report.summary()
    assert "depth by a model: needs its weights" in report.summary()


def _rows(side_px: int, radius_px: int, **ms: float) -> list[RendererRow]:
    names = {"stack": STACK, "binned": BINNED, "direct": DIRECT}
    return [
        RendererRow(names[name], side_px, radius_px, 12, Timing.of([spent / 1e3], first_s=0.0))
        for name, spent in ms.items()
    ]


def test_targets_of_the_renderer_are_ratios_on_a_cpu() -> None:
    rows = _rows(512, 16, stack=70.0, binned=100.0, direct=1300.0) + _rows(
        512, 32, stack=70.0, binned=100.0, direct=1500.0
    )
    met = {target.what: target.met for target in renderer_targets(rows, "cpu")}
    assert met == {
        "ours / binned scatter, 512², r 16": True,
        "direct scatter / ours, 512², r 16": False,
        "ours / binned scatter, 512², r 32": False,
        "direct scatter / ours, 512², r 32": True,
    }
    assert renderer_targets(_rows(512, 64, stack=1.0, binned=1.0, direct=1.0), "cpu") == []


def test_targets_of_the_renderer_are_milliseconds_on_a_gpu() -> None:
    rows = _rows(512, 32, stack=0.4, binned=1.0, direct=2.1) + _rows(1024, 32, stack=2.4, binned=9.0, direct=9.0)
    met = [target.met for target in renderer_targets(rows, "cuda")]
    assert met == [True, True, False, False]


def test_the_other_targets() -> None:
    growth = Growth(STACK, "radius", "512²", 0.1, 1.25, 8, 64)
    assert [target.met for target in growth_targets([growth, dataclasses.replace(growth, method=DIRECT)])] == [True]
    peak = MemoryPeak(1024, 64, 12, 2_100_000_000, 1_000_000_000, "")
    assert [target.met for target in memory_targets([peak, dataclasses.replace(peak, side_px=512)], "cpu")] == [False]
    rate = ExecutorRate("inline", 1, 10.0, 0.0, 0.9, 1.0, 0.5)
    slower = dataclasses.replace(rate, of_slowest_stage=0.8)
    assert [target.met for target in pipeline_targets([rate, slower])] == [True, False]
