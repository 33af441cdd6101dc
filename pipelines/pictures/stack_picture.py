"""The picture at the top of the README: a built-in scene all in focus, then focused near, in the middle and far.

python -m pipelines.pictures.stack_picture docs/stack.jpg
"""

import cv2
import numpy as np
import torch
import tyro
from tyro.conf import Positional

from pipelines.pictures.srgb8 import to_srgb8
from simulator import Scene, ThinLens
from simulator.scenes.catalog import builtin_scene

HEIGHT, WIDTH, GAP_PX = 352, 528, 8
BLUR_LEVEL = 4.0


def stack_picture(seed: int, kind: str, focus: tuple[float, ...]) -> np.ndarray:
    """Two by two pictures, [H, W, 3] 8-bit sRGB."""
    margin_px = round(1.2 * BLUR_LEVEL / 100 * WIDTH)  # surfaces reach a little nearer than disparity 1
    layers = builtin_scene(seed, height=HEIGHT, width=WIDTH, kind=kind, margin_px=margin_px).layers
    lenses = [ThinLens.from_blur_level(disparity, BLUR_LEVEL, WIDTH) for disparity in focus]
    frames = Scene.from_layers(layers, max_radius_px=float(margin_px)).render(lenses)
    photos = torch.cat([layers.photo()[0][None], frames])
    srgb = to_srgb8(photos)
    framed = np.pad(srgb, ((0, 0), (0, GAP_PX), (0, GAP_PX), (0, 0)), constant_values=255)
    rows = [np.concatenate(framed[i : i + 2], axis=1) for i in (0, 2)]
    return np.concatenate(rows)[:-GAP_PX, :-GAP_PX]


def main(
    path: Positional[str], seed: int = 1, kind: str = "market", focus: tuple[float, float, float] = (0.72, 0.35, 0.04)
) -> None:
    """Draw the README's picture; focus: disparities near, middle, far."""
    cv2.imwrite(path, stack_picture(seed, kind, focus)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    tyro.cli(main)
