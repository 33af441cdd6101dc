"""Samples whose frames are rendered: cards before a textured ground with lamps, one through each kind of lens."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from pipelines.pictures.lens_gallery import heart_pupil
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.render.sample.aperture_labels import aperture_record
from shards import ImagingRecord, Sample
from simulator import Aperture, ThinLens, render_stack
from simulator.optics.highlight import HighlightCurve
from tests.pipelines.preview.stack_scene import HEIGHT, WIDTH, stack_labels
from tests.shards.synthetic import make_record

PEAK = 8.0
LENSES = {
    "disc": Aperture(),
    "5 blades": Aperture(blades=5, rotation_deg=20.0),
    "mirror": Aperture(obstruction=0.45),
    "anamorphic": Aperture(squeeze=1.8),
    "bubbles": Aperture(spherical=0.8, blades=8, roundness=0.6),
    "cat-eye": Aperture(cat_eye=0.9),
    "fringes": Aperture(focus_shift=(-0.05, 0.0, -0.05)),
    "heart": Aperture(raster=heart_pupil()),
}


def live_sample(number: int, aperture: Aperture, peak: float = PEAK) -> Sample:
    """Two levels of three planes, in the middles of the three bands of depth."""
    srgb, codes = _photo()
    labels = stack_labels(codes)
    light = HighlightCurve(peak=peak).expanded(from_srgb8(srgb))
    lenses = [ThinLens(frame.focus_disparity, frame.blur_scale_px) for frame in labels]
    quality = "exact" if aperture.cat_eye else "fast"
    depth = torch.from_numpy(codes / 65535.0).float()
    frames = to_srgb8(render_stack(light, depth, lenses, aperture=aperture, quality=quality))
    record = dataclasses.replace(
        make_record(number, labels, "train", WIDTH, HEIGHT),
        aperture=aperture_record(aperture),
        imaging=ImagingRecord(highlight_peak=peak),
    )
    return Sample(f"{number:08d}", srgb, codes, np.ones(codes.shape, bool), frames, record)


def _photo() -> tuple[np.ndarray, np.ndarray]:
    """sRGB [H, W, 3] and disparity codes [H, W]: far ground on the left, a disc and a card before it."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    random = np.random.default_rng(3)
    coarse = random.uniform(40, 200, (HEIGHT // 8 + 1, WIDTH // 8 + 1, 3))
    texture = coarse[y // 8, x // 8] + random.uniform(-25, 25, (HEIGHT, WIDTH, 1))
    disparity = 0.1 + 0.15 * y / HEIGHT
    lamps = ((x % 15 == 7) & (y % 20 < 2) & (y < 40))[..., None]
    picture = np.where(lamps, 255, texture * [0.5, 0.6, 0.8])
    for inside, d, tint in (
        ((x - 62) ** 2 + (y - 44) ** 2 < 22**2, 0.5, (1.1, 0.9, 0.5)),
        ((x > 88) & (y > 12), 0.85, (0.6, 1.0, 0.7)),
    ):
        picture = np.where(inside[..., None], texture[:, ::-1] * tint, picture)
        disparity = np.where(inside, d + 0.0004 * y, disparity)
    return np.clip(picture, 0, 255).astype(np.uint8), np.rint(65535 * disparity).astype(np.uint16)
