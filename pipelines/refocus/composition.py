"""Frames from a photo, the lens it was taken with and its all-in-focus picture: rendered, blurred on, and blended.

Letters: r_s blur radius of a pixel in the photo, r_t in the frame asked for; d = r_s − r_t what is to be taken away.

    frame = w·render(sharp) + (1 − w)·missing_blur(photo)      w rises from 0 at d = 0 to 1 at d = FEATHER

in linear light. d of a pixel is also that of a nearer surface whose blur reaches it in the photo: where a near subject
gets sharper, its halo on what lies behind has to go, too. From there w falls over the blur that is added, which would
carry the halo farther.
Pixels that are in focus in both, with nothing blurred around them, stay the photo's bit for bit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from pipelines.refocus.blur_reach import BlurReach
from pipelines.refocus.missing_blur import missing_blur, missing_radius_px
from pipelines.refocus.ramp import ramp
from pipelines.refocus.sharpening import SHARP_RADIUS_PX
from simulator import Scene, ThinLens
from simulator.layers.morphology import dilate

FEATHER_PX, RELATIVE_FEATHER = 1.0, 0.25  # FEATHER is the larger of 1 px and a quarter of r_s
SEAM_PX = 2.0  # least width over which w falls
SURROUNDINGS_PX = 3
BATCH_BYTES = 256 << 20
"""Frames of a focus sweep that are rendered together."""


@dataclass(frozen=True, eq=False)
class Composition:
    """A photo and its all-in-focus picture `sharp`, linear light [3, H, W]; lens None: both are the same."""

    photo: Float[Tensor, "3 h w"]
    disparity: Float[Tensor, "h w"]
    lens: ThinLens | None
    sharp: Float[Tensor, "3 h w"]

    def frames(self, lenses: Sequence[ThinLens]) -> Iterator[Float[Tensor, "3 h w"]]:
        """One frame per lens, linear light. Scene and spectra are shared by all of them."""
        largest = max(float(lens.defocus_px(self.disparity).abs().max()) for lens in lenses)
        scene = Scene.from_rgbd(self.sharp, self.disparity, max_radius_px=largest)
        count = max(1, BATCH_BYTES // (4 * self.sharp.numel()))
        for start in range(0, len(lenses), count):
            batch = lenses[start : start + count]
            for lens, rendered in zip(batch, scene.render(batch), strict=True):
                yield self._blended(lens, rendered)

    def _blended(self, asked: ThinLens, rendered: Tensor) -> Tensor:
        if self.lens is not None:
            w = self.sharpened_share(asked)  # [H, W]
            blurred = missing_blur(self.photo, self.disparity, self.lens, asked)  # [3, H, W]
            rendered = torch.lerp(blurred, rendered, w)
        return torch.where(self._is_untouched(asked), self.photo, rendered)

    def _is_untouched(self, asked: ThinLens) -> Tensor:
        """[H, W]: sharp in the photo, and in the frame for SURROUNDINGS_PX around; no blur reaches it in either."""
        asked_px = asked.defocus_px(self.disparity)
        radius = BlurReach.of(self.disparity, asked_px).greatest(asked_px.abs())
        is_sharp = dilate(radius, SURROUNDINGS_PX) < SHARP_RADIUS_PX
        if self.lens is None:
            return is_sharp
        return is_sharp & (self._reach.greatest(self.lens.defocus_px(self.disparity).abs()) < SHARP_RADIUS_PX)

    def sharpened_share(self, asked: ThinLens) -> Float[Tensor, "h w"]:
        """w: 1 where the frame comes from the sharpened picture, 0 where from the photo."""
        assert self.lens is not None
        r_s, r_t = self.lens.defocus_px(self.disparity).abs(), asked.defocus_px(self.disparity).abs()
        feather = (RELATIVE_FEATHER * r_s).clamp(min=FEATHER_PX)
        to_take = (r_s - r_t) / feather  # [H, W]
        w = ramp(self._reach.greatest(to_take), 0.0, 1.0)
        outside = (w < 0.99).cpu().numpy().astype(np.uint8)
        if outside.all():
            return w
        distance = torch.from_numpy(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)).to(w.device)
        added_px = missing_radius_px(self.disparity, self.lens, asked)
        return torch.maximum(w, 1.0 - ramp(distance, 0.5 * added_px, added_px + SEAM_PX))

    @cached_property
    def _reach(self) -> BlurReach:
        assert self.lens is not None
        return BlurReach.of(self.disparity, self.lens.defocus_px(self.disparity))
