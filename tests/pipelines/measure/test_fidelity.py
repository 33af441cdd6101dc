"""Picture errors, whole and by region, on pictures whose errors are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipelines.measure.fidelity import PSNR_LIMIT_DB, fidelity, fidelity_by_region
from pipelines.measure.regions import regions, silhouette_band
from tests.pipelines.measure.pictures import texture


def test_equal_pictures_score_what_8_bits_allow() -> None:
    score = fidelity(texture(), texture())
    assert (score.psnr, score.mae, score.share) == (PSNR_LIMIT_DB, 0.0, 1.0)
    assert score.ssim == pytest.approx(1.0)


def test_a_constant_error_has_the_psnr_and_mae_of_its_size() -> None:
    truth = np.full((40, 50, 3), 100, np.uint8)
    score = fidelity(truth + 10, truth)
    assert score.psnr == pytest.approx(20 * math.log10(25.5))
    assert score.mae == pytest.approx(10 / 255)


def test_an_error_counts_only_where_it_lies() -> None:
    truth = texture()
    spoilt, left = truth.copy(), np.zeros(truth.shape[:2], np.bool_)
    left[:, :50] = True
    spoilt[:, :50] //= 2
    wrong, right = fidelity(spoilt, truth, left), fidelity(spoilt, truth, ~left)
    assert wrong.psnr < 20
    assert right.psnr == PSNR_LIMIT_DB
    assert wrong.ssim < 0.9 < right.ssim
    assert wrong.share + right.share == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((4, 5), np.uint8), r"prediction must be uint8 \[H, W, 3\], got uint8 \[4, 5\]"),
        (np.zeros((40, 50, 3), np.float32), r"prediction must be uint8 \[H, W, 3\], got float32"),
        (np.zeros((40, 51, 3), np.uint8), "prediction must be 50 x 40 like the truth, got 51 x 40"),
    ],
)
def test_other_pictures_are_refused(picture: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fidelity(picture, np.zeros((40, 50, 3), np.uint8))


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="mask must hold at least one pixel"):
        fidelity(texture(), texture(), np.zeros(texture().shape[:2], np.bool_))


def step(near_px: float, far_px: float) -> np.ndarray:
    """Signed radii: far on the left, near from column 60 on."""
    defocus = np.full((80, 120), far_px)
    defocus[:, 60:] = near_px
    return defocus


def test_the_band_reaches_as_far_as_the_larger_radius() -> None:
    band = silhouette_band(step(near_px=8.0, far_px=0.0))
    columns = np.flatnonzero(band[40])
    # the pixels beside the step are 59 and 60; from them 8 + 1 pixels
    assert (columns.min(), columns.max()) == (50, 69)
    assert (band == band[40]).all()


def test_a_slope_is_no_silhouette() -> None:
    defocus = np.broadcast_to(np.linspace(-20, 20, 120), (80, 120))
    assert not silhouette_band(defocus).any()


def test_regions_are_all_pixels_once_each() -> None:
    masks = regions(step(near_px=8.0, far_px=0.5))
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()
    assert masks["in_focus"][40, 10]
    assert masks["defocused"][40, 110]
    assert masks["silhouette"][40, 60]


def test_scores_are_split_by_region_and_small_regions_left_out() -> None:
    truth = texture()
    spoilt = truth.copy()
    spoilt[:, 75:] //= 2
    scores = fidelity_by_region(spoilt, truth, step(near_px=8.0, far_px=0.5))
    assert scores["in_focus"].psnr == scores["silhouette"].psnr == PSNR_LIMIT_DB
    assert scores["defocused"].psnr < 20
    assert scores["all"].psnr < scores["in_focus"].psnr
    assert set(fidelity_by_region(truth, truth, np.zeros((80, 120)))) == {"all", "in_focus"}
