"""Each check finds the fault that it is for, and passes what has none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pipelines.validate.checks import (
    contour_lines,
    dense_range,
    known_layers,
    robustness,
    run,
    slopes,
    spot_profile,
    spots_in_range,
    stack_context,
)
from pipelines.validate.checks.check import Check, markdown
from simulator import Aperture, Scene, ThinLens


def _check(value: float, keep: Any = "at most", truth: float | None = None) -> Check:
    return Check("rim", value, "px", keep, 0.5, "r 8", truth)


def test_a_bar_is_kept_on_its_side() -> None:
    assert _check(0.5).met
    assert not _check(0.51).met
    assert _check(0.51, "at least").met
    assert not _check(0.49, "at least").met
    assert not _check(math.nan).met
    assert not _check(math.nan, "at least").met


def test_the_table_and_the_numbers() -> None:
    assert markdown([_check(0.25), _check(0.25, "at least", 0.75)]).splitlines()[2:] == [
        "| rim   | 0.25 px     | <= 0.5 px | met        | r 8      |       |",
        "| rim   | 0.25 px     | >= 0.5 px | **missed** | r 8      | 0.75  |",
    ]
    assert _check(0.25).to_json() == {
        "value": 0.25, "unit": "px", "keep": "at most", "bar": 0.5, "met": True, "worst_at": "r 8"
    }  # fmt: skip
    assert _check(0.25, truth=0.75).to_json()["truth"] == 0.75


# A renderer without bins: every pixel on black or alone, drawn with the aperture's own disc.


class TrueScene:
    """Stands in for Scene where light is black but for one point: `scale` times the labeled radius."""

    scale = 1.0

    def __init__(self, image: Tensor, disparity: Tensor) -> None:
        self._image, self._disparity = image, disparity

    @classmethod
    def from_rgbd(cls, image: Tensor, disparity: Tensor, max_radius_px: float) -> TrueScene:
        return cls(image, disparity)

    def render(self, lenses: Sequence[ThinLens], quality: str = "fast", aperture: Aperture | None = None) -> Tensor:
        return torch.stack([self._frame(lens, aperture or Aperture()) for lens in lenses])

    def _frame(self, lens: ThinLens, aperture: Aperture) -> Tensor:
        (y, x) = (int(i) for i in (self._image[0] > 0).nonzero()[0])
        radius = self.scale * float(lens.defocus_px(self._disparity[y, x]))
        mask = aperture.mask(radius).float()
        half = mask.shape[0] // 2
        padded = torch.zeros(3, *(side + 2 * half for side in self._disparity.shape))
        padded[:, y : y + 2 * half + 1, x : x + 2 * half + 1] = mask
        h, w = self._disparity.shape
        return padded[:, half : half + h, half : half + w]


@pytest.mark.parametrize(("scale", "met"), [(1.0, True), (1.02, False), (0.98, False)])
def test_labels_are_held_to_one_percent(monkeypatch: pytest.MonkeyPatch, scale: float, met: bool) -> None:
    monkeypatch.setattr(TrueScene, "scale", scale)
    monkeypatch.setattr(dense_range, "Scene", TrueScene)
    checks = dense_range.labels_between_bins(24, (2.0, 8.0, 64.0), places=(0.04,))
    assert [c.what for c in checks] == ["label between bins, R 24, r 2", "label between bins, R 24, r 8"]
    assert [c.met for c in checks][1] is met  # at r 2 the allowance is 0.03 px, not 0.02


def test_points_are_measured_on_both_sides_of_the_focus_at_their_own_disparity() -> None:
    for in_front, plane in ((False, 0.04), (True, 0.96)):
        (spot,) = dense_range.spots(24, (8.0,), 0.04, in_front)
        assert spot.measured_px == pytest.approx(8.0, abs=0.5)
        assert f"{plane:.4f}" in spot.where
    disparity = dense_range.dense_disparity(32, 64, 0.4)
    assert torch.unique(disparity).numel() > 200
    assert (disparity[:, 8:] == 0.4).all()


@pytest.mark.parametrize("in_front", [False, True])
@pytest.mark.parametrize("place", [0.04, 0.46])
def test_the_range_is_as_wide_as_the_largest_radius_allows(
    monkeypatch: pytest.MonkeyPatch, place: float, in_front: bool
) -> None:
    """Bins are evenly spaced over the range: the wider it is in pixels of defocus, the further are they apart."""
    seen: list[ThinLens] = []
    render = TrueScene.render
    monkeypatch.setattr(TrueScene, "render", lambda scene, lenses, **_: (seen.extend(lenses), render(scene, lenses))[1])
    monkeypatch.setattr(dense_range, "Scene", TrueScene)
    dense_range.spots(24, (2.0, 20.0), place, in_front)
    plane = 1.0 - place if in_front else place
    for lens, radius_px in zip(seen, (2.0, 20.0), strict=True):
        ends = [lens.blur_scale_px * (end - lens.focus_disparity) for end in (0.0, 1.0)]
        assert max(-ends[0], ends[1]) == pytest.approx(24.0)
        own = lens.blur_scale_px * (plane - lens.focus_disparity)
        assert own == pytest.approx(radius_px if in_front else -radius_px)


@pytest.mark.parametrize(("scale", "met"), [(1.0, True), (0.95, False)])
def test_spots_in_a_dense_range_are_held_to_the_pupils_mask(
    monkeypatch: pytest.MonkeyPatch, scale: float, met: bool
) -> None:
    monkeypatch.setattr(TrueScene, "scale", scale)
    monkeypatch.setattr(dense_range, "Scene", TrueScene)
    checks = spots_in_range.spots_in_range(24, (12.0,))
    assert [c.met for c in checks] == [met] * 4
    assert checks[0].worst_at.startswith("r 12, D0 0.4")


def test_spots_in_a_dense_range_are_discs() -> None:
    """Of the renderer itself, between the nodes near focus, where bins alone would draw two discs."""
    assert all(check.met for check in spots_in_range.spots_in_range(48, (8.5,)))


@pytest.mark.parametrize(("factor", "met"), [(1.0, True), (1.02, False)])
def test_a_plane_in_focus_is_held_to_fifty_decibels(monkeypatch: pytest.MonkeyPatch, factor: float, met: bool) -> None:
    def routes(content: Tensor, place: float, largest_px: int) -> list[tuple[str, Tensor]]:
        return [("render_stack", content * factor)]

    monkeypatch.setattr(dense_range, "_in_focus", routes)
    assert [c.met for c in dense_range.focus_planes(24, side_px=16)] == [met, met]


def test_a_plane_in_focus_is_rendered_by_every_route() -> None:
    checks = dense_range.focus_planes(24, places=(0.04,), side_px=16)
    assert len(checks) == 6
    assert all(c.value > 20 for c in checks)


@pytest.mark.parametrize("radius_px", [2.0, 5.3, 20.0])
def test_the_profile_of_a_true_disc(radius_px: float) -> None:
    found = spot_profile.profile_of(spot_profile.true_disc(radius_px, 40), radius_px)
    assert found.half_maximum_px == pytest.approx(radius_px, abs=0.3)
    assert found.rim_px < 2.0


def _discs(scale: float, softness_px: float) -> Any:
    """A renderer whose discs are `scale` times too large, their rims smoothed over `softness_px`."""

    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        half = image.shape[-1] // 2
        frames = []
        for lens in lenses:
            disc = spot_profile.true_disc(scale * abs(lens.defocus_px(torch.tensor(0.5)).item()), half)
            reach = round(softness_px)
            soft = torch.nn.functional.avg_pool2d(disc[None], 2 * reach + 1, stride=1, padding=reach)
            frames.append(soft.float().expand(3, -1, -1))
        return torch.stack(frames)

    return render_stack


PULL = (20.0, 21.0, 22.0)


@pytest.mark.parametrize(
    ("scale", "softness_px", "met"),
    [(1.0, 0.0, [True, True, True]), (0.97, 0.0, [False, True, True]), (1.0, 3.0, [True, False, True])],
)
def test_discs_are_discs(monkeypatch: pytest.MonkeyPatch, scale: float, softness_px: float, met: list[bool]) -> None:
    monkeypatch.setattr(spot_profile, "render_stack", _discs(scale, softness_px))
    radius, rim, jump = spot_profile.focus_pull(1.0, PULL)
    assert [rim.met, jump.met] == met[1:]
    assert radius.met is met[0] or softness_px > 0  # a soft rim may move the half maximum, too


def test_the_aperture_itself_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every ninth radius: the pixels' own noise in the profile is within the bars."""

    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        half = image.shape[-1] // 2
        frames = torch.zeros(len(lenses), *image.shape)
        for frame, lens in zip(frames, lenses, strict=True):
            mask = Aperture().mask(abs(lens.defocus_px(torch.tensor(0.5)).item())).float()
            reach = mask.shape[0] // 2
            frame[:, half - reach : half + reach + 1, half - reach : half + reach + 1] = mask
        return frames

    monkeypatch.setattr(spot_profile, "render_stack", render_stack)
    assert [c.what for c in spot_profile.focus_pull(1.0, spot_profile.RADII_PX[:60:9]) if not c.met] == []


def test_a_jump_in_a_focus_pull_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    true, small = _discs(1.0, 0.0), _discs(0.985, 0.0)

    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        return torch.cat([true(image, disparity, lenses[:2]), small(image, disparity, lenses[2:])])

    monkeypatch.setattr(spot_profile, "render_stack", render_stack)
    radius, _, jump = spot_profile.focus_pull(1.0, PULL)
    assert radius.met
    assert not jump.met
    assert jump.worst_at == "r 21.00"


def test_light_lost_in_one_place_is_not_made_up_for_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    factors = iter((1.0, 0.97, 1.0, 1.01, 1.0))
    render = Scene.render
    monkeypatch.setattr(Scene, "render", lambda *args, **kwargs: next(factors) * render(*args, **kwargs))
    found = slopes.light_on_slope(0.05, with_truth=False)
    assert found.value == pytest.approx(3.0, abs=0.2)
    assert found.worst_at.endswith("at -16 px")


def test_light_is_summed_over_the_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    gentle = slopes.light_on_slope(0.05, with_truth=False)
    assert gentle.value < 0.5
    render = Scene.render
    monkeypatch.setattr(Scene, "render", lambda *args, **kwargs: 0.99 * render(*args, **kwargs))
    dimmed = slopes.light_on_slope(0.05, with_truth=False)
    assert not dimmed.met
    assert dimmed.value == pytest.approx(1.0, abs=0.5)


@pytest.mark.parametrize(("alone", "met"), [(1.0, True), (1.01, False)])
def test_a_frame_that_depends_on_its_stack_is_found(monkeypatch: pytest.MonkeyPatch, alone: float, met: bool) -> None:
    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        return torch.stack([image * (1.0 if len(lenses) > 1 else alone) for _ in lenses])

    monkeypatch.setattr(stack_context, "render_stack", render_stack)
    assert stack_context.alone_against_stack("cutouts", height=32, width=48).met is met


def test_contour_lines_are_found_and_their_absence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames that show the map itself: a step of rounding is a step of light."""

    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        return disparity.expand(len(lenses), 3, -1, -1)

    monkeypatch.setattr(contour_lines, "render_stack", render_stack)
    smooth = contour_lines.contour_lines("still_life", height=96, width=144)
    monkeypatch.setattr(contour_lines, "debanded", lambda disparity, step: disparity)
    banded = contour_lines.contour_lines("still_life", height=96, width=144)
    assert smooth.value < 0.1 * banded.value
    assert f"{banded.value:.2f} from the map as it is" in smooth.worst_at
    assert not banded.met


def test_known_layers_are_compared_with_exact_frames() -> None:
    (row,) = known_layers.known_layers("cutouts", height=64, width=96, frames=[(0.1, 12.0)])
    assert 20 < row.layers_db < 80
    assert 20 < row.photo_db < 80
    assert row.detail is not None
    worse = known_layers.KnownLayers("cutouts", row.lens, row.layers_db - 10, row.layers_db, (0.9, 0.1, 0.1))
    checks = {c.what: c for c in known_layers.checks_of([row, worse])}
    assert checks["known layers below photo and disparity, cutouts"].value == pytest.approx(10.0)
    mean = checks["known layers against exact, mean, cutouts"]
    assert mean.value == pytest.approx(row.layers_db - 5)
    from_layers = checks["photo's detail at blurred silhouettes beyond exact's, cutouts, from layers"]
    assert (from_layers.value, from_layers.truth) == (pytest.approx(0.8), 0.1)


def test_silhouettes_are_those_of_blurred_things_in_front() -> None:
    disparity = torch.zeros(32, 48)
    disparity[:, 24:] = 1.0
    behind, in_front = ThinLens(1.0, 20.0), ThinLens(0.0, 20.0)
    assert not known_layers.blurred_silhouettes(disparity, behind).any()
    assert known_layers.blurred_silhouettes(disparity, in_front)[0].nonzero()[:, 0].tolist() == [21, 22, 23, 24, 25, 26]
    assert not known_layers.blurred_silhouettes(disparity, ThinLens(0.7, 20.0)).any()  # 6 px
    assert not known_layers.blurred_silhouettes(disparity, ThinLens(2.0, 20.0)).any()  # both sides behind the focus


def test_fine_detail_is_that_of_the_photo_or_not() -> None:
    noise = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    where = torch.ones(32, 32, dtype=torch.bool)
    assert known_layers.detail_correlation(noise[0], noise[0], where) == pytest.approx(1.0)
    assert abs(known_layers.detail_correlation(noise[0], noise[1], where)) < 0.15
    shaded = noise[0] * 0.5 + torch.linspace(0.0, 0.5, 32)
    assert known_layers.detail_correlation(shaded, noise[0], where) > 0.9


def test_broken_frames_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(4))

    def render_stack(image: Tensor, disparity: Tensor, lenses: Sequence[ThinLens]) -> Tensor:
        frame = image.clone()
        frame[0, 0, 0] = (0.5, math.nan, -1.0, 2.0)[next(calls)]
        return frame[None]

    monkeypatch.setattr(robustness, "render_stack", render_stack)
    found = robustness.broken_cut_outs(4)
    assert (found.value, found.met, found.worst_at) == (3.0, False, "of 4; seeds 1, 2, 3")


def test_cut_outs_hold_disparities_a_rounding_apart() -> None:
    steps = [torch.unique(robustness.cut_outs(seed)[1]).diff().min() for seed in range(10)]
    assert 0 < min(steps) < 1e-7


def test_every_check_is_logged_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger=run.LOG.name):
        assert list(run.logged(iter([_check(0.25)]))) == [_check(0.25)]
    assert "rim: 0.25 px, met" in caplog.text
