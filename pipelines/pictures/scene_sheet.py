"""Contact sheet of built-in scenes and their disparity: python -m pipelines.pictures.scene_sheet docs/scenes.jpg"""

from pathlib import Path

import numpy as np
import tyro
from PIL import Image
from tyro.conf import Positional

from pipelines.pictures.srgb8 import to_srgb8
from simulator.scenes.catalog import builtin_scene
from simulator.scenes.format import frame_size


def scene_sheet(first: int, rows: int, columns: int, long_side: int) -> Image.Image:
    """Seeds from `first` on, row by row; a cell holds picture and disparity, long_side pixels high."""
    sheet = Image.new("RGB", (2 * columns * long_side, rows * long_side), "white")
    for number in range(rows * columns):
        height, width = frame_size(first + number, long_side)
        image, disparity = builtin_scene(first + number, height=height, width=width).layers.photo()
        gray = (disparity.clamp(0.0, 1.0) * 255).byte().numpy()
        left, top = 2 * long_side * (number % columns), long_side * (number // columns)
        for side, pixels in enumerate((to_srgb8(image[None])[0], np.stack([gray] * 3, axis=-1))):
            place = (left + side * width + (long_side - width), top + (long_side - height) // 2)
            sheet.paste(Image.fromarray(pixels), place)
    return sheet


def main(path: Positional[Path], first: int = 40, rows: int = 5, columns: int = 4, long_side: int = 180) -> None:
    """Draw the sheet."""
    scene_sheet(first, rows, columns, long_side).save(path, quality=80)


if __name__ == "__main__":
    tyro.cli(main)
