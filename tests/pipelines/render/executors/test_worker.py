"""The worker's threads: what they do while a photo is rendered."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pipelines.bench import pipeline
from pipelines.bench.subject import PhotoSet, write_photos
from pipelines.render.executors import worker
from pipelines.render.executors.worker import ShardWorker


def test_the_next_photos_are_decoded_while_one_is_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = PhotoSet(photos=6, long_side=96, samples_per_shard=6)
    write_photos(tmp_path / "photos", wanted)
    load = pipeline.workload(tmp_path, tmp_path / "photos", wanted, "cpu")
    assert load.config.depth.depth_batch == 4  # photos 4 and 5 are the next batch
    (shard,) = load.planning.plan.shards
    last_is_decoded, seen = threading.Event(), []
    load_photo, build_sample = worker.load_photo, worker.build_sample

    def noted_load(source: Any, **settings: Any) -> Any:
        photo = load_photo(source, **settings)
        if source == shard.samples[-1].photo:
            last_is_decoded.set()
        return photo

    def noted_render(key: str, *rest: Any) -> Any:
        if key == "00000000":
            seen.append(last_is_decoded.wait(timeout=20.0))
        return build_sample(key, *rest)

    monkeypatch.setattr(worker, "load_photo", noted_load)
    monkeypatch.setattr(worker, "build_sample", noted_render)
    report = ShardWorker(load.job(load.config.execution, load.config.out)).render_shard(shard)
    assert seen == [True]
    assert report.samples == 6
