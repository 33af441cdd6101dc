"""Every aperture and aberration on one night scene: the picture in the docs, and a check by eye.

python -m pipelines.preview.lens_gallery docs/gallery.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from pipelines.pictures.drawing import Box, Sheet
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.preview.night_scene import HEIGHT, SIGN, WIDTH, night_scene
from simulator import Aperture, PupilRaster, Scene, ThinLens
from simulator.optics.highlight import HighlightCurve

COLUMNS, GAP_PX, CAPTION_PX = 4, 10, 26
RADIUS_PX = 15.0
"""Of lamps far behind and close before the sign."""


def heart(cells: int = 128) -> PupilRaster:
    """(x² + y² − 1)³ = x² y³."""
    y, x = torch.meshgrid(torch.linspace(1.25, -1.1, cells), torch.linspace(-1.2, 1.2, cells), indexing="ij")
    return PupilRaster(((x**2 + y**2 - 1) ** 3 <= x**2 * y**3).double())


def star(cells: int = 128) -> PupilRaster:
    """Five points, one upwards."""
    y, x = torch.meshgrid(*[torch.linspace(-1.05, 1.05, cells)] * 2, indexing="ij")
    turn = torch.remainder(torch.atan2(x, -y) + torch.pi / 5, 2 * torch.pi / 5) - torch.pi / 5  # from the nearest point
    # the side from the point (1, 0) to the notch at radius 0.42, half a point on
    notch = 0.42 * torch.exp(torch.tensor(1j * torch.pi / 5))
    along, across = torch.hypot(y, x) * torch.cos(turn), torch.hypot(y, x) * torch.sin(turn).abs()
    inside = notch.imag * (along - 1.0) - across * (notch.real - 1.0) <= 0
    return PupilRaster(inside.double())


GALLERY = {
    "disc": Aperture(),
    "5 blades": Aperture(blades=5, rotation_deg=-90.0),
    "6 blades, half rounded": Aperture(blades=6, roundness=0.5, rotation_deg=15.0),
    "9 blades": Aperture(blades=9),
    "mirror lens, obstruction 0.45": Aperture(obstruction=0.45),
    "soap bubbles behind, soft before": Aperture(spherical=0.9),
    "soft behind, soap bubbles before": Aperture(spherical=-0.9),
    "anamorphic, squeeze 2": Aperture(squeeze=2.0),
    "heart mask: upright behind, turned before": Aperture(raster=heart()),
    "star mask": Aperture(raster=star()),
    "cat-eye 0.9": Aperture(cat_eye=0.9),
    "swirl: cat-eye 1.1, bubbles, 8 blades": Aperture(cat_eye=1.1, spherical=0.7, blades=8, roundness=0.7),
    "longitudinal colour: green behind, magenta before": Aperture(focus_shift=(-0.06, 0.0, -0.06)),
    "lateral colour": Aperture(magnification=(1.008, 1.0, 0.992)),
}


def gallery() -> npt.NDArray[np.uint8]:
    """The sheet, [H, W, 3] 8-bit sRGB."""
    lens = ThinLens(SIGN, RADIUS_PX / (0.95 - SIGN))
    layers = night_scene()
    reach_px = RADIUS_PX * 1.2  # colours are focused a little beside
    scene = Scene.from_layers(layers, max_radius_px=reach_px)
    tiles = {}
    for name, aperture in GALLERY.items():
        quality = "exact" if aperture.cat_eye else "fast"  # blended regions would show as steps in the rims
        tiles[name] = scene.render([lens], aperture=aperture, quality=quality)[0]
    photo, disparity = layers.photo()
    photo = photo / photo.amax(dim=0).clamp(min=1.0)  # a short exposure: lamps just reach white, their colour is there
    for name, peak in (("from a clipped photo", 1.0), ("the same, highlights expanded, peak 100", 100.0)):
        light = HighlightCurve(peak=peak).expanded(photo)
        tiles[name] = Scene.from_rgbd(light, disparity, max_radius_px=reach_px).render([lens])[0]
    return _sheet(tiles)


def _sheet(tiles: dict[str, torch.Tensor]) -> npt.NDArray[np.uint8]:
    rows = -(-len(tiles) // COLUMNS)
    sheet = Sheet(COLUMNS * (WIDTH + GAP_PX) + GAP_PX, rows * (HEIGHT + CAPTION_PX + GAP_PX) + GAP_PX)
    for i, (name, frame) in enumerate(tiles.items()):
        x = GAP_PX + i % COLUMNS * (WIDTH + GAP_PX)
        y = GAP_PX + i // COLUMNS * (HEIGHT + CAPTION_PX + GAP_PX)
        srgb = to_srgb8(frame[None])[0]
        sheet.picture(Box(x, y, WIDTH, HEIGHT), srgb)
        sheet.text(x, y + HEIGHT + 4, name, 16, width=WIDTH)
    return np.asarray(sheet.image)


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description="Draw every aperture and aberration on a night scene.")
    parser.add_argument("path", type=Path)
    chosen = parser.parse_args()
    cv2.imwrite(str(chosen.path), gallery()[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
