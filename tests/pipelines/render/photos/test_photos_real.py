"""Three real photos with 16-bit disparity, from `$REFOCUS_PHOTOS` or `../shared/photos` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.render.config import DepthConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.estimator import check_depth, estimate, open_depth
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.photo import load_photo

FOLDER = Path(os.environ.get("REFOCUS_PHOTOS") or Path(__file__).parents[5] / "shared" / "photos")
NAMES = ["photo_13.jpg", "photo_21.jpg", "photo_3.jpg"]

pytestmark = pytest.mark.skipif(
    not all((FOLDER / name).is_file() for name in NAMES),
    reason=f"the three real photos are not in {FOLDER} and are not part of the repository; set REFOCUS_PHOTOS",
)


def test_three_photos_are_found_and_nothing_else() -> None:
    photos, rejected = find_photos(str(FOLDER), limit=None, seed=0)
    assert [photo.name for photo in photos] == NAMES
    assert rejected == []


@pytest.mark.parametrize("name", NAMES)
def test_a_real_photo_and_its_disparity_come_in_one_size(name: str) -> None:
    source = next(photo for photo in find_photos(str(FOLDER), limit=None, seed=0)[0] if photo.name == name)
    photo = load_photo(source, long_side=256)
    assert max(photo.srgb.shape[:2]) == 256
    assert photo.flags == ()
    assert check_depth(DepthConfig(offline=True), [source])[0].source == "sidecar"
    (disparity,) = estimate(open_depth(DepthConfig("sidecar")), [photo])
    assert isinstance(disparity, DisparityMap)
    assert disparity.values.shape == photo.srgb.shape[:2]
    assert (disparity.kind, disparity.unit, disparity.steps) == ("relative", "1", "as_is")
    # Robustly mapped: both ends are reached, and the photo uses what lies between.
    assert (disparity.values.min(), disparity.values.max()) == (0.0, 1.0)
    assert disparity.values.std() > 0.1
    # Open scenes, all three: the ground at the lower edge is nearer than the sky at the upper.
    assert disparity.values[-20:].mean() > disparity.values[:20].mean()
    assert np.unique(disparity.values).size > 1000
