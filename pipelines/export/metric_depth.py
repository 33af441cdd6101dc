"""Depth in meters of a sample whose disparity is metric."""

import numpy as np
import numpy.typing as npt

from pipelines.export.source import SourceSample


def depth_m(sample: SourceSample) -> npt.NDArray[np.float32]:
    """1 / D [H, W]: infinite where D is 0, NaN where the disparity was not known."""
    with np.errstate(divide="ignore"):
        depth = (1.0 / sample.disparity()).astype(np.float32)
    depth[~sample.valid()] = np.nan
    return depth
