"""Stacks of others: labels from meters and f-numbers, held against pictures that Mitsuba traced through a real lens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from pipelines.audit.check import Check
from pipelines.audit.config import AuditConfig
from pipelines.audit.measurement import _with_photo_blur
from pipelines.audit.run import audit
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.benchmark.run import run
from pipelines.errors import UserError
from pipelines.stacks.config import LayoutName, StackOptions
from pipelines.stacks.focus_stack import FocusStack
from pipelines.stacks.labeled_stack import LabeledStack, labeled
from pipelines.stacks.layouts import find_stacks
from simulator import ThinLens
from simulator.optics.lens import PhysicalLens
from tests.pipelines.stacks.traced_stacks import SENSOR_MM, Shoot, trace_zedd

ZEDD = StackOptions("zedd")


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One scene, three planes, two wide openings; F16 as the photo."""
    shoot = Shoot(tmp_path_factory.mktemp("zedd"), distances_m=(0.9, 1.6, 8.0), f_numbers=(0.7, 1.4))
    return trace_zedd(shoot)


def as_infinigen(stack: FocusStack, to: Path) -> None:
    """The same stack in the other layout, as PNG; its photo counts as a pinhole's."""
    shutil.copy(stack.depth, to / "depth.npy")
    np.savez(to / "cam_all_in_focus.npz", K=np.loadtxt(stack.depth.with_name("K.txt")))
    names = {f: f"image_ap_{f.f_number:.2f}_fd_{f.focus_distance_m:.2f}.png" for f in stack.frames}
    for frame, name in {**names, stack.photo: "image_all_in_focus.png"}.items():
        cv2.imwrite(str(to / name), cv2.imread(str(frame.path)))


def as_folder(stack: FocusStack, to: Path, **content: object) -> None:
    """The same stack, described by hand."""
    shutil.copytree(stack.photo.path.parent, to, dirs_exist_ok=True)
    shutil.copy(stack.depth, to / "depth.npy")
    entries = [
        {"file": frame.path.name, "f_number": frame.f_number, "focus_distance_m": frame.focus_distance_m}
        for frame in (stack.photo, *stack.frames)
    ]
    camera = content or {"focal_length_px": stack.focal_length_px, "focal_length_mm": 1.1 * SENSOR_MM}
    (to / "stack.json").write_text(
        json.dumps({"photo": entries[0], "depth": "depth.npy", "frames": entries[1:], **camera})
    )


def stack_of(folder: Path, options: StackOptions = ZEDD) -> LabeledStack:
    return labeled(find_stacks(folder, options)[0], options)


def lenses(stack: LabeledStack) -> dict[tuple[float, float], tuple[float, float]]:
    """(D_f, K) by f-number and distance."""
    pairs = zip(stack.stack.frames, stack.lenses, strict=True)
    return {(f.f_number, f.focus_distance_m): (lens.focus_disparity, lens.blur_scale_px) for f, lens in pairs}


def checks(folder: Path, options: StackOptions = ZEDD) -> dict[str, Check]:
    return {check.name: check for check in audit(AuditConfig(folder, planes=3, stacks=options)).checks}


def test_labels_agree_with_a_path_traced_camera(traced: Path) -> None:
    found = checks(traced)
    assert found["blur scale"].details["slope"] == pytest.approx(1.0, abs=0.02)
    assert found["blur scale"].details["worst_ratio"] == pytest.approx(1.0, abs=0.05)  # of 144 px
    assert found["sharpest plane"].figure == pytest.approx(0.0, abs=0.5)
    assert not any(check.status == "FAIL" for check in found.values())
    assert found["empty planes"].figure is None


def test_a_wrong_focal_length_fails_on_the_blur_scale(traced: Path) -> None:
    line = checks(traced, StackOptions("zedd", focal_length_mm=50.0))["blur scale"]
    assert line.status == "FAIL"
    assert line.details["slope"] == pytest.approx(1.1 * SENSOR_MM / 50.0, rel=0.03)


def test_blur_that_the_photo_has_itself_is_allowed_for() -> None:
    """Focused alike, variances of the photo's blur and of the ruler's add: 3² + 4² = 5²."""
    sample = SimpleNamespace(disparity=np.array([[0.2, 0.9]]), photo_lens=ThinLens(0.4, 3.0))
    assert _with_photo_blur(sample, 0.4, 4.0) == pytest.approx(5.0)  # type: ignore[arg-type]


def test_frames_are_predicted_from_the_photo(traced: Path, tmp_path: Path) -> None:
    config = BenchmarkConfig(
        out=tmp_path / "out",
        set=tmp_path / "set",
        predict_from_photo=traced,
        stacks=StackOptions("zedd", f_numbers=(1.4,)),
        contestants=("identity", "simulator"),
    )
    report = run(config)
    psnr = {s.name: s.figures["bokeh/all/psnr"].value for s in report.summaries}
    assert psnr["simulator"] > psnr["identity"] + 5.0
    assert psnr["simulator"] > 36.0  # the noise of 64 samples and two JPEGs are in it
    scores = [task for scene in report.scores["simulator"] for task in scene.tasks]
    assert len(scores) == 3
    assert all(s.control and s.control.error_px < 0.2 for s in scores)
    assert "Refocus:" not in report.summary()


@pytest.mark.parametrize(("layout", "write"), [("infinigen-defocus", as_infinigen), ("folder", as_folder)])
def test_every_layout_gives_the_same_labels(
    layout: LayoutName, write: Callable[[FocusStack, Path], None], traced: Path, tmp_path: Path
) -> None:
    ours = stack_of(traced)
    write(ours.stack, tmp_path)
    others = stack_of(tmp_path, StackOptions(layout))
    assert lenses(others) == {at: pytest.approx(lens) for at, lens in lenses(ours).items()}
    assert np.array_equal(ours.disparity, others.disparity)
    assert (others.photo_lens is None) == (layout == "infinigen-defocus")


def test_millimeters_alone_follow_the_lens_equation(traced: Path, tmp_path: Path) -> None:
    """Without calibrated intrinsics K holds the growth of the picture in close focus, v / f."""
    as_folder(stack_of(traced).stack, tmp_path, focal_length_mm=50.0)
    half = StackOptions("folder", long_side=72)
    for (f_number, distance_m), (focus, scale_px) in lenses(stack_of(tmp_path, half)).items():
        expected = PhysicalLens(50.0, f_number, SENSOR_MM, distance_m).thin_lens(72)
        assert (focus, scale_px) == pytest.approx((expected.focus_disparity, expected.blur_scale_px))


@pytest.mark.parametrize(
    ("damage", "options", "message"),
    [
        (lambda place: (place / "metadata.txt").unlink(), ZEDD, r"metadata.txt must give the focus distance"),
        (lambda place: (place / "metadata.txt").write_text("run_1\tAA\t0.9\n"), ZEDD, r"val_0001 cannot be used"),
        (lambda place: next(place.rglob("depth.npy")).unlink(), ZEDD, r"must hold SCENE/gt/depth.npy \(the test split"),
        (lambda place: next(place.rglob("K.txt")).write_text("1 2\n"), ZEDD, r"K.txt cannot be used"),
        (lambda place: next(place.rglob("*F16.0.jpg")).write_bytes(b"no"), ZEDD, r"F16.0.jpg cannot be used"),
        (lambda place: None, StackOptions("zedd", f_numbers=(8.0,)), r"it has 0.7, 1.4"),
    ],
    ids=["no metadata", "no distance", "no depth", "no matrix", "no picture", "no such f-number"],
)
def test_what_cannot_be_read_is_named(
    damage: Callable[[Path], object], options: StackOptions, message: str, traced: Path, tmp_path: Path
) -> None:
    shutil.copytree(traced, tmp_path / "zedd")
    damage(tmp_path / "zedd")
    with pytest.raises(UserError, match=message):
        stack_of(tmp_path / "zedd", options)
