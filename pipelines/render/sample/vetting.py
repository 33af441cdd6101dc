"""Vetting of decoded photos and their disparity: unfit ones are rejected, each with its reason.

Blurred photos, flat scenes and maps with a handful of depths would make useless samples. Built-in scenes are fit by
construction and are not vetted.
"""

import numpy as np

from pipelines.errors import Rejection
from pipelines.render.config import VettingConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo
from pipelines.render.sample.sharpness import blurred_share

STAGE = "vet"


def vet_photo(photo: Photo, config: VettingConfig) -> None:
    """Raise Rejection (`small`, `aspect`, `not_all_in_focus`) when the photo is not fit."""
    sides = sorted((photo.original_width, photo.original_height))
    size = f"{photo.original_width}x{photo.original_height}"
    if sides[0] < config.min_short_side:
        raise Rejection(STAGE, "small", f"the short side must be >= {config.min_short_side} px, got {size}")
    if sides[1] > config.max_aspect * sides[0]:
        most = f"at most {config.max_aspect:g} times the short one"
        raise Rejection(STAGE, "aspect", f"the long side must be {most}, got {size}")
    if config.max_blurred < 1 and (share := blurred_share(photo.srgb)) > config.max_blurred:
        most = f"at most {config.max_blurred:.0%} of its tiles with contrast may be blurred"
        raise Rejection(STAGE, "not_all_in_focus", f"{most}, got {share:.0%}; --max-blurred 1 takes it as it is")


def vet_disparity(disparity: DisparityMap, config: VettingConfig) -> None:
    """Raise Rejection (`holes`, `few_levels`, `little_depth`) when there is not enough depth in the photo."""
    values = disparity.values[disparity.known]
    holes = 1 - values.size / disparity.values.size
    if holes > config.max_holes:
        most = f"depth may be unknown at {config.max_holes:.0%} of the pixels at most, it is at {holes:.0%}"
        way_out = "bring a denser map, let a model estimate depth (--depth MODEL), or raise --max-holes"
        raise Rejection(STAGE, "holes", f"{most}; {way_out}")
    levels = disparity.quantization_levels or len(np.unique(values))
    if levels < config.min_disparity_levels:
        least = f"at least {config.min_disparity_levels} different disparities"
        raise Rejection(STAGE, "few_levels", f"there must be {least}, got {levels}")
    low, near, far, high = np.quantile(values, [0, 0.05, 0.95, 1])
    spread = float((far - near) / (high - low)) if high > low else 0.0
    if spread < config.min_depth_spread:
        least = f"{config.min_depth_spread:.0%} of the depth range"
        message = f"nine tenths of the photo must span at least {least}, they span {spread:.1%}: it is one plane"
        raise Rejection(STAGE, "little_depth", message)
