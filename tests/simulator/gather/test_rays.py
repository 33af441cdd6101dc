"""The physics of the exact renderer: closed forms first, then invariants, then the slow twin, then bad input."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator import Aperture, LayeredDepthImage, ThinLens
from simulator.gather.rays import SAMPLES, gather_with_coverage
from simulator.optics.disc import second_moment_radius_px
from simulator.reference.gather import ray_marched_frame
from simulator.reference.scatter import spread
from tests.simulator.closeness import assert_close

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
RED, BLUE = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def layer(color: Tensor, coverage: Tensor | float, disparity: Tensor | float, height: int, width: int) -> list[Tensor]:
    """One surface: color [3] or [3, H, W], coverage and disparity numbers or anything that widens to [H, W]."""
    color = color[:, None, None] if color.ndim == 1 else color
    planes = (torch.as_tensor(value, dtype=torch.float32) for value in (coverage, disparity))
    return [color.expand(3, height, width), *(plane.expand(height, width) for plane in planes)]


def scene(*layers: list[Tensor], margin_px: int = 0) -> LayeredDepthImage:
    color, coverage, disparity = (torch.stack(parts) for parts in zip(*layers, strict=True))
    return LayeredDepthImage(color, coverage, disparity, margin_px)


def gather(surfaces: LayeredDepthImage, lenses: list[ThinLens], samples: int = SAMPLES) -> Tensor:
    """The frames' light alone, [F, 3, H, W]."""
    return gather_with_coverage(surfaces, lenses, samples=samples)[:, :3]


def share_beyond(distance_px: Tensor | float, radius_px: float) -> Tensor:
    """Share of a disc beyond a line at this signed distance from its middle: (acos t − t √(1 − t²)) / π, t = d / r."""
    t = (torch.as_tensor(distance_px, dtype=torch.float64) / radius_px).clamp(-1.0, 1.0)
    return (torch.acos(t) - t * (1 - t * t).sqrt()) / math.pi


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("radius", [0.8, 1.0, 1.7, 3.0, 6.4, 12.0, 25.3])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_point_becomes_an_even_disc_of_the_labeled_radius_and_keeps_its_light(
    radius: float, side: int, device: str
) -> None:
    size = 2 * math.ceil(radius) + 9
    middle = size // 2
    image = torch.zeros(3, size, size)
    image[:, middle, middle] = torch.tensor([40.0, 1.0, 0.5])
    point = scene(layer(image, 1.0, 0.5, size, size)).to(device)
    frame = gather(point, [ThinLens(0.5 - side * radius / 40, 40.0)])[0].double().cpu()
    assert_close(frame.sum((1, 2)), torch.tensor([40.0, 1.0, 0.5]), atol=1e-3, what="light kept")
    assert second_moment_radius_px(frame[0]) == pytest.approx(radius, rel=0.004)  # the lens is cut into cells
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    distance = torch.hypot(row - float(middle), column - float(middle))
    inside = frame[0][distance < radius - 2.5]  # the rim is as soft as a pixel and a footprint are wide
    if inside.numel() > 9:
        assert float(inside.max() / inside.min()) < 1.03, "neither grain nor rings"
    assert float(frame[0][distance > radius + 2.5].sum()) == pytest.approx(0.0, abs=0.02)


def test_few_samples_leave_highlights_even() -> None:
    """100 rays for a radius of 15 px: footprints of 2.7 px still tile the disc."""
    image = torch.zeros(3, 41, 41)
    image[:, 20, 20] = 100.0
    frame = gather(scene(layer(image, 1.0, 1.0, 41, 41)), [ThinLens(0.0, 15.0)], samples=100)[0, 0]
    inside = frame[20 - 7 : 20 + 8, 20 - 7 : 20 + 8]
    assert float(inside.max() / inside.min()) < 1.01
    assert float(frame.sum()) == pytest.approx(100.0, rel=1e-3)


def test_one_plane_equals_a_plain_convolution() -> None:
    image = noise(3, 40, 56)
    frame = gather(scene(layer(image, 1.0, 0.8, 40, 56)), [ThinLens(0.3, 10.0)])[0]  # r = 5
    # white noise is the worst case: the rim of the disc is drawn in cells of 0.8 px
    assert_close(frame, spread(image, Aperture().mask(5.0)), atol=1e-2, what="plane out of focus")


def test_a_plane_in_focus_returns_the_photo() -> None:
    image = noise(3, 70, 80) * 40
    frame = gather(scene(layer(image, 1.0, 0.3, 70, 80)), [ThinLens(0.3, 30.0)])[0]
    assert_close(frame, image, atol=1e-4, what="plane in focus")


def test_a_card_in_focus_stays_exact_before_blur() -> None:
    """Bright sharp pixels beside a tile's blurred background come back to the last bit of a thousandth."""
    card = noise(3, 40, 50) * 40
    coverage = torch.zeros(40, 50)
    coverage[10:30, 10:35] = 1.0
    coverage[10:30, 35] = 0.5
    back = layer(torch.full((3,), 0.25), 1.0, 0.1, 40, 50)
    frame = gather(scene(back, layer(card, coverage, 0.9, 40, 50)), [ThinLens(0.9, 12.0)])[0]
    assert_close(frame, card * coverage + 0.25 * (1 - coverage), atol=1e-4, what="card over blurred wall")


def test_no_blur_returns_the_layers_photo_also_where_surfaces_cross() -> None:
    ramp = torch.linspace(0.0, 1.0, 30)
    crossing = scene(
        layer(noise(3, 20, 30, seed=1), noise(20, 30, seed=2), ramp, 20, 30),
        layer(noise(3, 20, 30, seed=3), noise(20, 30, seed=4), ramp.flip(0), 20, 30),
        layer(noise(3, 20, 30, seed=5), 1.0, -1.0, 20, 30),
        margin_px=3,
    )
    frame = gather(crossing, [ThinLens(0.5, 0.03)])[0]  # r <= 0.045 px
    assert_close(frame, crossing.photo()[0], atol=1e-6, what="pinhole")


@pytest.mark.parametrize("device", DEVICES)
def test_the_rim_of_a_blurred_card_covers_the_disc_s_segment(device: str) -> None:
    """A red card ends at column 31.5; r = 6. Pixels integrate the segment's share over their width."""
    width, radius = 64, 6.0
    coverage = (torch.arange(width) < 32).float()
    card = layer(RED, coverage, 0.7, 24, width)
    frames = gather_with_coverage(scene(card).to(device), [ThinLens(0.1, 10.0), ThinLens(1.3, 10.0)])
    column = torch.arange(width, dtype=torch.float64)
    expected = share_beyond(column - 31.5, radius)
    for frame in frames.double().cpu():
        # ½ % of the lens: a pixel's width and the rim in cells
        assert_close(frame[3, 12], expected, atol=5e-3, what="share of the lens")
        assert_close(frame[0], frame[3], atol=1e-6, what="red light is the red card's share")


def test_behind_a_blurred_card_the_hidden_texture_is_seen_in_its_place() -> None:
    """Focus on the wall: each pixel is the card's share of red and the rest of the wall's own pixel, hidden or not."""
    width, radius = 60, 5.0
    wall = noise(3, 20, width, seed=7)
    card = layer(RED, (torch.arange(width) < 30).float(), 0.6, 20, width)
    frame = gather(scene(layer(wall, 1.0, 0.1, 20, width), card), [ThinLens(0.1, 10.0)])[0].double()
    alpha = share_beyond(torch.arange(width, dtype=torch.float64) - 29.5, radius)
    expected = alpha * RED.double()[:, None, None] + (1 - alpha) * wall.double()
    assert_close(frame, expected, atol=5e-3, what="wall behind the card's rim")
    hidden = frame[:, :, 27]  # inside the card's outline
    assert float(hidden[2].std()) > 0.05, "the wall's texture must show through"


def test_two_blurred_cards_share_the_lens_ray_by_ray() -> None:
    """Both end at the same column, one behind the other: the far one shows only where the near one is not.

    Near r = 6, far r = 3: a ray at u meets the near card where 6 u < d and the far one where 3 u < d; where d < 0 the
    second set lies within the first, so that nothing but red is seen with the wall; independent alphas would show blue.
    """
    width = 60
    cover = (torch.arange(width) < 30).float()
    wall = layer(torch.zeros(3), 1.0, 0.0, 16, width)
    cards = (layer(BLUE, cover, 0.3, 16, width), layer(RED, cover, 0.6, 16, width))
    frame = gather(scene(wall, *cards), [ThinLens(0.0, 10.0)])[0].double()
    beyond = torch.arange(width, dtype=torch.float64) - 29.5
    red, blue = share_beyond(beyond, 6.0), share_beyond(beyond, 3.0)
    expected_blue = torch.where(beyond > 0, 0.0, blue - red)
    assert_close(frame[0, 8], red, atol=5e-3, what="near card")
    # footprints straddle both edges where they meet in one ray: 1 % of the lens
    assert_close(frame[2, 8], expected_blue, atol=1.2e-2, what="far card")


def test_a_slanted_plane_is_met_where_the_ray_meets_it() -> None:
    """Light that rises along x tells where rays arrive: mean x − p = E[s u/(1 − g u)], s at p, over the disc.

    E[1/(1 − g u)] = 2 (1 − √(1 − g²)) / g², so the mean is (s/g) (2 (1 − √(1 − g²)) / g² − 1).
    """
    width, slope = 80, 0.3
    column = torch.arange(width, dtype=torch.float32)
    plane = scene(layer((column / width).expand(3, 12, width), 1.0, slope * (column - 40.0), 12, width))
    frame = gather(plane, [ThinLens(-5.0, 1.0)])[0].double()  # s = 5 + 0.3 (x − 40)
    s = 5.0 + slope * (column.double() - 40.0)
    shift = s / slope * (2 * (1 - math.sqrt(1 - slope**2)) / slope**2 - 1)
    inner = slice(34, 56)  # rays stay within the frame
    error = ((frame[0, 6] * width) - column - shift)[inner]
    assert float(shift[inner].min()) > 0.2  # a convolution would arrive at p
    assert float(error.abs().max()) < 0.05, "pixels are even inside: steps of the ramp"
    assert float(error.mean()) == pytest.approx(0.0, abs=5e-3)


def test_crossing_planes_are_ordered_ray_by_ray() -> None:
    """Red s = 4 + g d and blue s = 4 − g d cross at d = 0: red is nearer where d + 4 u > 0, a disc's segment."""
    width, slope = 60, 0.2
    d = torch.arange(width, dtype=torch.float32) - 29.5
    crossing = scene(
        layer(BLUE, 1.0, -slope * d, 16, width),
        layer(RED, 1.0, slope * d, 16, width),
        layer(BLUE, 1.0, -99.0, 16, width),
    )
    lens = ThinLens(-4.0, 1.0)
    frame = gather(crossing, [lens])[0].double()
    # a share of the lens in steps of a cell's column: n = 20 rays across
    assert_close(frame[0, 8], share_beyond(-d.double(), 4.0), atol=3e-2, what="share of red")


def test_surfaces_that_cross_within_a_pixel_share_it() -> None:
    """In focus, red is nearer left of column 9.25: the pixel there is red by three quarters, and none is torn."""
    d = 9.25 - torch.arange(20, dtype=torch.float32)
    crossing = scene(
        layer(RED, 1.0, 0.5 + 0.01 * d, 8, 20),
        layer(BLUE, 1.0, 0.5, 8, 20),
    )
    frame = gather(crossing, [ThinLens(0.5, 10.0)])[0].double()
    share = (d.double() + 0.5).clamp(0.0, 1.0)
    assert_close(frame[0, 4], share, atol=1e-2, what="share of red")
    assert_close(frame[2, 4], 1 - share, atol=1e-2, what="share of blue")


@pytest.mark.parametrize("radius", [0.15, 0.25, 0.4, 0.6])
def test_blur_below_half_a_pixel_is_blur(radius: float) -> None:
    """Between no blur and the resolved radii the second moment is r²/2, and rises to r²/2 + 1/6 from ¼ to ¾ px."""
    image = torch.zeros(3, 9, 9)
    image[:, 4, 4] = 1.0
    frame = gather(scene(layer(image, 1.0, 0.5, 9, 9)), [ThinLens(0.5 - radius / 40, 40.0)])[0, 0].double()
    row, column = torch.meshgrid(torch.arange(9.0), torch.arange(9.0), indexing="ij")
    moment = float((frame * ((row - 4) ** 2 + (column - 4) ** 2)).sum())
    # rows of the lens's cells step over the pixel's border one after the other: steps of 0.04
    assert moment == pytest.approx(radius**2 / 2 + min(max(2 * radius - 0.5, 0.0), 1.0) / 6, abs=0.02)


def test_a_jump_within_one_layer_leaves_the_hole_that_it_hides() -> None:
    """Front s = 5 left of column 23.5, rear s = 2 right of it: rays that pass the rim meet neither."""
    d = 23.5 - torch.arange(48, dtype=torch.float64)
    jump = scene(layer(RED, 1.0, torch.where(d > 0, 0.5, 0.2).float(), 16, 48))
    seen = gather_with_coverage(jump, [ThinLens(0.0, 10.0)])[0, 3, 8].double()
    front, rear = share_beyond(-d, 5.0), share_beyond(d, 2.0)
    hole = (1 - front - rear).clamp(min=0.0)
    assert float(hole.max()) > 0.2
    assert_close(1 - seen, hole, atol=2e-2, what="hole behind the rim")


@pytest.mark.parametrize("slope", [0.1, 0.45, 0.65])
def test_a_full_surface_lets_no_light_through_however_it_is_cut(slope: float) -> None:
    """Ramps with a bump, some of which settle and some of which are cut into slabs."""
    row, column = torch.meshgrid(torch.arange(60.0), torch.arange(70.0), indexing="ij")
    bump = 3.0 * torch.exp(-((row - 30) ** 2 + (column - 40) ** 2) / 40.0)
    surface = scene(layer(torch.ones(3), 1.0, slope * (column - 35) + bump, 60, 70))
    seen = gather_with_coverage(surface, [ThinLens(-3.0, 1.0)])[0, 3]
    middle = seen[20:40, 22:48]  # rays from near the border leave the steep ramp
    # the far side of a bump steeper than rays is hidden from part of the lens, and shows nothing of its own
    assert float(middle.min()) > (0.997 if slope < 0.5 else 0.9)


def test_equal_to_its_twin_on_curved_crossing_and_partly_covered_surfaces() -> None:
    h, w = 22, 30
    row, column = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
    dome = (1 - ((row - 11) ** 2 + (column - 18) ** 2) / 90.0).clamp(min=0.0)
    leaves = ((row - 5) ** 2 + (column - 7) ** 2 < 16) * 0.9 + ((row - 15) ** 2 + (column - 10) ** 2 < 20) * 0.35
    smooth = [torch.nn.functional.avg_pool2d(noise(1, 3, h + 4, w + 4, seed=k), 5, 1)[0] for k in range(3)]
    smooth = [light * (0.3 + tint[:, None, None]) for light, tint in zip(smooth, torch.eye(3), strict=True)]
    full = scene(
        layer(smooth[0], 1.0, 0.1 + 0.01 * row, h, w),
        layer(smooth[1], (dome > 0).float(), 0.3 + 0.15 * dome, h, w),
        layer(smooth[2], (leaves > 0).float() * 0.8, leaves, h, w),
    )
    lens = ThinLens(-0.2, 10.0)
    frame, twin = gather(full, [lens])[0], ray_marched_frame(full, lens, points=150, step_px=0.1)
    error = (frame.double() - twin).square().mean().sqrt()
    # 4.1e-3 measured; 2e-3 of it are the twin's own: its 150 points against 600
    assert float(error) < 5e-3, f"root mean square {float(error):.4f}"


def test_the_margin_is_seen_and_beyond_it_the_edge_goes_on() -> None:
    image = noise(3, 30, 40, seed=9)
    full = gather(scene(layer(image, 1.0, 0.5, 30, 40), margin_px=8), [ThinLens(0.0, 10.0)])[0]
    whole = gather(scene(layer(image, 1.0, 0.5, 30, 40)), [ThinLens(0.0, 10.0)])[0]
    assert_close(full, whole[:, 8:-8, 8:-8], atol=1e-5, what="frame within its margin")
    even = gather(scene(layer(torch.full((3,), 0.7), 1.0, 0.5, 30, 40)), [ThinLens(0.0, 10.0)])[0]
    assert_close(even, torch.full_like(even, 0.7), atol=1e-5, what="constant up to the border")


def test_a_stack_is_its_frames_and_the_same_bytes_again() -> None:
    surfaces = scene(
        layer(noise(3, 40, 50), 1.0, noise(40, 50, seed=1) * 0.1, 40, 50),
        layer(RED, noise(40, 50, seed=2), 0.8, 40, 50),
    )
    lenses = [ThinLens(0.05, 8.0), ThinLens(0.8, 5.0)]
    stack = gather(surfaces, lenses)
    assert stack.shape == (2, 3, 40, 50)
    assert torch.equal(stack, gather(surfaces, lenses))
    for frame, lens in zip(stack, lenses, strict=True):
        assert_close(frame, gather(surfaces, [lens])[0], atol=1e-5, what="alone and in a stack")


def test_nothing_covered_is_dark() -> None:
    nothing = scene(layer(RED, 0.0, 0.5, 10, 12))
    assert float(gather_with_coverage(nothing, [ThinLens(0.0, 10.0)]).abs().max()) == 0.0


def test_bad_input_is_named() -> None:
    surfaces = scene(layer(RED, 1.0, 0.5, 8, 8))
    with pytest.raises(ValueError, match="lenses must hold at least one ThinLens"):
        gather(surfaces, [])
    with pytest.raises(ValueError, match="samples must be >= 1, got 0"):
        gather(surfaces, [ThinLens(0.5, 1.0)], samples=0)
