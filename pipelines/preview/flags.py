"""Flags of unusual samples, to filter by, from labels and stored disparity.

Letters: D_f the planes in focus, K the blur scale, r = K·|D − D_f| the blur radius in pixels.
"""

from itertools import pairwise

import numpy as np

from shards.labels import FrameLabels
from shards.record import SampleRecord
from shards.sample import Sample

HARDLY_BLURRED = 0.9
"""Share of the picture in focus from which a frame shows no blur to learn from."""
HARDLY_FOCUSED = 0.002
CLOSE_PX = 0.25
"""Planes whose blur differs by less than this, at the strongest level, give frames that look alike."""
BANDS = 256
"""Fewer depths than this come from an 8-bit map."""

MEANINGS = {
    "hardly blurred": f"a frame with at least {100 * HARDLY_BLURRED:.0f} % of its pixels in focus",
    "hardly focused": f"a frame with less than {100 * HARDLY_FOCUSED:.1f} % of its pixels in focus",
    "close planes": f"two planes whose blur differs by less than {CLOSE_PX:g} px at the strongest level",
    "banded depth": f"fewer than {BANDS} different depths",
    "debanded depth": "the steps of a depth map of 8 bits or fewer were smoothed",
    "sharpened depth": "depth edges were sharpened to the photo's edges",
    "damaged": "verify reports damage",
    "audit": "among the worst of a label check that failed",
}


def label_flags(record: SampleRecord) -> list[str]:
    """Flags that follow from the labels alone."""
    holds = {
        "hardly blurred": any(frame.in_focus_fraction >= HARDLY_BLURRED for frame in record.frames),
        "hardly focused": any(frame.in_focus_fraction < HARDLY_FOCUSED for frame in record.frames),
        "close planes": closest_planes_px(record.frames, record.planes) < CLOSE_PX,
        "debanded depth": record.disparity.steps == "debanded",
        "sharpened depth": record.disparity.edges == "sharpened",
    }
    return [flag for flag, is_so in holds.items() if is_so]


def pixel_flags(sample: Sample) -> list[str]:
    """Flags that need the stored disparity."""
    return ["banded depth"] if len(np.unique(sample.disparity)) < BANDS else []


def closest_planes_px(frames: tuple[FrameLabels, ...], planes: int) -> float:
    """K·|D_f − D_f'| of the two nearest planes of the strongest level: how far apart in blur they ever get."""
    strongest = max(
        (frames[start : start + planes] for start in range(0, len(frames), planes)), key=lambda g: g[0].blur_scale_px
    )
    places = sorted(frame.focus_disparity for frame in strongest)
    return strongest[0].blur_scale_px * min(b - a for a, b in pairwise(places))
