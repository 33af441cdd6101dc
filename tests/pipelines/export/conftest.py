"""Data sets without optics: synthetic samples in two shards of train and one of val."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipelines.export.config import ExportConfig
from pipelines.export.run import ExportResult, export
from shards import DisparityRecord, LensRecord, Sample, encode, read_shards, write_index
from tests.shards.synthetic import make_sample, write_data_set, write_shard

Export = Callable[..., ExportResult]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "set", {"train-000000": 3, "train-000001": 2, "val-000000": 1})


@pytest.fixture
def run(out: Path) -> Export:
    """Export `out`: run(to, format="frames")."""
    return lambda to, **flags: export(ExportConfig(out, to, **flags))


@pytest.fixture
def metric_set(tmp_path: Path) -> Path:
    """Two samples of metric disparity, 0 to 1 per meter, from a camera of 50 mm."""
    return _write_metric(tmp_path / "metric", LensRecord(focal_length_mm=50.0, sensor_width_mm=36.0))


@pytest.fixture
def metric_set_without_camera(tmp_path: Path) -> Path:
    return _write_metric(tmp_path / "metric", LensRecord())


def _write_metric(out: Path, lens: LensRecord) -> Path:
    disparity = DisparityRecord("metric", "1/m", 1.0 / 65535.0, 0.0, "synthetic", "")
    samples = [make_sample(i, width=48, height=32) for i in range(2)]
    records = [dataclasses.replace(sample.record, disparity=disparity, lens=lens) for sample in samples]
    noise = np.random.default_rng(0).integers(0, 256, samples[0].aif.shape, np.uint8)  # shows the slightest blur
    metric = [dataclasses.replace(s, record=r, aif=noise) for s, r in zip(samples, records, strict=True)]
    write_shard(out, "train-000000", metric)
    write_index(out)
    return out


def stored(out: Path, split: str = "train") -> dict[str, tuple[Sample, dict[str, bytes]]]:
    """Samples by key, and their fields as the writer encoded them."""
    samples = read_shards(out, split=split, seed=None)
    return {sample.key: (sample, encode(make_sample(int(sample.key), split=split))) for sample in samples}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of an export but those that name its path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: data for name, data in named.items() if not name.startswith(("trainers/", "manifest"))}
