"""What the page does with packed disparity, in numpy."""

import base64
import zlib

import numpy as np

from pipelines.preview.disparity_code import Codes


def unpacked(text: str, height: int, width: int) -> Codes:
    """Codes [H, W]: the other direction of `packed`, exactly."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(2, height, width)
    codes = planes[0].astype(np.uint16) << 8 | planes[1]
    codes[:, 0] = np.cumsum(codes[:, 0], dtype=np.uint16)
    return np.cumsum(codes, axis=1, dtype=np.uint16)
