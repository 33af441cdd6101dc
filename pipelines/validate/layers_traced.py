"""An independent check of the exact renderer: the layers of a built-in scene as triangles before a real thin lens.

A scene is drawn several times larger than the frame. Each of its pixels that is covered at least half becomes a small
opaque square in space, placed and tilted by its disparity, and Mitsuba traces the squares. The frame's own layers are
block means of the same pixels. So both pictures show the same world, and share no code beyond its drawing.

Letters: D disparity, here 1/z; f focal length in pixels; m times larger.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pipelines.validate.meshes import Mesh
from pipelines.validate.metrics import interior, psnr
from pipelines.validate.path_trace import Camera, Tracer
from pipelines.validate.surfaces import ReferenceScene, Surface
from simulator.gather import gather
from simulator.ldi import LayeredDepthImage
from simulator.lens import ThinLens
from simulator.procedural import KINDS, builtin_scene

ENLARGED = 5  # odd: a pixel has a middle
_LEAST_DISPARITY = 1e-3  # surfaces at infinity are put far away
_FRAMES = ((0.25, 6.0), (0.75, 6.0), (0.5, 16.0), (0.95, 16.0))  # D_f; K in percent of the width


@dataclass(frozen=True)
class TracedFrame:
    """One frame [3, H, W] of a built-in scene, traced and gathered; noise_psnr is the traced frame's own, in dB."""

    kind: str
    seed: int
    lens: ThinLens
    traced: Tensor
    gathered: Tensor
    noise_psnr: float

    def report(self) -> dict[str, float | str]:
        """PSNR of display values in dB, of the interior and of the whole frame."""
        border = self.lens.blur_scale_px * max(self.lens.focus_disparity, 1.0 - self.lens.focus_disparity)
        inside = [interior(picture, border) for picture in (self.gathered, self.traced)]
        return {
            "kind": self.kind,
            "seed": self.seed,
            "focus_disparity": self.lens.focus_disparity,
            "blur_scale_px": self.lens.blur_scale_px,
            "psnr": psnr(*inside),
            "whole_psnr": psnr(self.gathered, self.traced),
            "noise_psnr": self.noise_psnr,
        }


def traced_builtin(kind: str, seed: int, lenses: Sequence[ThinLens], camera: Camera, samples: int) -> list[TracedFrame]:
    """A built-in scene through each lens (blur scale in pixels of the frame), with `samples` traced rays a pixel."""
    margin = 8 + int(max(lens.blur_scale_px for lens in lenses))
    large = builtin_scene(
        seed,
        height=camera.height * ENLARGED,
        width=camera.width * ENLARGED,
        kind=kind,
        margin_px=margin * ENLARGED,
    ).layers
    large = LayeredDepthImage(large.color, (large.coverage >= 0.5).float(), large.disparity, large.margin_px)
    frames = gather(block_means(large, ENLARGED), lenses)
    tracer = Tracer(as_squares(large, camera, f"{kind}-{seed}"), camera)
    result = []
    for lens, gathered in zip(lenses, frames, strict=True):
        halves = [torch.from_numpy(tracer.picture(lens, samples // 2, seed=k)) for k in (1, 2)]
        noise = psnr(*halves) + 6.02  # their mean has a quarter of the variance of their difference
        result.append(TracedFrame(kind, seed, lens, (halves[0] + halves[1]) / 2, gathered, noise))
    return result


def block_means(layers: LayeredDepthImage, m: int) -> LayeredDepthImage:
    """The same surfaces at 1/m of the size: means over blocks, of colour over what is covered; disparity at the middle.

    Where the middle is not covered, disparity is the mean over what is.
    """
    coverage = layers.coverage[:, None]  # [N, 1, H, W]
    weight = coverage + 1e-6  # where nothing is covered, the mean of all
    share = F.avg_pool2d(weight, m)
    color = F.avg_pool2d(layers.color * weight, m) / share
    disparity = F.avg_pool2d(layers.disparity[:, None] * weight, m) / share
    middle = (slice(None), slice(m // 2, None, m), slice(m // 2, None, m))
    disparity = torch.where(layers.coverage[middle] > 0, layers.disparity[middle], disparity[:, 0])[:, None]
    return LayeredDepthImage(color, F.avg_pool2d(coverage, m)[:, 0], disparity[:, 0], layers.margin_px // m)


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
    faces = np.concatenate([first + [0, 1, 2], first + [0, 2, 3]])
    mesh = Mesh(vertices.reshape(-1, 3).numpy(), uv.reshape(-1, 2).numpy(), faces).facing_camera()
    return Surface(mesh, _radiance(layers.color[i]), stepped=True)


def _radiance(color: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(color.permute(1, 2, 0).numpy(), dtype=np.float32)


def _slope(disparity: Tensor, covered: Tensor, dim: int) -> Tensor:
    """Change of D a pixel: the gentler of both sides where both are covered, else the one that is; 0 without any."""
    before, after = (torch.zeros_like(disparity, dtype=torch.float64) for _ in range(2))
    has_before, has_after = torch.zeros_like(covered), torch.zeros_like(covered)
    n = disparity.shape[dim]
    step = disparity.double().diff(dim=dim)
    both = covered.narrow(dim, 1, n - 1) & covered.narrow(dim, 0, n - 1)
    before.narrow(dim, 1, n - 1).copy_(step)
    after.narrow(dim, 0, n - 1).copy_(step)
    has_before.narrow(dim, 1, n - 1).copy_(both)
    has_after.narrow(dim, 0, n - 1).copy_(both)
    gentler = torch.where(before.abs() < after.abs(), before, after)
    one = torch.where(has_before, before, after * has_after)
    return torch.where(has_before & has_after, gentler, one)


def main(arguments: list[str] | None = None) -> None:
    """One JSON line a frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--samples", type=int, default=1024)
    options = parser.parse_args(arguments)
    camera = Camera(options.width * 2 // 3, options.width)
    lenses = [ThinLens(focus, percent * options.width / 100) for focus, percent in _FRAMES]
    for kind in options.kinds:
        for frame in traced_builtin(kind, options.seed, lenses, camera, options.samples):
            print(json.dumps(frame.report()), flush=True)


if __name__ == "__main__":
    main()
