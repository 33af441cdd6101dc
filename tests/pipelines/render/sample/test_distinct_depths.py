from __future__ import annotations

import numpy as np
import pytest

from pipelines.render.sample.distinct_depths import DistinctDepths


@pytest.mark.parametrize("levels", [1, 2, 17, 3000])
@pytest.mark.parametrize("percent", [0, 5, 50, 95, 100])
def test_statistics_are_those_of_the_pixels(levels: int, percent: float) -> None:
    pixels = (np.random.default_rng(levels).integers(0, levels, (33, 41)) / 4096).astype(np.float32)
    depths = DistinctDepths.of(pixels)
    radius, of_pixels = (7.3 * np.abs(values.astype(np.float64) - 0.21) for values in (depths.values, pixels))
    assert depths.percentile(radius, percent) == np.percentile(of_pixels, percent)  # bit for bit: it is a label
    assert depths.share(radius <= 1.0) == (of_pixels <= 1.0).mean()
