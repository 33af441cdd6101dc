"""With a sharpener that knows the answer, or does nothing, what is left is the error of all the rest."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.errors import UserError
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.refocus.blur_reach import BlurReach
from pipelines.refocus.composition import Composition
from pipelines.refocus.local_contrast import local_contrast
from pipelines.refocus.missing_blur import missing_blur
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.refocuser import FocusRequest
from pipelines.refocus.sharpen_then_render import SharpenThenRender
from pipelines.refocus.sharpening import reference_lens, sharpened_photo
from simulator import ThinLens
from simulator.layers.morphology import dilate
from simulator.optics.color import linear_to_srgb
from tests.pipelines.refocus.known_photo import Null, Oracle, card, frame

PHOTO, DEPTH = card()
FAR, NEAR = ThinLens(0.1, 6.0), ThinLens(0.9, 6.0)


def psnr(made: torch.Tensor, truth: torch.Tensor) -> float:
    return float(-10.0 * torch.log10((made - truth).square().mean()))


def composed(sharpener: Oracle, photo: torch.Tensor, lens: ThinLens, asked: ThinLens) -> torch.Tensor:
    sharp = sharpened_photo(sharpener, photo, DEPTH, lens)
    return next(Composition(photo, DEPTH, lens, sharp).frames([asked]))


@pytest.mark.parametrize(("lens", "asked"), [(FAR, NEAR), (NEAR, FAR), (NEAR, ThinLens(0.9, 2.0))])
def test_an_oracle_comes_near_the_rendered_photo(lens: ThinLens, asked: ThinLens) -> None:
    photo, truth = frame(PHOTO, DEPTH, lens), frame(PHOTO, DEPTH, asked)
    made = composed(Oracle(PHOTO, lens), photo, lens, asked)
    assert psnr(made, truth) > 36
    assert psnr(made, truth) > psnr(composed(Null(PHOTO, lens), photo, lens, asked), truth) + 5


def test_the_halo_of_a_near_surface_goes_when_it_gets_sharp() -> None:
    """On the wall beside a bright card that the photo shows blurred; the wall itself is to be blurred more."""
    photo = torch.where(DEPTH > 0.5, 1.0, 0.1) * torch.ones(3, 1, 1)
    made = composed(Oracle(photo, FAR), frame(photo, DEPTH, FAR), FAR, NEAR)
    torch.testing.assert_close(made, frame(photo, DEPTH, NEAR), atol=0.02, rtol=0)


def test_where_nothing_is_to_be_sharpened_it_is_missing_blur() -> None:
    weak, strong = ThinLens(0.9, 2.0), ThinLens(0.9, 6.0)
    photo = frame(PHOTO, DEPTH, weak)
    made = composed(Oracle(torch.zeros_like(PHOTO), weak), photo, weak, strong)
    torch.testing.assert_close(made, missing_blur(photo, DEPTH, weak, strong), atol=1e-6, rtol=0)


@pytest.mark.parametrize("lens", [None, ThinLens(0.9, 2.0)])
def test_in_focus_a_photo_stays_the_same_bit_for_bit(lens: ThinLens | None) -> None:
    asked = ThinLens(0.9, 6.0)
    made = next(Composition(PHOTO, DEPTH, lens, torch.zeros_like(PHOTO) if lens else PHOTO).frames([asked]))
    focused = -dilate(-(DEPTH > 0.5).float(), 4) > 0
    assert focused.sum() > 300
    assert torch.equal(made[:, focused], PHOTO[:, focused])
    assert not torch.equal(made, PHOTO)


def test_frames_of_one_stack_are_those_rendered_one_by_one() -> None:
    composition = Composition(PHOTO, DEPTH, NEAR, PHOTO)
    both = list(composition.frames([FAR, ThinLens(0.5, 6.0)]))
    torch.testing.assert_close(both[1], next(composition.frames([ThinLens(0.5, 6.0)])), atol=1e-3, rtol=0)


def test_blur_reaches_behind_a_silhouette_as_far_as_its_radius() -> None:
    reach = BlurReach.of(DEPTH, FAR.defocus_px(DEPTH)).greatest(FAR.defocus_px(DEPTH).abs())  # the card: 4.8 px
    beside = reach[32, : 96 // 3].flip(0)  # from the card outwards
    assert beside[:5].tolist() == pytest.approx([4.8] * 5)
    assert not beside[7:].any()
    sharp_card = NEAR.defocus_px(DEPTH)
    assert torch.equal(BlurReach.of(DEPTH, sharp_card).greatest(sharp_card.abs()), sharp_card.abs())


def test_sharp_pixels_are_the_photos_own() -> None:
    photo = frame(PHOTO, DEPTH, NEAR)
    sharp = sharpened_photo(Oracle(torch.zeros_like(PHOTO), NEAR), photo, DEPTH, NEAR, steps=0)
    assert torch.equal(sharp[:, DEPTH > 0.5], photo[:, DEPTH > 0.5])
    contrast = local_contrast(linear_to_srgb(photo), NEAR.defocus_px(DEPTH).abs())
    uneven = (DEPTH < 0.5) & (contrast > 0.021)  # where q is 1; the noise is even in few places
    assert uneven.sum() > 0.8 * (DEPTH < 0.5).sum()
    assert float(sharp[:, uneven].max()) < 1e-4


def test_nothing_appears_where_the_photo_is_even() -> None:
    """A sky with a dark foreground: what a sharpener draws into the sky, far from the outline, is ringing."""
    photo, depth = torch.full((3, 64, 96), 0.6), torch.full((64, 96), 0.1)
    photo[:, 50:] = torch.rand(3, 14, 96, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.1
    ripples = photo + 0.05 * torch.sin(torch.arange(64.0))[:, None]
    made = sharpened_photo(Oracle(ripples, NEAR), photo, depth, NEAR, steps=0)  # r = 4.8 px
    assert torch.equal(made[:, :28], photo[:, :28])
    torch.testing.assert_close(made[:, 50:], ripples[:, 50:], atol=1e-3, rtol=0)


def test_radii_beyond_the_trained_ones_are_seen_on_a_smaller_photo_and_no_detail_is_lost() -> None:
    photo, depth = card(600, 900)
    lens = ThinLens(0.9, 40.0)  # the wall: 32 px
    sharpener = Null(photo, lens, max_radius_px=9.0)
    made = sharpened_photo(sharpener, photo, depth, lens, steps=0)
    torch.testing.assert_close(made, photo, atol=1e-5, rtol=0)
    assert sharpener.largest_px <= 9.0
    assert set(sharpener.sizes) == {(150, 225)}


def test_photos_are_sharpened_in_tiles() -> None:
    photo, depth = card(600, 900)
    lens = ThinLens(0.9, 8.0)
    sharpener = Null(photo, lens)
    made = sharpened_photo(sharpener, photo, depth, lens, steps=0)
    torch.testing.assert_close(made, photo, atol=1e-5, rtol=0)
    assert set(sharpener.sizes) == {(512, 512)}


@pytest.mark.parametrize("side", [96, 960])
def test_the_lens_is_found_in_the_photos_pixels(side: int) -> None:
    photo, depth = card(side * 2 // 3, side)
    depth[:, : side // 4] = torch.linspace(0, 1, side * 2 // 3)[:, None]
    true = ThinLens(0.9, side * 0.03)
    found = reference_lens(Oracle(photo, true, max_radius_px=9.0), photo, depth, PhotoLens())
    assert found is not None
    assert found.focus_disparity == pytest.approx(0.9, abs=0.04)
    assert found.blur_scale_px == pytest.approx(true.blur_scale_px, rel=0.1)


def test_what_is_known_of_the_lens_is_kept() -> None:
    oracle = Oracle(PHOTO, NEAR)
    assert reference_lens(oracle, PHOTO, DEPTH, PhotoLens(is_sharp=True)) is None
    assert reference_lens(oracle, PHOTO, DEPTH, PhotoLens(False, 0.5, 2.0)) == ThinLens(0.5, 2.0 * 96 / 100)
    half = reference_lens(oracle, PHOTO, DEPTH, PhotoLens(focus_disparity=0.9))
    assert half is not None
    assert half.blur_scale_px == pytest.approx(6.0, rel=0.1)


def test_a_photo_is_prepared_once_for_a_sweep() -> None:
    oracle = Oracle(PHOTO, NEAR)
    srgb = to_srgb8(frame(PHOTO, DEPTH, NEAR)[None])[0]
    prepared = SharpenThenRender(oracle).prepare(srgb, DEPTH.numpy())
    assert len(oracle.sizes) == 1
    made = list(prepared.frames([FocusRequest((x, 0.5), 6.25) for x in (0.05, 0.5)], 0))
    assert len(oracle.sizes) == 1
    assert prepared.lens_source == "estimated"
    assert prepared.lens is not None
    assert prepared.sharp is not None
    for picture, lens in zip(made, (FAR, NEAR), strict=True):
        truth = to_srgb8(frame(PHOTO, DEPTH, lens)[None])[0]
        assert np.abs(picture.astype(int) - truth).mean() < 3


def test_without_depth_there_is_nothing_to_render() -> None:
    with pytest.raises(UserError, match="needs the photo's depth; give a sidecar or a depth model"):
        SharpenThenRender(Oracle(PHOTO, NEAR)).prepare(to_srgb8(PHOTO[None])[0], None)
