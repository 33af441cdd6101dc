"""The whole measurement, tiny: every number has a place in record and text, and what is missing a reason."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pipelines.bench import run as bench_run
from pipelines.bench.config import BenchConfig
from pipelines.bench.renderers import BINNED, DIRECT, SETUP, STACK
from pipelines.bench.run import run
from pipelines.bench.subject import PhotoSet


def test_the_renderer_is_measured_against_both_others(tmp_path: Path) -> None:
    plot = tmp_path / "bench.svg"
    report = run(
        BenchConfig(device="cpu", threads=1, repeats=1, sizes=(48,), radii=(2, 4), parts=("renderer",), plot=plot)
    )
    for words in (STACK, BINNED, DIRECT, "48 × 48", "ms a frame"):
        assert words in plot.read_text()
    assert {(row.method, row.max_radius_px) for row in report.renderer} == {
        (method, radius) for method in (STACK, SETUP, BINNED, DIRECT) for radius in (2, 4)
    }
    (peak,) = report.memory
    assert peak.frames * 3 * 48 * 48 * 4 < peak.added_bytes < peak.peak_bytes
    ours = {row.max_radius_px: row.ms.median_ms for row in report.renderer if row.method == STACK}
    for row in report.renderer:
        assert row.times_stack == pytest.approx(row.ms.median_ms / ours[row.max_radius_px])
    assert {each.what for each in report.not_run} == {"pipeline", "feeding", "reader"}
    said = report.summary()
    for words in ("binned scatter", report.machine.cpu, report.direct_scatter, "| pipeline | not named in --parts |"):
        assert words in said
    assert json.loads(json.dumps(dataclasses.asdict(report)))["renderer"][0]["ms"]["repeats"] == 1


def test_pipeline_and_reader_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_run, "QUICK", PhotoSet(photos=2, long_side=96, samples_per_shard=1))
    monkeypatch.setattr(bench_run, "RAY_WORKERS", ())
    report = run(BenchConfig(device="cpu", quick=True, repeats=1, parts=("pipeline", "reader")))
    assert [rate.executor for rate in report.executors] == ["inline"]
    assert report.reader is not None
    assert report.reader.samples == 2
    assert "not named in --parts" in report.summary()
    assert "| depth by a model | needs its weights" in report.summary()
