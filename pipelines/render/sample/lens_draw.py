"""The lens of one scene, drawn from a recipe: a pure function of (dataset seed, scene id)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from pipelines.errors import UserError
from pipelines.render.config import LensConfig
from pipelines.render.photos.exif import CameraTags
from pipelines.render.sample.lens_recipes import LENS_RECIPES, LensRecipe, Range
from pipelines.render.seeds import uniform
from simulator import Aperture, PupilRaster, ThinLens
from simulator.optics.highlight import HighlightCurve
from simulator.optics.lens import PhysicalLens
from simulator.optics.sensor import SensorNoise


@dataclass(frozen=True)
class DrawnLens:
    """What is the same for all frames of a stack; lengths in mm, 0.0 where not known."""

    recipe: LensRecipe
    aperture: Aperture
    highlight: HighlightCurve
    noise: SensorNoise
    focal_length_mm: float
    sensor_width_mm: float

    def dioptres(self, metric_range: float) -> float:
        """Depth range of the scene, 1/m: its own (0.0 when disparity is relative), else the recipe's; 0.0: unknown."""
        return metric_range or (self.recipe.depth.dioptres if self.recipe.depth else 0.0)

    def blur_levels(self, seed: int, scene_id: str, levels: int, dioptres: float) -> tuple[float, ...]:
        """Radius across the depth range, percent of the long side, of f-numbers log-stratified; weak to strong.

        K of a stacking group is one for all planes: that of the lens focused at infinity.
        """
        low, high = self.recipe.f_number
        places = [(i + uniform(seed, scene_id, "f-number", i)) / levels for i in range(levels)]
        lenses = [
            PhysicalLens(self.focal_length_mm, high * (low / high) ** place, self.sensor_width_mm, math.inf)
            for place in places
        ]
        return tuple(100.0 * lens.circle_scale_mm * dioptres / self.sensor_width_mm for lens in lenses)

    def f_number(self, lens: ThinLens, is_metric: bool, long_side_px: int) -> float:
        """N of one frame, under the assumed depths where disparity is relative; 0.0 where it cannot be known."""
        if not (self.focal_length_mm and self.sensor_width_mm and (is_metric or self.recipe.depth)):
            return 0.0
        metric = lens if is_metric or not self.recipe.depth else self.recipe.depth.metric(lens)
        try:
            return PhysicalLens.of(metric, self.focal_length_mm, self.sensor_width_mm, long_side_px).f_number
        except ValueError:  # nearer than the focal length: no such lens
            return 0.0

    def for_disparity(self, depth_range: float) -> DrawnLens:
        """Focus shifts, drawn as shares of the scene's depth range, in the unit of its disparity."""
        red, green, blue = (shift * depth_range for shift in self.aperture.focus_shift)
        return replace(self, aperture=replace(self.aperture, focus_shift=(red, green, blue)))


def draw_lens(seed: int, scene_id: str, config: LensConfig, camera: CameraTags, size: tuple[int, int]) -> DrawnLens:
    """Every value evenly over its range, each with random numbers of its own; size is (width, height) in pixels."""
    recipe = LENS_RECIPES[config.lens_recipe]()

    def value(name: str, within: Range) -> float:
        return within[0] + (within[1] - within[0]) * uniform(seed, scene_id, "lens", name)

    def of(name: str) -> float:
        return value(name, getattr(recipe, name))

    shift, lateral = of("focus_shift"), of("lateral")
    aperture = Aperture(
        blades=recipe.blades[int(uniform(seed, scene_id, "lens", "blades") * len(recipe.blades))],
        roundness=of("roundness"),
        rotation_deg=value("rotation", (0.0, 0.0) if recipe.blades == (0,) else (0.0, 360.0)),
        obstruction=of("obstruction"),
        spherical=of("spherical"),
        squeeze=of("squeeze"),
        raster=mask_from(config.aperture_mask) if config.aperture_mask else None,
        cat_eye=of("cat_eye"),
        focus_shift=(shift, 0.0, shift),
        magnification=(1.0 + lateral, 1.0, 1.0 - lateral),
    )
    peak = 1.0 if config.highlights == "off" else of("highlight_peak")
    return DrawnLens(
        recipe,
        aperture,
        HighlightCurve(peak=peak),
        SensorNoise(of("full_well_electrons"), of("read_noise_electrons")),
        recipe.focal_length_mm or camera.focal_length_mm,
        recipe.sensor_width_mm or camera.sensor_width_mm(*size),
    )


def drawn_jpeg_quality(seed: int, scene_id: str, recipe: LensRecipe, frame: int) -> int:
    """Quality of one frame's compression, 0 for none."""
    low, high = recipe.jpeg_quality
    return low + int(uniform(seed, scene_id, "jpeg", frame) * (high - low + 1)) if high else 0


def compressed(srgb: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """A frame [H, W, 3] as it comes back from a JPEG of this quality; 0 leaves it alone."""
    if quality == 0:
        return srgb
    _, data = cv2.imencode(".jpg", srgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(pixels[..., ::-1])


def noisy(frames: torch.Tensor, noise: SensorNoise, seed: int, scene_id: str) -> torch.Tensor:
    """[F, 3, H, W] with noise of its own for each frame."""
    seeds = (int(uniform(seed, scene_id, "noise", frame) * 2**53) for frame in range(len(frames)))
    return torch.stack(
        [noise.exposed(frame, torch.Generator().manual_seed(one)) for frame, one in zip(frames, seeds, strict=True)]
    )


@lru_cache(maxsize=4)
def mask_from(path: Path) -> PupilRaster:
    """A grey PNG (white lets light through) as a pupil. Raises UserError when it is none."""
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UserError(f"--aperture-mask {path} must be a grey PNG; it cannot be read")
    try:
        return PupilRaster(torch.from_numpy(pixels.astype(np.float64) / np.iinfo(pixels.dtype).max))
    except ValueError as error:
        raise UserError(f"--aperture-mask {path}: {error}") from error
