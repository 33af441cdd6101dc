"""The lens of one scene, sampled from a recipe: a pure function of (dataset seed, scene id)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from pipelines.errors import refusing
from pipelines.render.config import LensConfig
from pipelines.render.photos.exif import CameraTags
from pipelines.render.photos.header import open_header
from pipelines.render.sample.lens_recipes import LENS_RECIPES, LensRecipe, Range
from pipelines.render.sample.psf_file import read_psf_table
from pipelines.render.sample.stack_sampling import log_stratified
from pipelines.render.seeds import uniform
from shards.foreign_file import read_foreign
from simulator import Aperture, PupilRaster, ThinLens
from simulator.optics.highlight import HighlightCurve
from simulator.optics.lens import DepthRange, PhysicalLens
from simulator.optics.sensor import SensorNoise

MAX_MASK_BYTES = 64 << 20


@dataclass(frozen=True)
class SampledLens:
    """Lens and sensor that all frames of a stack share; lengths in mm, 0.0 where not known."""

    recipe: LensRecipe
    aperture: Aperture
    highlight: HighlightCurve
    noise: SensorNoise
    focal_length_mm: float
    sensor_width_mm: float

    def diopters(self, metric_range: float) -> float:
        """Depth range of the scene, 1/m: `metric_range` unless it is 0.0, else the recipe's; 0.0: not known."""
        return metric_range or (self.recipe.depth.diopters if self.recipe.depth else 0.0)

    def blur_levels(self, seed: int, scene_id: str, levels: int, diopters: float) -> tuple[float, ...]:
        """Radius across the depth range, percent of the long side, of f-numbers log-stratified; weak to strong.

        All planes of a stacking group share K: that of the lens focused at infinity.
        """
        low, high = self.recipe.f_number
        return self.levels_of(log_stratified(seed, scene_id, "f-number", high, low, levels), diopters)

    def levels_of(self, f_numbers: Sequence[float], diopters: float) -> tuple[float, ...]:
        """Blur levels of these f-numbers, in their order: 100 f² / (2 N · 1000 · sensor width) · diopters."""
        focal_mm, sensor_mm = self.focal_length_mm, self.sensor_width_mm
        lenses = [PhysicalLens(focal_mm, f_number, sensor_mm, math.inf) for f_number in f_numbers]
        return tuple(100.0 * lens.circle_scale_mm * diopters / sensor_mm for lens in lenses)

    def f_number(self, lens: ThinLens, is_metric: bool, long_side_px: int) -> float:
        """N of one frame, under the assumed depths where disparity is relative; 0.0 where it cannot be known."""
        if not (self.focal_length_mm and self.sensor_width_mm and (is_metric or self.recipe.depth)):
            return 0.0
        metric = lens if is_metric or not self.recipe.depth else self.recipe.depth.metric(lens)
        try:
            return PhysicalLens.from_thin_lens(
                metric, self.focal_length_mm, self.sensor_width_mm, long_side_px
            ).f_number
        except ValueError:  # nearer than the focal length: no such lens
            return 0.0

    def for_disparity(self, depth_range: float) -> SampledLens:
        """The lens with its focus shifts, shares of the scene's depth range, turned into the unit of its disparity."""
        red, green, blue = (shift * depth_range for shift in self.aperture.focus_shift)
        return replace(self, aperture=replace(self.aperture, focus_shift=(red, green, blue)))


def sample_lens(seed: int, scene_id: str, config: LensConfig, camera: CameraTags, size: tuple[int, int]) -> SampledLens:
    """Every value uniform over its range, from a random number of its own; size is (width, height) in pixels."""
    recipe = LENS_RECIPES[config.lens_recipe]
    assumed = DepthRange(*config.depth_range_m) if config.depth_range_m else recipe.depth
    recipe = replace(recipe, depth=assumed)

    def sampled(name: str, within: Range) -> float:
        return within[0] + (within[1] - within[0]) * uniform(seed, scene_id, "lens", name)

    shift, lateral = sampled("focus_shift", recipe.focus_shift), sampled("lateral", recipe.lateral)
    scalars: dict[str, Any] = {name: sampled(name, within) for name, within in recipe.aperture.items()}
    if recipe.blades != (0,):
        scalars.setdefault("rotation_deg", sampled("rotation", (0.0, 360.0)))
    aperture = (
        Aperture(psf=read_psf_table(config.psf))
        if config.psf
        else Aperture(
            blades=recipe.blades[int(uniform(seed, scene_id, "lens", "blades") * len(recipe.blades))],
            raster=read_aperture_mask(config.aperture_mask) if config.aperture_mask else None,
            focus_shift=(shift, 0.0, shift),
            magnification=(1.0 + lateral, 1.0, 1.0 - lateral),
            **scalars,
        )
    )
    peak = 1.0 if config.highlights == "off" else sampled("highlight_peak", recipe.highlight_peak)
    noise = ("full_well_electrons", "read_noise_electrons")
    return SampledLens(
        recipe,
        aperture,
        HighlightCurve(peak=peak),
        SensorNoise(*(sampled(name, getattr(recipe, name)) for name in noise)),
        config.focal_length or recipe.focal_length_mm or camera.focal_length_mm,
        config.sensor_width or recipe.sensor_width_mm or camera.sensor_width_mm(*size),
    )


def sample_jpeg_quality(seed: int, scene_id: str, recipe: LensRecipe, frame: int) -> int:
    """Quality of one frame's compression, 0 for none."""
    low, high = recipe.jpeg_quality
    return low + int(uniform(seed, scene_id, "jpeg", frame) * (high - low + 1)) if high else 0


def jpeg_compressed(srgb: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """A frame [H, W, 3] decoded from its JPEG of this quality; quality 0 returns the frame itself."""
    if quality == 0:
        return srgb
    _, data = cv2.imencode(".jpg", srgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    pixels = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(pixels[..., ::-1])


def with_sensor_noise(frames: torch.Tensor, noise: SensorNoise, seed: int, scene_id: str) -> torch.Tensor:
    """Frames [F, 3, H, W] with independent noise in each."""
    generators = (
        torch.Generator().manual_seed(int(uniform(seed, scene_id, "noise", frame) * 2**53))
        for frame in range(len(frames))
    )
    return torch.stack([noise.apply(*pair) for pair in zip(frames, generators, strict=True)])


@lru_cache(maxsize=4)
def read_aperture_mask(path: Path) -> PupilRaster:
    """The pupil of a gray PNG (white lets light through). Raises UserError when the file is no such PNG."""
    with refusing(f"--aperture-mask {path}", "it must be a gray PNG"):
        content = read_foreign(path, max_bytes=MAX_MASK_BYTES)
        open_header(content, ("PNG",))  # its size, before any pixel is made
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise ValueError("it cannot be read")
        return PupilRaster(torch.from_numpy(pixels.astype(np.float64) / np.iinfo(pixels.dtype).max))
