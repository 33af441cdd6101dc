"""Shaped pupils and colored aberrations through the renderer: closed forms, light kept, scatter against gather."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from simulator import Aperture, PupilRaster, Scene, ThinLens, render_stack
from simulator.optics.lateral import magnified
from simulator.optics.spot import second_moment
from simulator.reference.scatter import spread
from simulator.scatter.convolve import BlurredGroup, spectra
from simulator.scatter.inner_spectrum import cropped
from simulator.scatter.octave import OctaveGrid, enlarged, rendered_radius
from simulator.scatter.spot_spectra import SpotSpectra
from simulator.scatter.spread_bin import SpreadBin
from tests.simulator.closeness import assert_close

TRIANGLE_DOWN = PupilRaster(torch.ones(9, 9).triu().flip(1).triu().flip(1).double())
SHAPES = {
    "five blades": Aperture(blades=5, rotation_deg=11.0),
    "round blades": Aperture(blades=6, roundness=0.6),
    "mirror": Aperture(obstruction=0.45),
    "soap bubble": Aperture(spherical=0.8),
    "anamorphic": Aperture(squeeze=2.0),
    "cat-eye": Aperture(cat_eye=0.5, field=(-0.6, 0.8)),
    "raster": Aperture(raster=TRIANGLE_DOWN),
}
every_shape = pytest.mark.parametrize("aperture", SHAPES.values(), ids=SHAPES)
COLORED = Aperture(blades=7, focus_shift=(0.1, 0.0, -0.06))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def lamp(side: int = 61, light: float = 30.0) -> tuple[Tensor, Tensor]:
    """A white point of light on black, half-way through the disparities."""
    image = torch.zeros(3, side, side)
    image[:, side // 2, side // 2] = light
    return image, torch.full((side, side), 0.5)


def defocused(defocus_px: float) -> ThinLens:
    """The lens that blurs disparity 0.5 by this much."""
    return ThinLens(focus_disparity=0.5 - defocus_px / 40.0, blur_scale_px=40.0)


@every_shape
@pytest.mark.parametrize("defocus", [-12.0, 3.0])
def test_a_point_becomes_the_pupil_s_picture_on_both_sides_of_focus(aperture: Aperture, defocus: float) -> None:
    image, disparity = lamp()
    frame = render_stack(image, disparity, [defocused(defocus)], aperture=aperture)[0]
    mask = aperture.mask(defocus)  # a radius of the table, where spots are not mixed
    half = mask.shape[0] // 2
    there = frame[0, 30 - half : 31 + half, 30 - half : 31 + half] / 30.0
    assert_close(there, mask, atol=2e-6, what="spot")  # float32 transforms
    assert float(frame.sum()) == pytest.approx(3 * 30.0, rel=1e-3)  # light kept within 0.1 %


@every_shape
@pytest.mark.parametrize("defocus", [-5.0, 5.0])
def test_one_plane_equals_a_plain_convolution(aperture: Aperture, defocus: float) -> None:
    image = noise(3, 40, 56)
    frame = render_stack(image, torch.full((40, 56), 0.5), [defocused(defocus)], aperture=aperture)[0]
    assert_close(frame, spread(image, aperture.mask(defocus)), atol=1e-4, what="plane out of focus")


@pytest.mark.parametrize("blades", [5, 6, 9])
@pytest.mark.parametrize("quality", ["fast", "exact"])
def test_the_blades_can_be_counted_on_a_rendered_point(blades: int, quality: str) -> None:
    """The strongest angular frequency of the light near the rim."""
    image, disparity = lamp()
    aperture = Aperture(blades=blades, rotation_deg=20.0)
    frame = render_stack(image, disparity, [defocused(-22.0)], aperture=aperture, quality=quality)[0, 1]
    y, x = torch.meshgrid(torch.arange(61) - 30.0, torch.arange(61) - 30.0, indexing="ij")
    distance = torch.hypot(y, x)
    rim = frame * (distance > 0.8 * 22 * math.cos(math.pi / blades)) * (distance < 25)
    waves = [abs(complex((rim * torch.exp(1j * k * torch.atan2(y, x))).sum())) for k in range(2, 12)]
    assert waves.index(max(waves)) + 2 == blades


@every_shape
@pytest.mark.parametrize("octave", [1, 2])
def test_coarse_octaves_blur_like_the_twin_from_the_radius_where_they_are_used(aperture: Aperture, octave: int) -> None:
    radius = (8.0, 20.0)[octave - 1] / aperture.fineness
    height, width, margin = 48, 64, 16 * math.ceil((radius + 8) / 16)
    size = (height + 2 * margin, width + 2 * margin)
    content = torch.nn.functional.interpolate(noise(1, 1, size[0] // 9, size[1] // 9), size=size, mode="bicubic")[0]
    grid = OctaveGrid.around(height, width, radius, 0, coarsest=octave)
    table = SpotSpectra(aperture, grid.padded_height, grid.padded_width, torch.device("cpu"))
    spot = table.mix([-rendered_radius(radius, 0, octave, octave, aperture.moment())], 2**octave)
    bin_ = cropped(spectra(content[None].expand(1, 4, -1, -1).contiguous(), grid, margin)[0], 2**octave)
    fast = BlurredGroup([[SpreadBin(bin_, spot, 2**octave)]], grid, 2**octave).all_channels()[0]
    for finer in range(octave - 1, -1, -1):
        fast = enlarged(fast, height // 2**finer, width // 2**finer, ring=1 if finer else 0)
    mask = aperture.mask(-radius)
    whole = torch.fft.irfft2(
        torch.fft.rfft2(content[0].double())
        * torch.fft.rfft2(
            torch.nn.functional.pad(mask, (0, size[1] - mask.shape[1], 0, size[0] - mask.shape[0])).roll(
                (-(mask.shape[0] // 2), -(mask.shape[0] // 2)), dims=(0, 1)
            )
        ),
        s=size,
    )[margin:-margin, margin:-margin]
    # as test_scatter has it for the disc: the rim is softer at the same second moment
    assert float((fast[0] - whole).pow(2).mean().sqrt()) < 0.01


@pytest.mark.parametrize("quality", ["fast", "exact"])
def test_fringes_have_the_color_of_the_wider_disc_on_both_sides_of_focus(quality: str) -> None:
    """Red is in focus nearer (shift > 0), blue farther: r_c = K |D − D_f − shift_c|."""
    image, disparity = lamp(81, 100.0)
    for defocus, outermost in ((-14.0, 0), (14.0, 2)):  # behind the focus red is the wider, in front blue
        lens = defocused(defocus)
        frame = render_stack(image, disparity, [lens], aperture=COLORED, quality=quality)[0].double()
        assert float(frame.sum()) == pytest.approx(300.0, rel=1e-3)
        radii = []
        for channel, shift in enumerate(COLORED.focus_shift):
            wanted = abs(lens.blur_scale_px * (0.5 - lens.focus_disparity - shift))
            clean = frame[channel].where(frame[channel] > 1e-3, 0.0)
            moment = COLORED.moment()
            measured = math.sqrt((second_moment(clean) - 1 / 6) / moment)
            assert measured == pytest.approx(wanted, rel=0.01)
            radii.append(measured)
        assert radii.index(max(radii)) == outermost
        rim = frame[:, 40, 40 + round(max(radii)) - 2] if outermost == 0 else frame[:, 40, 40 - round(max(radii)) + 2]
        assert int(rim.argmax()) == outermost


def test_longitudinal_color_keeps_gray_gray_and_hides_like_a_lens_of_each_color() -> None:
    """Each channel of the stack is the frame of a lens focused where that color is in focus."""
    image, disparity = noise(3, 32, 40) * 0.9, torch.full((32, 40), 0.2)
    disparity[8:24, 8:24] = 0.8
    lens = ThinLens(0.4, 8.0)
    frame = render_stack(image, disparity, [lens], aperture=COLORED)[0]
    scene = Scene.from_rgbd(image, disparity, max_radius_px=8 * (0.4 + 0.1))
    for channel, shift in enumerate(COLORED.focus_shift):
        alone = scene.render([ThinLens(0.4 + shift, 8.0)], aperture=Aperture(blades=7))[0, channel]
        assert_close(frame[channel], alone, atol=1e-5, what=f"channel {channel}")
    gray = render_stack(torch.full((3, 32, 40), 0.4), disparity, [lens], aperture=COLORED)
    assert_close(gray, torch.full_like(gray, 0.4), atol=1e-4, what="gray")


def test_lateral_color_moves_red_and_blue_along_the_radius() -> None:
    """A point at distance d from the middle of the frame lands at m d; the middle stays, and so does brightness."""
    frames = torch.zeros(1, 3, 101, 141)
    frames[:, :, 50, 120] = 1.0  # 50 px right of the middle
    moved = magnified(frames, (1.01, 1.0, 0.99))[0]
    column = torch.arange(141.0)
    for channel, m in enumerate((1.01, 1.0, 0.99)):
        centroid = float((moved[channel] * column).sum() / moved[channel].sum()) - 70
        # read between pixels linearly, a point's own center is met within the half pixel that it is drawn in
        assert centroid == pytest.approx(50 * m, abs=0.02 if m == 1.0 else 0.3)
    flat = magnified(torch.full((1, 3, 20, 30), 0.7), (1.01, 1.0, 0.99))
    assert_close(flat, torch.full_like(flat, 0.7), atol=1e-6, what="brightness")
    x = torch.linspace(-1, 1, 141).expand(1, 3, 101, 141)
    assert_close(
        magnified(x, (1.02, 1.0, 1.0))[0, 0, :, 10:-10], x[0, 0, :, 10:-10] / 1.02, atol=1e-5, what="ramp: frame(p / m)"
    )


@every_shape
def test_scatter_and_gather_agree_on_a_lamp_and_on_a_card(aperture: Aperture) -> None:
    """Two kernels that share no code but the pupil: one frame behind and one in front of focus."""
    image, disparity = torch.full((3, 56, 56), 0.8), torch.full((56, 56), 0.1)
    image[:, 20:36, 20:36], disparity[20:36, 20:36] = 0.1, 0.9
    lenses = [ThinLens(0.1, 7.0), ThinLens(0.9, 7.0)]
    fast, exact = (render_stack(image, disparity, lenses, aperture=aperture, quality=q) for q in ("fast", "exact"))
    assert float((fast - exact).abs().mean()) < 2e-3
    assert_close(fast, exact, atol=0.07, what="card")  # at the corners groups meet rays; a bright rim shows it most
    points, depth = lamp(49)
    for defocus in (-9.0, 9.0):
        spots = [
            render_stack(points, depth, [defocused(defocus)], aperture=aperture, quality=q)[0, 0] / 30.0
            for q in ("fast", "exact")
        ]
        # rays stand for cells of a pixel, whose light is spread evenly: edges are a pixel softer
        assert float((spots[0] - spots[1]).abs().sum()) < 0.2
        for axis in (0, 1):
            place = torch.arange(49.0) - 24
            centroids = [float((spot.sum(1 - axis) * place).sum()) for spot in spots]
            assert centroids[0] == pytest.approx(centroids[1], abs=0.05)


def test_a_lens_whose_colors_leave_the_scene_s_radius_is_refused() -> None:
    scene = Scene.from_rgbd(noise(3, 8, 8), torch.linspace(0, 1, 64).reshape(8, 8), max_radius_px=2.0)
    scene.render([ThinLens(0.0, 2.0)])
    with pytest.raises(ValueError, match="lenses must stay within max_radius_px"):
        scene.render([ThinLens(0.0, 2.0)], aperture=Aperture(focus_shift=(-0.1, 0.0, 0.0)))
