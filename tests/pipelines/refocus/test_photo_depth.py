"""Depth for one photo: what is made up comes as it is, and is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.refocus.config import RefocusConfig
from pipelines.refocus.photo_depth import depth_of
from pipelines.render.depth.synthetic import synthetic_disparity
from tests.pipelines.render.photos.photo_examples import photo_at


@pytest.mark.parametrize("shape", ["flat", "gradient", "center"])
def test_synthetic_depth_needs_no_leave_for_one_photo(shape: str) -> None:
    config = RefocusConfig(Path("a.jpg"), 3.0, depth=shape, offline=True)
    disparity, source = depth_of(photo_at(Path("/a.jpg"), 96, 128), config, "cpu")
    assert source == f"synthetic:{shape}"
    assert disparity is not None
    assert np.array_equal(disparity, synthetic_disparity(shape, 96, 128))
