"""Where the blur of a nearer surface covers what lies behind it.

A surface blurred by r spills r pixels beyond its silhouette, onto pixels whose own radius may be 0. Those pixels hold
blur, too: in a photo focused far, a near subject has a halo of itself around it, which has to go when it is in focus.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

STEP_PX = 1.0
"""A larger difference of signed blur radius between neighbors is a silhouette."""


@dataclass(frozen=True, eq=False)
class BlurReach:
    """Pairs of pixels by number, [N] each: `pixels` that a blur reaches, and the silhouette pixel it comes from."""

    pixels: Tensor
    sources: Tensor

    @classmethod
    def of(cls, disparity: Float[Tensor, "h w"], defocus_px: Float[Tensor, "h w"]) -> "BlurReach":
        """Of a photo with signed blur radii s [H, W]; bigger disparity is nearer."""
        depth, signed_px = disparity.cpu().numpy(), defocus_px.cpu().numpy()
        reach_px = _near_sides(depth, signed_px)  # [H, W]
        pairs = [_reached(depth, reach_px, octave) for octave in _octaves(float(reach_px.max()))]
        pixels, sources = (np.concatenate([pair[k] for pair in pairs] or [np.zeros(0, np.int64)]) for k in (0, 1))
        return cls(torch.from_numpy(pixels).to(disparity.device), torch.from_numpy(sources).to(disparity.device))

    def greatest(self, values: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
        """The largest of a pixel's own value and those of the surfaces whose blur reaches it."""
        flat = values.flatten()
        return flat.scatter_reduce(0, self.pixels, flat[self.sources], "amax").view_as(values)


def _octaves(largest_px: float) -> list[tuple[float, float]]:
    """Ranges of radius: within one, the nearest silhouette decides, and a small blur hides no large one."""
    edges = [1.0]
    while edges[-1] <= largest_px:
        edges.append(2.0 * edges[-1])
    return list(pairwise(edges))


def _near_sides(depth: NDArray[np.float32], signed_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blur radius [H, W] at the near pixel of every silhouette, elsewhere 0."""
    reach = np.zeros_like(signed_px)
    for axis in (0, 1):
        first, second = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        is_step = np.abs(signed_px[first] - signed_px[second]) > STEP_PX
        for near, far in ((first, second), (second, first)):
            radius = np.where(is_step & (depth[near] > depth[far]), np.abs(signed_px[near]), 0.0)
            reach[near] = np.maximum(reach[near], radius)
    return reach


def _reached(
    depth: NDArray[np.float32], reach_px: NDArray[np.float32], octave: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    is_source = (reach_px >= octave[0]) & (reach_px < octave[1])
    numbers = np.flatnonzero(is_source)
    if not len(numbers):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    distance, label = cv2.distanceTransformWithLabels(
        (~is_source).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    number_of_label = np.zeros(int(label.max()) + 1, np.int64)
    number_of_label[label.flat[numbers]] = numbers
    pixels = np.flatnonzero(distance <= octave[1] + 1.0)
    sources = number_of_label[label.flat[pixels]]
    is_covered = (distance.flat[pixels] <= reach_px.flat[sources] + 1.0) & (depth.flat[pixels] < depth.flat[sources])
    return pixels[is_covered], sources[is_covered]
