"""Scores of ways that are known to be right, or wrong in one way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.experiment.arms import NOT_LEARNED, Arm
from pipelines.experiment.held_out import HeldOutScene, RefocusTask
from pipelines.experiment.score_file import read_scores, scored
from pipelines.experiment.scores import MEASURES, Scores, score
from pipelines.experiment.ways import Way, way_of
from pipelines.measure.fidelity import PSNR_LIMIT_DB, Picture
from shards import read_shards


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small pictures: more threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> HeldOutScene:
    """Three planes, three levels, stored without loss."""
    from pipelines.render.config import ExecutionConfig, RenderConfig, SourceConfig, StackConfig, StorageConfig
    from pipelines.render.run import render

    out = tmp_path_factory.mktemp("scores") / "data"
    config = RenderConfig(
        source=SourceConfig(photos="builtin:1", long_side=72),
        out=out,
        stack=StackConfig(planes=3, levels=3, blur_level_min=4.0, blur_level_max=16.0),
        storage=StorageConfig(split_fractions=(1.0, 0.0, 0.0), image_format="png"),
        execution=ExecutionConfig(device="cpu"),
        seed=3,
    )
    render(config)
    return HeldOutScene(next(read_shards(out, seed=None)))


@pytest.fixture(scope="module")
def not_learned(scene: HeldOutScene) -> dict[str, Scores]:
    """Scores by way."""
    return {arm.way: score(way_of(arm, None, "cpu"), scene) for arm in NOT_LEARNED}


def confused(scene: HeldOutScene, *, plane_shift: int = 0, level_of: dict[int, int] | None = None) -> Way:
    """The true frame of another plane or level than was asked for."""

    def way(task: RefocusTask) -> Sequence[Picture]:
        made = []
        for frame in task.frames:
            level, plane = divmod(frame, scene.planes)
            level = (level_of or {}).get(level, level)
            made.append(scene.picture(level * scene.planes + (plane + plane_shift) % scene.planes))
        return made

    return way


def test_the_true_frames_score_best(not_learned: dict[str, Scores]) -> None:
    right = not_learned["true frames"]
    assert right.keys() == MEASURES.keys()
    for name in ("photo, all", "photo, in focus", "photo, defocused", "strong, all", "weak, in focus"):
        assert right[name] == pytest.approx(PSNR_LIMIT_DB)
    assert right["focus error"] == right["focus error without depth"] == 0.0
    assert right["stack error"] < 0.01
    assert right["control"] > 0.9
    assert right["strong, recovered"] == pytest.approx(1.0)


def test_the_reference_as_it_is_gains_and_recovers_nothing(not_learned: dict[str, Scores]) -> None:
    found = not_learned["as it is"]
    assert found["control"] == found["strong, gain all"] == found["weak, gain defocused"] == 0.0
    assert found["strong, recovered"] == pytest.approx(0.0)
    assert found["photo, all"] < 32
    assert found["stack error"] == pytest.approx(0.0)


def test_the_renderer_makes_frames_of_the_photo_and_less_of_a_frame(not_learned: dict[str, Scores]) -> None:
    """From the photo all three are one renderer. Of a frame nothing brings lost detail back."""
    best, twice, missing = (not_learned[way] for way in ("photo rendered", "blurred twice", "missing blur"))
    assert best["photo, all"] == twice["photo, all"] > not_learned["as it is"]["photo, all"] + 5
    assert missing["photo, all"] == pytest.approx(best["photo, all"], abs=0.2)
    assert best["strong, gain all"] > missing["strong, gain all"] + 1
    assert best["strong, recovered"] > 0.8
    assert abs(missing["strong, recovered"]) < 0.1
    assert "focus error without depth" not in missing


def test_the_wrong_plane_shows_in_focus_and_in_the_picture(scene: HeldOutScene) -> None:
    wrong = score(confused(scene, plane_shift=1), scene)
    planes = [scene.lens(i).focus_disparity for i in range(3)]
    assert wrong["focus error"] == pytest.approx(np.mean([abs(planes[i] - planes[(i + 1) % 3]) for i in range(3)]))
    assert wrong["photo, in focus"] < 35


def test_levels_turned_round_show_in_control(scene: HeldOutScene) -> None:
    assert score(confused(scene, level_of={0: 2, 2: 0}), scene)["control"] < -0.7
    assert score(confused(scene, level_of={0: 1, 2: 1}), scene)["control"] == 0.0


def test_scoring_goes_on_where_it_stopped(scene: HeldOutScene, tmp_path: Path) -> None:
    path, calls = tmp_path / "as-it-is" / "scores.jsonl", []

    def way(task: RefocusTask) -> Sequence[Picture]:
        calls.append(task)
        return way_of(Arm("", "as it is"), None, "cpu")(task) or []

    first = scored(path, way, [scene])
    made = len(calls)
    assert made > 3
    with path.open("a", encoding="utf-8") as file:
        file.write('{"scene": "torn')
    assert scored(path, way, [scene]) == first == read_scores(path)
    assert len(calls) == made
