"""What stands before the lens: a photo with its disparity, or a built-in scene whose every surface is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipelines.render.config import StackConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo, PhotoSource
from simulator import LayeredDepthImage, Scene
from simulator.optics.color import linear_to_srgb, srgb_to_linear
from simulator.optics.highlight import HighlightCurve, clipped_at_white, soft_shoulder
from simulator.scenes.catalogue import builtin_scene

BUILTIN_ASPECT = 2 / 3
"""Height by width of built-in scenes."""


@dataclass(frozen=True)
class Subject:
    """A photo and its disparity map, of the same size."""

    photo: Photo
    disparity: DisparityMap

    def __post_init__(self) -> None:
        if self.disparity.values.shape != self.photo.srgb.shape[:2]:
            raise ValueError(
                f"disparity must be {list(self.photo.srgb.shape[:2])} like the photo, "
                f"got {list(self.disparity.values.shape)}"
            )

    @property
    def is_clipped(self) -> bool:
        """Light above white is missing: a photo's is."""
        return True

    def disparity_range(self, stored: npt.NDArray[np.float32]) -> tuple[float, float]:
        """Smallest and largest disparity that a lens may meet; `stored` [H, W] is the map as the shard holds it."""
        return float(stored.min()), float(stored.max())

    def scene(
        self, stored: npt.NDArray[np.float32], max_radius_px: float, device: str, highlight: HighlightCurve
    ) -> Scene:
        """The simulator's scene: the photo's 8 bits in linear light, at exactly the disparity that is stored.

        What the photo clipped is expanded by the curve.
        """
        srgb = torch.from_numpy(self.photo.srgb).to(device).permute(2, 0, 1).float() / 255  # [3, H, W]
        light = highlight.expanded(srgb_to_linear(srgb))
        return Scene.from_rgbd(light, torch.from_numpy(stored).to(device), max_radius_px=max_radius_px)


@dataclass(frozen=True)
class BuiltinSubject(Subject):
    """A built-in scene; its lights above 1 and its hidden surfaces reach the lens as they are."""

    layers: LayeredDepthImage

    @property
    def is_clipped(self) -> bool:
        return False

    def disparity_range(self, stored: npt.NDArray[np.float32]) -> tuple[float, float]:
        seen = self.layers.disparity[self.layers.coverage > 0]
        return float(seen.min()), float(seen.max())

    def scene(
        self, stored: npt.NDArray[np.float32], max_radius_px: float, device: str, highlight: HighlightCurve
    ) -> Scene:
        return Scene.from_layers(self.layers.to(device), max_radius_px=max_radius_px)


def draw_builtin(source: PhotoSource, *, long_side: int, stack: StackConfig) -> BuiltinSubject:
    """The built-in scene that `source.location` names, drawn `long_side` pixels wide, with its exact disparity."""
    height = round(long_side * BUILTIN_ASPECT)
    # No disc reaches further than the strongest blur over the whole depth range, which is 1.
    margin_px = math.ceil(stack.blur_level_max / 100 * long_side) + 1
    scene = builtin_scene(source.builtin_seed, height=height, width=long_side, margin_px=margin_px)
    image, disparity = scene.layers.photo()
    return BuiltinSubject(
        photo=Photo(source, to_srgb8(image[None])[0], original_width=long_side, original_height=height),
        disparity=DisparityMap(disparity.numpy(), kind="relative", unit="1", source="builtin", source_revision="1"),
        layers=scene.layers,
    )


def to_srgb8(linear: torch.Tensor, tone: str = "clip") -> npt.NDArray[np.uint8]:
    """Linear light [F, 3, H, W] on any device -> 8-bit sRGB [F, H, W, 3]; what is above 1 by the rule of tone."""
    toned = soft_shoulder if tone == "shoulder" else clipped_at_white
    frames = [(linear_to_srgb(toned(frame)) * 255).round().to(torch.uint8) for frame in linear]
    pixels = torch.stack(frames).permute(0, 2, 3, 1).contiguous()
    if not pixels.is_cuda:
        return pixels.numpy()
    pinned = torch.empty(pixels.shape, dtype=pixels.dtype, pin_memory=True)  # no staging on the way
    return pinned.copy_(pixels).numpy()
