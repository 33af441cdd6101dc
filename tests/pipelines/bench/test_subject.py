from __future__ import annotations

import pytest
import torch

from pipelines.bench.subject import FRAMES, lenses_through, photo_like, sampled


def test_a_photo_has_no_light_above_white() -> None:
    photo = photo_like(32)
    assert photo.image.shape == (3, 32, 32)
    assert photo.side_px == 32
    assert 0.0 <= float(photo.image.min()) < float(photo.image.max()) <= 1.0
    assert torch.equal(photo.image, photo_like(32).image)


@pytest.mark.parametrize("radius_px", [1.0, 16.0, 64.0])
def test_the_largest_disc_of_a_stack_has_the_radius_asked_for(radius_px: float) -> None:
    disparity = photo_like(32).disparity
    lenses = lenses_through(disparity, radius_px)
    assert len(lenses) == FRAMES
    assert max(float(lens.defocus_px(disparity).abs().max()) for lens in lenses) == pytest.approx(radius_px, rel=1e-5)
    assert len({lens.blur_scale_px for lens in lenses}) == 1


def test_planes_in_focus_hold_as_many_pixels_between_them() -> None:
    disparity = torch.linspace(0.0, 1.0, 1001)[None]
    planes = [lens.focus_disparity for lens in lenses_through(disparity, 8.0, count=10)]
    assert planes == pytest.approx([0.05 + 0.1 * i for i in range(10)], abs=1.1e-3)  # a pixel's step


def test_the_few_lenses_are_centered_as_all_are() -> None:
    lenses = lenses_through(torch.linspace(0.0, 1.0, 1001)[None], 8.0)
    few = sampled(lenses)
    assert len(few) == 4
    middle = [sum(lens.focus_disparity for lens in some) / len(some) for some in (few, lenses)]
    assert middle[0] == pytest.approx(middle[1], abs=0.05)
