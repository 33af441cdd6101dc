"""The whole way on two small path-traced scenes and one built-in: set, answers, scores, report."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.__main__ import main
from pipelines.benchmark import contestants, test_set
from pipelines.benchmark.columns import CONTROL_COLUMNS, PICTURE_COLUMNS
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.recipe import RECIPE, GatheredScene
from pipelines.benchmark.report import BenchmarkReport
from pipelines.benchmark.run import run
from pipelines.benchmark.summary import Summary
from pipelines.benchmark.tasks import read_picture, write_picture
from pipelines.errors import UserError
from pipelines.measure.fidelity import PSNR_LIMIT_DB
from pipelines.pages.plot import COLORS
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import UNKNOWN_LENS, FocusRequest, PreparedPhoto, Refocuser

RECIPES = [GatheredScene("quick", "still_life", 900_000_000, 96, 64), RECIPE.traced[1]]
EVERYBODY = ("truth", "identity", "all-in-focus photo", "simulator", "missing blur")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BenchmarkConfig, BenchmarkReport]]:
    """A run over three scenes; its answers are kept."""
    folder = tmp_path_factory.mktemp("benchmark")
    config = BenchmarkConfig(out=folder / "out", set=folder / "set", contestants=EVERYBODY, keep_answers=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_set, "_recipes", lambda part: RECIPES)
        yield config, run(config)


def of(report: BenchmarkReport, name: str) -> Summary:
    return next(summary for summary in report.summaries if summary.name == name)


def value(summary: Summary, key: str) -> float:
    return summary.figures[key].value


def test_the_simulator_obeys(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    simulator = of(made[1], "simulator")
    assert value(simulator, "slope") == pytest.approx(1.0, abs=0.01)
    assert value(simulator, "error_px") < 0.1  # radii of half a pixel, which no picture shows, are among them
    assert value(simulator, "plane_error_px") < 1.0
    assert value(simulator, "lv_corr") >= 0.97  # of one scene 96 px wide, whose weakest level is half a pixel
    assert value(simulator, "monotonicity") == 1.0


def test_who_does_nothing_does_not_obey(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    photo = of(made[1], "all-in-focus photo")
    assert value(photo, "slope") == pytest.approx(0.0, abs=0.02)
    assert value(photo, "lv_corr") == value(photo, "monotonicity") == 0.0
    assert value(photo, "error_px") > 1.0
    assert value(photo, "deblur/all/psnr") == pytest.approx(PSNR_LIMIT_DB)
    assert value(photo, "blur_left_px") < 0.1 < value(of(made[1], "identity"), "blur_left_px")


def test_pictures_are_ranked_as_they_look(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    truth, simulator, identity = (value(of(made[1], n), "bokeh/all/psnr") for n in ("truth", "simulator", "identity"))
    assert truth == pytest.approx(PSNR_LIMIT_DB)
    assert truth > simulator > identity + 5.0
    for region in ("in_focus", "defocused", "silhouette"):
        assert f"bokeh/{region}/ssim" in of(made[1], "simulator").figures


def test_path_traced_truth_measures_as_asked(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    """No renderer of ours made these frames: the ruler reads their blur within a fortieth."""
    scores = [s for scene in made[1].scores["truth"] if scene.scene == "traced-ground" for s in scene.tasks]
    points = [s.control for s in scores if s.control]
    assert points
    assert all(point.fitted_px == pytest.approx(point.requested_px, rel=0.025) for point in points)


def test_who_cannot_deblur_is_not_scored_for_it(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    simulator = of(made[1], "simulator")
    assert "deblur/all/psnr" not in simulator.figures
    assert simulator.answered < simulator.tasks
    assert any(what.startswith("simulator, ") for what in made[1].not_run())


def test_a_folder_of_answers_scores_as_its_maker(made: tuple[BenchmarkConfig, BenchmarkReport], tmp_path: Path) -> None:
    config, before = made
    folder = config.out / "answers" / "simulator"
    again = run(dataclasses.replace(config, out=tmp_path, contestants=(), predictions=(folder,)))
    assert of(again, "simulator").figures == of(before, "simulator").figures


def test_the_same_run_gives_the_same_bytes(made: tuple[BenchmarkConfig, BenchmarkReport], tmp_path: Path) -> None:
    config, _ = made
    run(dataclasses.replace(config, out=tmp_path, keep_answers=False))
    for name in ("report.json", "report.html", "report.md"):
        assert (tmp_path / name).read_bytes() == (config.out / name).read_bytes()
    assert not (tmp_path / "answers").exists()


def test_the_page_stands_alone_and_names_what_was_not_run(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    page = (made[0].out / "report.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)  # nothing from elsewhere
    assert "None" not in page
    for words in (
        "LPIPS",
        "CLIP-I",
        "part full",
        "Worst blur",
        "traced-",
        "recovered share → 1",
        "stacking, levels → truth",
    ):
        assert words in page
    assert "without depth" not in page  # no trained model takes part
    assert "Differences from" not in page
    assert page.count("<svg") == 2
    assert "PSNR, dB\u00a0↑" in page
    assert 'class="best"' in page
    assert "prefers-color-scheme: dark" in page
    assert all("width=" in image for image in re.findall("<img[^>]*>", page))  # nothing moves while they load
    colors = set(re.findall("#[0-9a-f]{6}", "".join(re.findall("<svg.*?</svg>", page, re.DOTALL))))
    assert colors <= set(COLORS), "all else in a plot has the page's own colors"


def test_the_json_has_every_task(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    told = json.loads((made[0].out / "report.json").read_text())
    tasks = [task["task"] for scene in told["scores"]["truth"] for task in scene["tasks"]]
    assert len(tasks) == len(set(tasks)) == told["set"]["tasks"]
    assert told["set"]["recipe_sha256"] == RECIPE.sha256()
    assert set(told["not_run"]) >= {"CLIP-I", "part full"}


def test_a_wrong_answer_is_named(made: tuple[BenchmarkConfig, BenchmarkReport], tmp_path: Path) -> None:
    config, report = made
    task = report.test_set.scenes[0].tasks[0].id
    (tmp_path / "peer").mkdir()
    ours = dataclasses.replace(config, contestants=(), out=tmp_path / "out", predictions=(tmp_path / "peer",))
    with pytest.raises(UserError, match=r"must hold PNGs named by task id, such as .*; got none"):
        run(ours)
    write_picture(tmp_path / "peer" / f"{task}.png", np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(UserError, match="must be 96 x 64 px like its input, got 20 x 10"):
        run(ours)
    (tmp_path / "peer" / f"{task}.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="must be a picture, it is damaged"):
        run(ours)


def test_missing_blur_adds_blur_and_sharpens_nothing(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    missing, identity, simulator = (of(made[1], name) for name in ("missing blur", "identity", "simulator"))
    assert value(missing, "refocus/all/psnr") > value(identity, "refocus/all/psnr") + 1.0
    assert value(missing, "bokeh/all/psnr") == value(simulator, "bokeh/all/psnr")  # the photo has no blur yet
    assert value(identity, "refocus/recovered_share") == value(identity, "deblur/recovered_share") == 0.0
    assert abs(value(missing, "refocus/recovered_share")) < 0.1
    assert value(simulator, "refocus/recovered_share") == pytest.approx(1.0, abs=0.15)
    assert value(of(made[1], "truth"), "refocus/edge_bleed") == 0.0


def test_the_best_of_what_a_user_can_have_is_marked(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    summaries = made[1].summaries
    by_key = {column.key: column for column in (*CONTROL_COLUMNS, *(c.of("refocus") for c in PICTURE_COLUMNS))}
    assert by_key["refocus/all/psnr"].best(summaries) == {"missing blur"}  # not the truth, which nobody has
    assert by_key["stacking"].best(summaries) == {"missing blur"}  # identity has less than the truth
    assert value(of(made[1], "identity"), "stacking") < value(of(made[1], "truth"), "stacking")
    worst = by_key["refocus/all/psnr"].worst_scene(of(made[1], "identity"))
    assert worst is not None
    assert worst[1] == min(of(made[1], "identity").by_scene["refocus/all/psnr"].values())
    assert "| missing blur " in (made[0].out / "report.md").read_text()


class Dreamer(Refocuser):
    """A model that notes what it was asked and paints everything gray; it needs depth."""

    def __init__(self, *, sharpens: bool = False) -> None:
        self.asked: list[tuple[FocusRequest, int]] = []
        self.lenses: list[PhotoLens] = []
        self.sharpens = sharpens

    def prepare(
        self, photo_srgb: np.ndarray, disparity: np.ndarray | None, photo_lens: PhotoLens = UNKNOWN_LENS
    ) -> PreparedPhoto:
        if disparity is None:
            raise UserError("it was trained without depth dropout")
        assert disparity.dtype == np.float32
        assert photo_srgb.shape[:2] == disparity.shape
        assert 0 <= disparity.min() <= disparity.max() <= 1
        self.lenses.append(photo_lens)

        def frames(requests: Sequence[FocusRequest], seed: int) -> Iterator[np.ndarray]:
            self.asked += [(request, seed) for request in requests]
            yield from (np.full_like(photo_srgb, 128) for _ in requests)

        return PreparedPhoto(frames, photo_srgb if self.sharpens else None)


def test_a_checkpoint_is_asked_for_point_and_level_and_not_to_deblur(
    made: tuple[BenchmarkConfig, BenchmarkReport],
) -> None:
    scene = made[1].test_set.scenes[0]
    model = Dreamer()
    checkpoint = contestants.from_checkpoint("dream", model)
    answers = {task.id: checkpoint.answer(task, scene) for task in scene.tasks}
    assert all(checkpoint.without_depth(task, scene) is None for task in scene.tasks)
    lensed = [task for task in scene.tasks if task.kind != "deblur"]
    assert [id for id, answer in answers.items() if answer is None] == [t.id for t in scene.tasks if t.kind == "deblur"]
    assert [(request.focus_point, request.blur_level) for request, _ in model.asked] == [
        ((task.focus_x, task.focus_y), task.blur_level) for task in lensed
    ]
    assert len({seed for _, seed in model.asked}) == len(lensed)  # of the task alone
    assert set(model.lenses) == {UNKNOWN_LENS}


def test_a_sharpener_also_deblurs_and_may_be_told_the_lens(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    scene = made[1].test_set.scenes[0]
    model = Dreamer(sharpens=True)
    told = contestants.from_checkpoint("dream", model, tells_lens=True)
    for task in scene.tasks:
        answer = told.answer(task, scene)
        assert answer is not None
        assert np.array_equal(answer, scene.input(task)) == (task.kind == "deblur")
        lens = model.lenses[-1]
        assert lens.is_known
        assert lens.is_sharp == (task.input_blur_level == 0)
        assert lens.is_sharp or lens.blur_level == task.input_blur_level


def test_the_set_is_made_once_and_belongs_to_its_recipe(
    made: tuple[BenchmarkConfig, BenchmarkReport], tmp_path: Path
) -> None:
    config, report = made
    path = config.set / "set.json"
    before = path.stat().st_mtime_ns
    assert test_set.open_set(config.set, "quick").content_sha256 == report.test_set.content_sha256
    assert path.stat().st_mtime_ns >= before
    told = json.loads(path.read_text())
    (tmp_path / "set.json").write_text(json.dumps({**told, "recipe_sha256": "0" * 64}))
    with pytest.raises(UserError, match=r"must hold v2 of recipe .*; name another folder"):
        test_set.open_set(tmp_path, "quick")


def test_disparity_at_the_point_is_the_plane(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    for scene in made[1].test_set.scenes:
        height, width = scene.disparity.shape
        for task in scene.tasks:
            stored = float(scene.disparity[int(task.focus_y * height), int(task.focus_x * width)])
            expected = task.focus_disparity if task.blur_level else task.input_focus_disparity
            assert stored == pytest.approx(expected, abs=0.02), task.id


def test_a_path_traced_reference_that_is_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.benchmark import traced_scenes

    monkeypatch.setattr(traced_scenes, "REFERENCES", tmp_path)
    monkeypatch.setattr(test_set, "_recipes", lambda part: RECIPES[1:])
    assert main(["benchmark", "--set", str(tmp_path / "set"), "--set-only"]) == 1
    said = capsys.readouterr()
    assert "scene traced-ground of the test set cannot be made" in said.err
    assert said.out == ""


def test_the_command_makes_the_set(
    made: tuple[BenchmarkConfig, BenchmarkReport], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", "--set", str(made[0].set), "--set-only", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["scenes"], told["tasks"]) == (2, made[1].test_set.tasks)


def test_frames_on_disk_are_those_of_the_tasks(made: tuple[BenchmarkConfig, BenchmarkReport]) -> None:
    for scene in made[1].test_set.scenes:
        depth = cv2.imread(str(made[0].set / "scenes" / scene.name / "disparity.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        for task in scene.tasks:
            assert read_picture(made[0].set / task.input).shape == (*depth.shape, 3)
