"""The physics of the fast renderer: closed forms first, then invariants, then the slow twin, then bad input."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import Aperture, LayeredDepthImage, Scene, ThinLens, render_stack
from simulator.layers.bins import depth_groups, disparity_bins
from simulator.optics.disc import second_moment_radius_px
from simulator.reference.scatter import layered_frame, spread
from simulator.render import frames_per_batch
from simulator.scatter.grouping import BINS, GROUPS
from tests.simulator.closeness import assert_close

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("radius", [1.0, 1.7, 3.0, 6.4, 12.0, 25.3])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_point_becomes_a_disc_of_the_labeled_radius_and_keeps_its_light(
    radius: float, side: int, device: str
) -> None:
    image = torch.zeros(3, 95, 95, device=device)
    image[:, 47, 47] = torch.tensor([3.0, 1.0, 0.5], device=device)
    disparity = torch.full((95, 95), 0.5, device=device)
    lens = ThinLens(focus_disparity=0.5 - side * radius / 40, blur_scale_px=40.0)
    frame = render_stack(image, disparity, [lens])[0].double().cpu()
    # 1e-3 of the light: float32 transforms leave about 1e-7 a pixel over 9,025 pixels
    assert_close(frame.sum((1, 2)), torch.tensor([3.0, 1.0, 0.5]), atol=1e-3, what="light kept")
    inside = frame[0].clone()
    inside[inside < 1e-5] = 0.0  # rounding of the transforms, far from the disc, would weigh in with its distance
    assert second_moment_radius_px(inside) == pytest.approx(radius, rel=0.01)


@pytest.mark.parametrize("device", DEVICES)
def test_a_constant_image_stays_constant(device: str) -> None:
    disparity = noise(60, 80).to(device)
    image = torch.full((3, 60, 80), 0.37, device=device)
    frames = render_stack(image, disparity, [ThinLens(0.2, 9.0), ThinLens(0.9, 17.0)])
    assert_close(frames, torch.full_like(frames, 0.37), atol=1e-4, what="constant image")


def test_a_plane_in_focus_returns_the_photo() -> None:
    image, disparity = noise(3, 40, 56) * 2, torch.full((40, 56), 0.3)
    frame = render_stack(image, disparity, [ThinLens(0.3, 30.0)])[0]
    assert_close(frame, image, atol=1e-4, what="plane in focus")


def test_one_plane_equals_a_plain_convolution() -> None:
    image, disparity = noise(3, 40, 56), torch.full((40, 56), 0.8)
    frame = render_stack(image, disparity, [ThinLens(0.3, 10.0)])[0]  # r = 5
    assert_close(frame, spread(image, Aperture().mask(5.0)), atol=1e-4, what="plane out of focus")


def test_fast_equals_its_twin() -> None:
    """A slanted, textured plane: no silhouettes, so nothing is hidden and the twin sees the same surfaces."""
    image = noise(3, 24, 30, seed=3)
    disparity = torch.linspace(1, 0.8, 24)[:, None] - torch.linspace(0, 0.02, 30)
    lens = ThinLens(0.5, 12.0)
    bins = disparity_bins(disparity, BINS)
    twin = layered_frame(image, disparity, lens, bins.centers.tolist(), depth_groups(bins.centers, GROUPS))
    # Radii between the steps of the spectrum table mix two spots of equal second moment, and pixels that share three
    # bins three discs: on white noise, the worst case, that leaves 1.2e-2 in the worst pixel of one channel.
    assert_close(render_stack(image, disparity, [lens])[0], twin, atol=1.5e-2, what="fast against twin")


def test_a_sharp_foreground_hides_the_blurred_background() -> None:
    """Red card in focus before a white wall: the wall's light must not bleed onto the card."""
    image, disparity = torch.ones(3, 64, 64), torch.full((64, 64), 0.1)
    image[1:, 20:44, 20:44] = 0.0
    disparity[20:44, 20:44] = 0.9
    frame = render_stack(image, disparity, [ThinLens(0.9, 15.0)])[0]
    assert float(frame[1:, 20:44, 20:44].max()) < 1e-3
    assert float(frame[1:, :20].min()) > 0.999  # and the card casts no dark halo on the wall


def test_a_blurred_foreground_is_half_transparent_at_its_rim() -> None:
    """Black card before a white wall in focus, its edge a straight line: on the line half of the lens is free."""
    image, disparity = torch.ones(3, 80, 80), torch.full((80, 80), 0.1)
    image[:, :, :40] = 0.0
    disparity[:, :40] = 0.9
    frame = render_stack(image, disparity, [ThinLens(0.1, 12.5)])[0]  # card's r = 10
    on_the_line = frame[0, 40, 39:41].mean()
    assert float(on_the_line) == pytest.approx(0.5, abs=0.01)
    five_px_in = float(frame[0, 40, 34:36].mean())  # at distance x = r/2 inside: acos(x)/π − x√(1−x²)/π of the lens
    x = 5.0 / 10.0
    assert five_px_in == pytest.approx((math.acos(x) - x * math.sqrt(1 - x * x)) / math.pi, abs=0.01)


def test_exact_layers_show_what_the_card_hides() -> None:
    """The wall behind the card is green: seen through the blurred card's rim, though the photo never shows it."""
    color = torch.zeros(2, 3, 60, 60)
    color[0, 1] = 1.0
    coverage = torch.ones(2, 60, 60)
    coverage[1, :, 30:] = 0.0
    disparity = torch.stack([torch.full((60, 60), 0.1), torch.full((60, 60), 0.9)])
    scene = Scene.from_layers(LayeredDepthImage(color, coverage, disparity), max_radius_px=10.0)
    frame = scene.render([ThinLens(0.1, 12.5)])[0]
    assert float(frame[1, 30, 29:31].mean()) == pytest.approx(0.5, abs=0.01)
    assert float(frame[0].max()) < 1e-4


def test_frames_do_not_depend_on_their_neighbors_in_the_stack() -> None:
    image, disparity = noise(3, 40, 40), noise(40, 40, seed=1)
    lenses = [ThinLens(0.1 * i, 3.0 + i) for i in range(6)]
    scene = Scene.from_rgbd(image, disparity, max_radius_px=8.0)
    together = scene.render(lenses)
    alone = torch.cat([scene.render([lens]) for lens in lenses])
    assert_close(together, alone, atol=1e-6, what="stack against single frames")


@pytest.mark.parametrize("aperture", [Aperture(), Aperture(focus_shift=(0.02, 0.0, -0.03))])
def test_frames_blurred_together_are_those_blurred_one_by_one(
    aperture: Aperture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a GPU does it: all frames of a group and octave at once, among them some that begin and end coarse runs."""
    disparity = torch.full((90, 110), 0.1)
    disparity[20:70, 30:60] = 0.6
    disparity[50:, 70:] = noise(40, 40, seed=2) * 0.2 + 0.8
    image = noise(3, 90, 110, seed=1)
    image[:, 25, 35] = 20.0  # a lamp: its bin stays on the frame's grid
    lenses = [ThinLens(focus, scale) for focus in (0.1, 0.6, 0.9) for scale in (12.0, 30.0)]
    alone = render_stack(image, disparity, lenses, aperture=aperture)
    monkeypatch.setattr("simulator.render.frames_per_batch", lambda device, size: 4)
    together = render_stack(image, disparity, lenses, aperture=aperture)
    assert_close(together, alone, atol=2e-5, what="frames")


@pytest.mark.parametrize(("side", "frames"), [(512, 16), (1024, 16), (2048, 6), (8192, 1)])
def test_a_gpu_blurs_as_many_frames_together_as_its_memory_bears(side: int, frames: int) -> None:
    assert frames_per_batch(torch.device("cuda"), (side, side)) == frames
    assert frames_per_batch(torch.device("cpu"), (side, side)) == 1


@pytest.mark.parametrize("radius", [8.0, 20.0, 40.0])
def test_nothing_wraps_around_the_frame(radius: float) -> None:
    """Bright at the bottom, black above: the spots of the coarser octaves are the wider for their cut spectra."""
    image = torch.zeros(3, 160, 96)
    image[:, 140:] = 1.0
    frame = render_stack(image, torch.full((160, 96), 0.5), [ThinLens(0.0, 2 * radius)])
    assert float(frame[0, :, : int(120 - 1.5 * radius)].max()) < 1e-3


def test_light_above_one_is_kept() -> None:
    image, disparity = torch.zeros(3, 50, 50), torch.full((50, 50), 1.0)
    image[:, 25, 25] = 40.0
    frame = render_stack(image, disparity, [ThinLens(0.0, 5.0)])[0]
    assert float(frame[0].sum()) == pytest.approx(40.0, rel=1e-3)


IMAGE, DISPARITY, LENSES = torch.zeros(3, 8, 8), torch.zeros(8, 8), [ThinLens(0.0, 1.0)]


@pytest.mark.parametrize(
    ("image", "disparity", "lenses", "message"),
    [
        (torch.zeros(8, 8), DISPARITY, LENSES, r"image must be \[3, H, W\], got \[8, 8\]"),
        (torch.zeros(4, 8, 8), DISPARITY, LENSES, r"image must be \[3, H, W\], got \[4, 8, 8\]"),
        (IMAGE, torch.zeros(1, 8, 8), LENSES, r"disparity must be \[H, W\], got \[1, 8, 8\]"),
        (IMAGE, torch.zeros(8, 9), LENSES, r"disparity must be \[8, 8\] like the image, got \[8, 9\]"),
        (IMAGE - 1, DISPARITY, LENSES, "image must be finite linear light >= 0"),
        (IMAGE * math.nan, DISPARITY, LENSES, "image must be finite linear light >= 0"),
        (IMAGE, DISPARITY * math.nan, LENSES, "disparity must be finite"),
        (IMAGE.byte(), DISPARITY, LENSES, "must be floating point, got torch.uint8"),
        (IMAGE, DISPARITY, [], "lenses must hold at least one ThinLens"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_bad_input_is_named(image: Tensor, disparity: Tensor, lenses: list[ThinLens], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render_stack(image, disparity, lenses)


def test_a_lens_beyond_the_scenes_radius_is_refused() -> None:
    scene = Scene.from_rgbd(noise(3, 8, 8), noise(8, 8), max_radius_px=2.0)
    with pytest.raises(ValueError, match="lenses must stay within max_radius_px"):
        scene.render([ThinLens(0.0, 9.0)])


def test_unknown_quality() -> None:
    with pytest.raises(ValueError, match='quality must be "fast" or "exact", got \'best\''):
        render_stack(IMAGE, DISPARITY, LENSES, quality="best")


def test_exact_and_fast_agree_where_both_are_exact() -> None:
    """A card before a wall of one color: nothing to guess, so ray by ray and layer by layer must see the same."""
    image, disparity = torch.full((3, 48, 48), 0.8), torch.full((48, 48), 0.1)
    image[:, 16:32, 16:32] = 0.1
    disparity[16:32, 16:32] = 0.9
    lenses = [ThinLens(0.1, 6.0), ThinLens(0.9, 6.0)]
    fast, exact = (render_stack(image, disparity, lenses, quality=quality) for quality in ("fast", "exact"))
    assert float((fast - exact).abs().mean()) < 2e-3
    assert_close(fast, exact, atol=0.04, what="fast against exact")  # at the card's corners groups meet rays


@pytest.mark.parametrize(("low", "high"), [(-0.5, -0.499), (0.499, 0.5), (1.7e7, 1.7e7), (-1.0, -0.99999994)])
def test_values_a_rounding_apart_make_no_broken_frames(low: float, high: float) -> None:
    """Bin centers that float32 cannot tell from the next ones."""
    disparity = torch.full((24, 40), low)
    disparity[:, 20:] = high
    scale = 12.0 / max(high - low, 1e-3)
    frame = render_stack(noise(3, 24, 40), disparity, [ThinLens(low, scale)])
    assert bool(torch.isfinite(frame).all())
    assert float(frame.max()) <= 1.0 + 1e-3


def test_white_on_a_slope_stays_white_for_every_color() -> None:
    """Each color is skewed by its own shift, its coverage alike: longitudinal chromatic aberration tints no white."""
    disparity = torch.linspace(0.0, 1.0, 57).expand(33, 57).contiguous()
    aperture = Aperture(focus_shift=(0.05, 0.0, -0.05))
    frame = render_stack(torch.ones(3, 33, 57), disparity, [ThinLens(0.37, 25.0)], aperture=aperture)
    assert_close(frame, torch.ones_like(frame), atol=1e-4, what="white")


def test_a_lamp_on_a_slope_leaves_no_dark_hole() -> None:
    image = torch.full((3, 64, 96), 0.2)
    image[:, 30, 50] = 1e4
    disparity = torch.linspace(0.0, 1.0, 96).expand(64, 96).contiguous()
    assert float(render_stack(image, disparity, [ThinLens(0.2, 30.0)]).min()) > 0.19


def test_lenses_blurred_together_have_the_same_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the GPU's kernel needs them: BlurredGroup refuses others. One lens is steep enough for a skew, one is not."""
    disparity = torch.linspace(0.0, 1.0, 200).expand(64, 200).contiguous()
    image, lenses = noise(3, 64, 200), [ThinLens(0.3, 44.0), ThinLens(0.3, 16.0), ThinLens(0.8, 44.0)]
    alone = render_stack(image, disparity, lenses)
    monkeypatch.setattr("simulator.render.frames_per_batch", lambda device, size: 4)
    assert_close(render_stack(image, disparity, lenses), alone, atol=2e-5, what="frames")


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("width", [50, 58, 62])
def test_bins_beyond_the_scenes_range_fit_its_grid(known: bool, width: int) -> None:
    """A group's outermost bins may lie a little beyond R, here beyond the 8 px at which grids become coarser."""
    image, ramp = noise(3, 30, width), torch.linspace(0.0, 1.0, width).expand(30, width).contiguous()
    radius = 7.99
    if known:
        image = F.pad(image, (8,) * 4, mode="replicate")
        depth = F.pad(ramp[None, None], (8,) * 4, mode="replicate")[0]
        scene = Scene.from_layers(LayeredDepthImage(image[None], torch.ones_like(depth), depth, 8), radius)
    else:
        scene = Scene.from_rgbd(image, ramp, radius)
    frames = scene.render([ThinLens(0.0, radius), ThinLens(1.0, radius)])
    assert bool(frames.isfinite().all())
