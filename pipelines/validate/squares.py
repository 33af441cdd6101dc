"""The layers of a built-in scene as small opaque squares in space: the same world for gather and path tracer.

A scene is drawn several times larger than the frame. Each of its pixels that is covered at least half becomes an opaque
square, placed and tilted by its disparity, of one color, for Mitsuba to trace. The frame's own layers are block means
of the same pixels. So both show the same world, and share no code beyond its drawing.

Letters: D disparity, here 1/z; f focal length in pixels; m times larger.
"""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.validate.meshes import Mesh
from pipelines.validate.path_trace import Camera
from pipelines.validate.surfaces import ReferenceScene, Surface
from simulator.layers.ldi import LayeredDepthImage
from simulator.scenes.catalog import builtin_scene

ENLARGED = 5  # odd: a pixel has a middle
_LEAST_DISPARITY = 1e-3  # surfaces at infinity are put far away


def enlarged_scene(kind: str, seed: int, camera: Camera, margin_px: int) -> LayeredDepthImage:
    """A built-in scene m times larger than the frame, each pixel of a layer covered whole or not at all."""
    size = {"height": camera.height * ENLARGED, "width": camera.width * ENLARGED, "margin_px": margin_px * ENLARGED}
    large = builtin_scene(seed, kind=kind, **size).layers
    return replace(large, coverage=(large.coverage >= 0.5).float())


def block_means(layers: LayeredDepthImage, m: int = ENLARGED) -> LayeredDepthImage:
    """The same surfaces at 1/m of the size: means over blocks, of color over what is covered; disparity at the middle.

    Where the middle is not covered, disparity is the mean over what is; where nothing is, all is 0.
    """
    coverage = layers.coverage[:, None]  # [N, 1, H, W]
    weight = coverage + 1e-6  # where nothing is covered, the mean of all
    share = F.avg_pool2d(weight, m)
    color = F.avg_pool2d(layers.color * weight, m) / share
    disparity = F.avg_pool2d(layers.disparity[:, None] * weight, m) / share
    middle = (slice(None), slice(m // 2, None, m), slice(m // 2, None, m))
    disparity = torch.where(layers.coverage[middle] > 0, layers.disparity[middle], disparity[:, 0])[:, None]
    share = F.avg_pool2d(coverage, m)
    covered = (share > 0).to(share.dtype)
    return LayeredDepthImage(color * covered, share[:, 0], (disparity * covered)[:, 0], layers.margin_px // m)


def as_squares(layers: LayeredDepthImage, camera: Camera, name: str) -> ReferenceScene:
    """Every covered pixel of every surface as a square in space, D = 1/z."""
    used = [i for i in range(len(layers.color)) if bool(layers.coverage[i].any())]
    surfaces = tuple(_squares(layers, i, camera) for i in used)
    return ReferenceScene(name, 0, surfaces, (1.0, 2.0, 3.0))


def _squares(layers: LayeredDepthImage, i: int, camera: Camera) -> Surface:
    covered = layers.coverage[i] > 0
    disparity = layers.disparity[i]
    down, across = _slope(disparity, covered, 0), _slope(disparity, covered, 1)
    row, column = covered.nonzero(as_tuple=True)  # [P]
    corner_y, corner_x = torch.tensor([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]]).double().T  # [4] each
    at = disparity[covered].double()[:, None] + down[covered][:, None] * corner_y + across[covered][:, None] * corner_x
    z = 1.0 / at.clamp(min=_LEAST_DISPARITY)  # [P, 4]
    rows, columns = covered.shape
    y, x = row[:, None] + 0.5 + corner_y, column[:, None] + 0.5 + corner_x  # [P, 4] in pixels of the canvas
    f = camera.focal_length_px * ENLARGED
    vertices = torch.stack([(x - columns / 2) / f * z, -(y - rows / 2) / f * z, z], dim=-1)  # [P, 4, 3]
    uv = torch.stack([x / columns, y / rows], dim=-1)
    first = 4 * np.arange(len(row))[:, None]
    faces = np.concatenate([first + np.array(triangle) for triangle in ([0, 1, 2], [0, 2, 3])])
    mesh = Mesh(vertices.reshape(-1, 3).numpy(), uv.reshape(-1, 2).numpy(), faces).facing_camera()
    radiance = np.ascontiguousarray(layers.color[i].permute(1, 2, 0).numpy(), dtype=np.float32)
    return Surface(mesh, radiance, stepped=True)


def _slope(disparity: Tensor, covered: Tensor, dim: int) -> Tensor:
    """Change of D a pixel: the gentler of both sides where both are covered, else the one that is; 0 without any."""
    n = disparity.shape[dim]
    step = disparity.double().diff(dim=dim)
    both = covered.narrow(dim, 1, n - 1) & covered.narrow(dim, 0, n - 1)
    first, last = ((0, 0, 1, 0), (0, 0, 0, 1)) if dim == 0 else ((1, 0), (0, 1))  # pixels without that neighbor
    before, after, has_before, has_after = F.pad(step, first), F.pad(step, last), F.pad(both, first), F.pad(both, last)
    gentler = torch.where(before.abs() < after.abs(), before, after)
    one = torch.where(has_before, before, after * has_after)
    return torch.where(has_before & has_after, gentler, one)
