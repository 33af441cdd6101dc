"""Stored disparity as text that a page decodes to the same 16 bits, without a canvas and its color management.

Each code less its left neighbor (the first of a row: less the one above), modulo 2^16; first all high bytes, then all
low bytes; zlib; base64. `page/js/disparity.js` reads it. Differences of smooth maps are small, so high bytes are mostly
0 or 255.
"""

import base64
import zlib

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint16]


def packed(codes: Codes) -> str:
    """Codes [H, W] as base64."""
    differences = codes.copy()
    differences[:, 1:] -= codes[:, :-1]  # uint16 wraps around
    differences[1:, 0] -= codes[:-1, 0]
    planes = np.stack([differences >> 8, differences & 0xFF]).astype(np.uint8)
    return base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode("ascii")


def thinned(codes: Codes, stride: int) -> Codes:
    """Every `stride`-th code from the middle of its block, untouched: a mean would invent depths at edges."""
    return codes[stride // 2 :: stride, stride // 2 :: stride] if stride > 1 else codes
