"""Every aperture and aberration on one night scene: the picture in the docs, and a check by eye.

python -m pipelines.pictures.lens_gallery docs/gallery.jpg
"""

from pathlib import Path

import torch
import tyro
from PIL import Image
from tyro.conf import Positional

from pipelines.pictures.grid import Cell, Row, contact_sheet
from pipelines.pictures.night_scene import SIGN, WIDTH, night_scene
from pipelines.pictures.srgb8 import to_srgb8
from simulator import Aperture, PupilRaster, Scene, ThinLens
from simulator.optics.highlight import HighlightCurve

COLUMNS = 4
RADIUS_PX = 15.0
"""Of lamps far behind and close before the sign."""


def heart_pupil(cells: int = 128) -> PupilRaster:
    """Pupil in the shape of a heart: (x² + y² − 1)³ <= x² y³."""
    y, x = torch.meshgrid(torch.linspace(1.25, -1.1, cells), torch.linspace(-1.2, 1.2, cells), indexing="ij")
    return PupilRaster(((x**2 + y**2 - 1) ** 3 <= x**2 * y**3).double())


def star_pupil(cells: int = 128) -> PupilRaster:
    """Pupil in the shape of a star with five points, one of them upwards."""
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
    "heart mask: upright behind, turned before": Aperture(raster=heart_pupil()),
    "star mask": Aperture(raster=star_pupil()),
    "cat-eye 0.9": Aperture(cat_eye=0.9),
    "swirl: cat-eye 1.1, bubbles, 8 blades": Aperture(cat_eye=1.1, spherical=0.7, blades=8, roundness=0.7),
    "longitudinal color: green behind, magenta before": Aperture(focus_shift=(-0.06, 0.0, -0.06)),
    "lateral color": Aperture(magnification=(1.008, 1.0, 0.992)),
}


def gallery() -> Image.Image:
    """One cell per aperture and aberration."""
    lens = ThinLens(SIGN, RADIUS_PX / (0.95 - SIGN))
    layers = night_scene()
    reach_px = RADIUS_PX * 1.2  # colors are focused a little beside
    scene = Scene.from_layers(layers, max_radius_px=reach_px)
    frames = {}
    for name, aperture in GALLERY.items():
        quality = "exact" if aperture.cat_eye else "fast"  # blended regions would show as steps in the rims
        frames[name] = scene.render([lens], aperture=aperture, quality=quality)[0]
    photo, disparity = layers.photo()
    photo = photo / photo.amax(dim=0).clamp(min=1.0)  # a short exposure: lamps just reach white, their color is there
    for name, peak in (("from a clipped photo", 1.0), ("the same, highlights expanded, peak 100", 100.0)):
        light = HighlightCurve(peak=peak).expanded(photo)
        frames[name] = Scene.from_rgbd(light, disparity, max_radius_px=reach_px).render([lens])[0]
    return _sheet(frames)


def _sheet(frames: dict[str, torch.Tensor]) -> Image.Image:
    pictures = to_srgb8(torch.stack([*frames.values()]))
    cells = [Cell(picture, name) for name, picture in zip(frames, pictures, strict=True)]
    return contact_sheet("", [Row(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)], cell_width_px=WIDTH)


def main(path: Positional[Path]) -> None:
    """Draw every aperture and aberration on a night scene."""
    gallery().save(path, quality=88)


if __name__ == "__main__":
    tyro.cli(main)
