"""Formats of pictures: width to height of built-in scenes."""

from zlib import crc32

from simulator.scenes.rng import Rng

_FORMATS = (  # width and height, as often as each is drawn of a hundred times
    *(*[(3, 2)] * 30, *[(4, 3)] * 15, *[(16, 9)] * 15, *[(1, 1)] * 15),
    *(*[(2, 3)] * 12, *[(3, 4)] * 9, *[(9, 16)] * 4),
)


def frame_size(seed: int, long_side: int) -> tuple[int, int]:
    """Height and width, in pixels, of the scene `seed`: 60 % landscape, 15 % square, 25 % portrait."""
    width, height = Rng(seed, crc32(b"format")).choice(_FORMATS)
    longer = max(width, height)
    return round(long_side * height / longer), round(long_side * width / longer)
