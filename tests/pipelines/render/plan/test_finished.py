"""A shard counts as finished when these settings made it from the planned photos."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from pipelines.config import VerifyConfig
from pipelines.errors import UserError
from pipelines.render.config import RenderConfig
from pipelines.render.run import render
from pipelines.verify import verify
from shards.marker import marker_path, tar_path
from tests.pipelines.tiny_photos import tar_sums, write_photo


def copy_shard(source: Path, out: Path, name: str, new_name: str | None = None) -> None:
    """A tar with its marker, as somebody would copy them by hand."""
    for place in (tar_path, marker_path):
        target = place(out, new_name or name)
        target.unlink(missing_ok=True)
        target.write_bytes(place(source, name).read_bytes())


def complaints(out: Path) -> list[str]:
    return [str(complaint) for complaint in verify(VerifyConfig(out)).report.complaints]


@pytest.fixture
def other_seed(finished: RenderConfig, tmp_path: Path) -> Path:
    """The same photos with another seed."""
    other = dataclasses.replace(finished, seed=1, out=tmp_path / "other")
    render(other)
    return other.out


def test_a_finished_data_set_is_sound(finished: RenderConfig) -> None:
    assert complaints(finished.out) == []


def test_a_shard_of_other_settings_is_named_and_rendered_again(finished: RenderConfig, other_seed: Path) -> None:
    expected = tar_sums(finished.out)
    copy_shard(other_seed, finished.out, "train-000001")
    assert tar_sums(finished.out) != expected
    assert any(line.startswith("train-000001 * config_sha256: must be ") for line in complaints(finished.out))
    assert render(finished).exit_code == 0
    assert tar_sums(finished.out) == expected
    assert complaints(finished.out) == []


def test_a_shard_of_other_photos_is_named_and_rendered_again(finished: RenderConfig, tmp_path: Path) -> None:
    expected = tar_sums(finished.out)
    (tmp_path / "elsewhere").mkdir()
    for number in range(20, 24):
        write_photo(tmp_path / "elsewhere" / f"photo_{number}.png", seed=number)
    source = dataclasses.replace(finished.source, photos=str(tmp_path / "elsewhere"))
    others = dataclasses.replace(finished, source=source, out=tmp_path / "others")
    render(others)
    copy_shard(others.out, finished.out, "train-000001")
    assert any("train-000001 00000002 json: scene_id must be " in line for line in complaints(finished.out))
    assert render(finished).exit_code == 0
    assert tar_sums(finished.out) == expected


def test_a_shard_that_nobody_planned_stops_the_run(finished: RenderConfig, other_seed: Path) -> None:
    copy_shard(other_seed, finished.out, "train-000000", "train-000007")
    assert any("train-000007 * *: must not be there: the plan" in line for line in complaints(finished.out))
    with pytest.raises(UserError, match=r"shards that its plan does not know \(train-000007\)"):
        render(finished)


def test_planned_photos_that_are_missing_are_named(finished: RenderConfig) -> None:
    for place in (tar_path, marker_path):
        place(finished.out, "train-000002").unlink()
    assert any("train-000002 * *: must be there, 1 photos were planned" in line for line in complaints(finished.out))


def test_a_data_set_without_its_plan_is_not_sound(finished: RenderConfig) -> None:
    shutil.move(finished.out / ".meta" / "plan.jsonl", finished.out.parent / "plan.jsonl")
    assert any(line.startswith(".meta * plan.jsonl, config.json: must be there") for line in complaints(finished.out))
