"""Pupils that vary over the frame, drawn by modes: against pupils of fixed places, light, and rays."""

from __future__ import annotations

import math

import pytest
import torch

from simulator import Aperture, ThinLens, render_stack
from simulator.optics.pupil_modes import MOST_MODES, pupil_modes
from tests.simulator.closeness import assert_close

SIZE = (60, 90)
LENSES = {
    "cat-eye": Aperture(cat_eye=0.9),
    "swirl": Aperture(cat_eye=0.7, blades=7, spherical=0.5),
    "hood": Aperture(barn_doors=0.7),
    "astigmatism": Aperture(astigmatism=0.6),
}
every_lens = pytest.mark.parametrize("aperture", LENSES.values(), ids=LENSES)


@every_lens
@pytest.mark.parametrize("defocus", [-9.0, 9.0])
def test_a_soft_picture_is_blurred_by_the_pupil_of_each_place(aperture: Aperture, defocus: float) -> None:
    """In the middle of the frame and towards a corner, where it is the frame of that place's pupil alone."""
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(90.0), indexing="ij")
    image = (0.5 + 0.4 * torch.sin(y / 3.5) * torch.cos(x / 4.0)).expand(3, -1, -1).contiguous()
    disparity, lens = torch.full(SIZE, 0.5), ThinLens(0.5 - defocus / 40.0, 40.0)
    frame = render_stack(image, disparity, [lens], aperture=aperture)[0]
    assert len(pupil_modes(aperture, SIZE).modes) <= MOST_MODES
    for row, column in ((30, 45), (46, 74)):
        place = (row - 29.5) / math.hypot(60, 90) * 2, (column - 44.5) / math.hypot(60, 90) * 2
        there = render_stack(image, disparity, [lens], aperture=aperture.at_field(*place))[0]
        assert_close(frame[:, row, column], there[:, row, column], atol=0.012, what=f"pixel {row}, {column}")
    assert float((render_stack(image, disparity, [lens])[0] - frame).abs().max()) > 0.05  # the lens matters


@every_lens
def test_a_lamp_is_cut_as_rays_are(aperture: Aperture) -> None:
    image, disparity = torch.zeros(3, *SIZE), torch.full(SIZE, 0.5)
    image[:, 44, 70] = 50.0
    lens = ThinLens(0.5 + 8.0 / 40.0, 40.0)
    fast, exact = (
        render_stack(image, disparity, [lens], aperture=aperture, quality=q)[0, 1] for q in ("fast", "exact")
    )
    assert float((fast - exact).abs().sum() / exact.sum()) < 0.2  # the rim of a ray's cell is a pixel softer
    assert float(fast.sum()) == pytest.approx(float(exact.sum()), rel=0.03)


@every_lens
def test_a_constant_stays_constant_near_and_far_from_focus(aperture: Aperture) -> None:
    disparity = torch.linspace(0.2, 0.8, 90).expand(60, 90).contiguous()
    frame = render_stack(torch.full((3, *SIZE), 0.4), disparity, [ThinLens(0.4, 20.0)], aperture=aperture)
    assert_close(frame, torch.full_like(frame, 0.4), atol=1e-3, what="constant")
