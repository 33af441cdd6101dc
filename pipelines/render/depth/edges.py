"""A photo's disparity map with its soft edges moved to the photo's, where the map comes from a network or a file.

Built-in scenes never come by here: their disparity is exact.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.photos.photo import Photo
from simulator.layers.edges import sharpened
from simulator.optics.color import srgb_to_linear


def with_sharp_edges(disparity: DisparityMap, photo: Photo) -> DisparityMap:
    """The map [H, W] as the photo [H, W, 3] shows its silhouettes; the very same record where nothing is to be done.

    On the CPU whatever renders: sums on a GPU may come out in another order, and a pixel on the fence would fall to
    the other side.
    """
    image = srgb_to_linear(torch.from_numpy(photo.srgb).permute(2, 0, 1).float() / 255)  # [3, H, W]
    came = torch.from_numpy(disparity.values)
    result = sharpened(came, image)
    return disparity if torch.equal(result, came) else replace(disparity, values=result.numpy(), edges="sharpened")
