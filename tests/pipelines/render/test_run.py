"""Whole runs, inline: what they leave on disk, what they survive, how they go on."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pipelines.errors import UserError
from pipelines.render import run
from pipelines.render.config import RenderConfig
from pipelines.render.executors import worker
from pipelines.render.plan import planning
from pipelines.render.run import forecast, render
from pipelines.runs.interruption import Interrupted
from shards.validate import validate
from shards.writer import ShardWriter
from tests.pipelines.tiny_photos import tar_sums, temporaries, write_photo


def with_knobs(config: RenderConfig, group: str, **knobs: object) -> RenderConfig:
    return dataclasses.replace(config, **{group: dataclasses.replace(getattr(config, group), **knobs)})  # type: ignore[arg-type]


def at_sample(monkeypatch: pytest.MonkeyPatch, number: int, act: Callable[[], object]) -> None:
    """Let something happen when the writer gets the `number`th sample of the run."""
    seen = 0
    add = ShardWriter.add

    def adding(writer: ShardWriter, key: str, fields: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            act()
        add(writer, key, fields)

    monkeypatch.setattr(ShardWriter, "add", adding)


def fail(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def test_a_run_leaves_a_sound_data_set(tiny_config: RenderConfig) -> None:
    result = render(tiny_config)
    assert (result.exit_code, result.photos, result.samples, result.frames, result.shards) == (0, 5, 5, 20, 3)
    assert validate(tiny_config.out).complaints == ()
    assert temporaries(tiny_config.out) == []
    found = {path.relative_to(tiny_config.out).as_posix() for path in tiny_config.out.rglob("*") if path.is_file()}
    assert found >= {"README.md", "index.json", "manifest.parquet", "SHA256SUMS", "rejects.jsonl", ".meta/plan.jsonl"}
    assert ".meta/run.lock" not in found


def test_the_same_settings_give_the_same_bytes_anywhere(tiny_config: RenderConfig, tmp_path: Path) -> None:
    render(tiny_config)
    elsewhere = dataclasses.replace(tiny_config, out=tmp_path / "elsewhere" / "again")
    render(elsewhere)
    assert tar_sums(elsewhere.out) == tar_sums(tiny_config.out)


def test_the_batch_of_the_depth_model_does_not_mix_up_photos(tiny_config: RenderConfig, tmp_path: Path) -> None:
    """Sidecars are read one by one, so only the configuration's hash may differ, and that is in the json."""
    render(tiny_config)
    one_by_one = dataclasses.replace(with_knobs(tiny_config, "depth", depth_batch=1), out=tmp_path / "one")
    render(one_by_one)
    from shards.reader import read_shards

    for ours, theirs in zip(*(read_shards(out, seed=None) for out in (tiny_config.out, one_by_one.out)), strict=True):
        assert (ours.frames == theirs.frames).all()
        assert ours.record.frames == theirs.record.frames


def test_a_run_that_was_killed_goes_on_where_it_stopped(
    tiny_config: RenderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = dataclasses.replace(tiny_config, out=tmp_path / "whole")
    render(whole)
    with monkeypatch.context() as patch:
        at_sample(patch, 4, fail(SystemExit()))  # nothing catches it: the second sample of shard 2
        with pytest.raises(SystemExit):
            render(tiny_config)
    assert list(tar_sums(tiny_config.out)) == ["train-000000.tar"]
    assert temporaries(tiny_config.out) == []
    untouched = (tiny_config.out / "shards" / "train-000000.tar").stat().st_mtime_ns
    result = render(tiny_config)
    assert result.samples == 5
    assert tar_sums(tiny_config.out) == tar_sums(whole.out)
    assert (tiny_config.out / "shards" / "train-000000.tar").stat().st_mtime_ns == untouched
    assert validate(tiny_config.out).complaints == ()


def test_what_a_killed_process_left_lying_about_is_removed(finished: RenderConfig) -> None:
    for stray in ("shards/.train-000009.tmp-1-ab", ".meta/.plan.tmp-1-ab"):
        (finished.out / stray).write_bytes(b"half")
    render(finished)
    assert temporaries(finished.out) == []


def test_a_finished_data_set_is_left_as_it_is(finished: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        pytest.fail("rendered a finished shard")

    monkeypatch.setattr(worker.ShardWorker, "render_shard", never)
    assert render(finished).samples == 5


def test_other_settings_are_refused_by_name(finished: RenderConfig) -> None:
    other = dataclasses.replace(with_knobs(finished, "stack", planes=3), seed=9)
    before = tar_sums(finished.out)
    with pytest.raises(UserError, match=r"planes was 2, now 3; seed was 0, now 9; .*--out") as caught:
        render(other)
    assert caught.value.exit_code == 2
    assert tar_sums(finished.out) == before


def test_more_photos_are_refused_by_name(finished: RenderConfig) -> None:
    write_photo(Path(finished.source.photos) / "photo_5.png", seed=5)
    with pytest.raises(UserError, match=r"planned for 5 photos; now 0 .* and 1 are new \(photo_5.png\); pass --append"):
        render(finished)


def test_rejected_photos_are_listed_and_the_run_goes_on(tiny_config: RenderConfig) -> None:
    photos = Path(tiny_config.source.photos)
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    (photos / "z_copy.png").write_bytes((photos / "photo_0.png").read_bytes())
    (photos / "photo_2.disparity.png").unlink()
    result = render(tiny_config)
    assert result.exit_code == 0
    assert (result.photos, result.samples, result.rejected) == (7, 4, 3)
    entries = [json.loads(line) for line in (tiny_config.out / "rejects.jsonl").read_text().splitlines()]
    assert [(entry["path"], entry["stage"]) for entry in entries] == [
        *(("broken.jpg", "photo"), ("photo_2.png", "depth"), ("z_copy.png", "photo")),
    ]
    assert all(entry["code"] and entry["message"] for entry in entries)
    assert sum(result.rejected_by_code.values()) == 3
    assert result.rejected_by_code["photo/duplicate"] == 1


def test_rejects_of_a_finished_shard_survive_resuming(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (Path(tiny_config.source.photos) / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    with monkeypatch.context() as patch:
        at_sample(patch, 3, fail(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            render(tiny_config)
    result = render(tiny_config)
    assert result.rejected == 1
    assert "broken.jpg" in (tiny_config.out / "rejects.jsonl").read_text()


def test_too_many_rejects_is_exit_code_3(tiny_config: RenderConfig) -> None:
    for number in range(3):
        (Path(tiny_config.source.photos) / f"photo_{number}.disparity.png").unlink()
    assert render(tiny_config).exit_code == 3
    assert render(dataclasses.replace(tiny_config, max_reject_fraction=0.6)).exit_code == 0


def test_a_shard_of_rejects_alone_leaves_no_tar_and_is_done(tiny_config: RenderConfig) -> None:
    for number in range(2):
        (Path(tiny_config.source.photos) / f"photo_{number}.disparity.png").unlink()
    result = render(tiny_config)
    assert list(tar_sums(tiny_config.out)) == ["train-000001.tar", "train-000002.tar"]
    assert (result.samples, result.rejected) == (3, 2)
    assert validate(tiny_config.out).complaints == ()
    assert render(tiny_config).seconds_by_stage == {}  # nothing is tried again


def test_when_every_photo_is_rejected_there_is_a_list_and_no_data_set(tiny_config: RenderConfig) -> None:
    for path in Path(tiny_config.source.photos).glob("*[0-9].png"):
        path.write_bytes(b"\xff\xd8\xff\xe0 not really" + path.name.encode())
    result = render(tiny_config)
    assert (result.exit_code, result.samples, result.rejected) == (3, 0, 5)
    assert len((tiny_config.out / "rejects.jsonl").read_text().splitlines()) == 5


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_ends_the_run_and_keeps_what_is_finished(
    tiny_config: RenderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    with monkeypatch.context() as patch:
        at_sample(patch, 3, fail(OSError(code, os.strerror(code))))
        with pytest.raises(UserError, match=f"no space left for {tiny_config.out}; train-000001 was dropped") as caught:
            render(tiny_config)
    assert caught.value.exit_code == 1
    assert list(tar_sums(tiny_config.out)) == ["train-000000.tar"]
    assert temporaries(tiny_config.out) == []
    assert render(tiny_config).exit_code == 0
    assert validate(tiny_config.out).complaints == ()


def test_a_shard_that_fails_is_reported_and_the_others_are_made(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_sample(patch, 3, fail(RuntimeError("CUDA error")))
        result = render(tiny_config)
    assert result.exit_code == 1
    assert result.failed_shards == {"train-000001": "RuntimeError: CUDA error"}
    assert list(tar_sums(tiny_config.out)) == ["train-000000.tar", "train-000002.tar"]
    assert render(tiny_config).exit_code == 0


def test_when_nothing_works_the_run_ends(tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise RuntimeError("no kernel image")

    monkeypatch.setattr(worker.ShardWorker, "render_shard", never)
    config = with_knobs(tiny_config, "storage", samples_per_shard=1)
    with pytest.raises(UserError, match="first 3 shards all failed, train-000002 with: RuntimeError: no kernel image"):
        render(config)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drops_the_shard_in_work_and_keeps_the_others(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch, number: int, exit_code: int
) -> None:
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        at_sample(patch, 3, lambda: signal.raise_signal(number))
        with pytest.raises(Interrupted) as caught:
            render(tiny_config)
    assert caught.value.exit_code == exit_code
    assert signal.getsignal(number) == before
    assert list(tar_sums(tiny_config.out)) == ["train-000000.tar"]
    assert temporaries(tiny_config.out) == []
    assert not (tiny_config.out / ".meta" / "run.lock").exists()
    assert render(tiny_config).samples == 5


def test_a_folder_full_of_other_things_is_left_alone(tiny_config: RenderConfig) -> None:
    photos = Path(tiny_config.source.photos)
    before = sorted(photos.iterdir())
    with pytest.raises(UserError, match=f"--out {photos} holds other things than a data set; name a new"):
        render(dataclasses.replace(tiny_config, out=photos))
    assert sorted(photos.iterdir()) == before


def test_a_damaged_shard_that_cannot_be_rendered_again_is_said(
    finished: RenderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (finished.out / "shards" / "train-000001.tar").write_bytes(b"cut")
    with monkeypatch.context() as patch:
        at_sample(patch, 1, fail(RuntimeError("CUDA error")))
        with pytest.raises(UserError, match=r"shard train-000001 must be complete.*CUDA error"):
            render(finished)
    assert render(finished).exit_code == 0
    assert validate(finished.out).complaints == ()


def test_workers_may_stand_in_another_folder(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    config = dataclasses.replace(with_knobs(tiny_config, "depth", depth="model", depth_dir=Path("d")), out=Path("o"))
    absolute = config.with_absolute_paths()
    assert absolute.out == tmp_path / "o"
    assert (absolute.depth.depth, absolute.depth.depth_dir) == (str(tmp_path / "model"), tmp_path / "d")
    assert with_knobs(config, "depth", depth="owner/model").with_absolute_paths().depth.depth == "owner/model"


def test_a_dry_run_writes_nothing_and_counts_right(tiny_config: RenderConfig) -> None:
    said = forecast(tiny_config)
    assert (said.photos, said.frames, said.shards) == (5, 20, 3)
    assert said.samples_by_split == {"train": 5, "val": 0, "test": 0}
    assert said.estimated_bytes > 0
    assert not tiny_config.out.exists()


def test_a_gpu_that_is_not_there_is_said_before_anything_is_written(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="--device cuda: torch sees no GPU"):
        render(with_knobs(tiny_config, "execution", device="cuda"))
    assert not tiny_config.out.exists()


def test_builtin_scenes_need_no_depth_model(tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        pytest.fail("opened a depth model for exact disparity")

    monkeypatch.setattr(planning, "check_depth", never)
    monkeypatch.setattr(worker, "open_depth", never)
    result = render(with_knobs(tiny_config, "source", photos="builtin:2"))
    assert (result.samples, result.exit_code) == (2, 0)
    assert validate(tiny_config.out).complaints == ()


def test_a_warning_when_the_disk_will_not_do(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(run, "bytes_per_sample", lambda config: 10**15)
    with caplog.at_level("WARNING"):
        render(tiny_config)
    assert "about 5e+03 TB are needed" in caplog.text
