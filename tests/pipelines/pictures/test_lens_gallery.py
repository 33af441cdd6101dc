"""The night scene and the masks of the gallery; the whole picture takes minutes and is looked at, not tested."""

from __future__ import annotations

import numpy as np
import torch

from pipelines.pictures.lens_gallery import GALLERY, _sheet, heart_pupil, star_pupil
from pipelines.pictures.night_scene import FAR, HEIGHT, NEAR, SIGN, WIDTH, night_scene
from simulator import Aperture


def test_the_night_has_lamps_on_both_sides_of_the_sign_and_is_always_the_same() -> None:
    one, two = night_scene(), night_scene()
    assert torch.equal(one.color, two.color)
    assert (one.height, one.width) == (HEIGHT, WIDTH)
    assert sorted({round(float(d), 3) for d in one.disparity.flatten(1)[:, 0]}) == [FAR, SIGN, NEAR]
    for surface in (0, 2):
        lit = (one.color[surface] > 20).any(dim=0) & (one.coverage[surface] > 0)
        assert int(lit.sum()) >= 4 * 5


def test_masks_are_upright_and_mirror_images_of_themselves() -> None:
    for mask in (heart_pupil(), star_pupil()):
        mirrored = mask.transmission.flip(1)
        assert float((mirrored - mask.transmission).abs().mean()) < 0.01
        lit = mask.transmission > 0
        rows = lit.any(dim=1).nonzero()
        assert 0.15 < float(lit.double().mean()) < 0.8
        tip = lit[int(rows[-1])].sum() if mask == heart_pupil() else lit[int(rows[0])].sum()
        assert int(tip) <= 6  # a heart ends in a point below, a star begins with one above


def test_every_kind_of_aperture_is_shown() -> None:
    shown = GALLERY.values()
    assert {name for name in vars(Aperture()) if any(getattr(a, name) != getattr(Aperture(), name) for a in shown)} >= {
        *("blades", "roundness", "rotation_deg", "obstruction", "spherical", "squeeze", "raster", "cat_eye"),
        *("focus_shift", "magnification"),
    }


def test_the_sheet_holds_each_frame() -> None:
    frames = {str(i): torch.full((3, HEIGHT, WIDTH), 0.5) for i in range(5)}
    sheet = np.asarray(_sheet(frames))
    gray = (sheet == 188).all(axis=2)  # 0.5 of linear light
    assert int(gray.sum()) == 5 * HEIGHT * WIDTH
