"""Stacks whose labels are wrong, for studies of what that does: frames stand at each other's planes."""

import zlib

import numpy as np


def labeled_pictures(key: str, *, levels: int, planes: int, mislabeled: float) -> list[int]:
    """The frame that stands at each label, level-major: its own, or in a share of the groups another plane's.

    The same for every epoch and run; in a mislabeled group no frame stands at its own label.
    """
    groups = np.arange(levels * planes).reshape(levels, planes)
    for number, group in enumerate(groups):
        rng = np.random.default_rng([zlib.crc32(key.encode()), number])
        if rng.random() < mislabeled:
            group[:] = np.roll(group, rng.integers(1, planes))
    return [int(frame) for frame in groups.flat]
