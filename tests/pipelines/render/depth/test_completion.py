"""Filling of unknown disparity: exact where it follows from the surroundings, and from the right side of an edge."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipelines.render.depth.completion import completed

HEIGHT, WIDTH, EDGE = 60, 80, 40


def colors(near: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A rough orange thing before a rough blue wall."""
    rough = np.random.default_rng(0).uniform(0.9, 1.1, (HEIGHT, WIDTH, 1))
    return (np.where(near[..., None], [200, 110, 50], [60, 110, 160]) * rough).astype(np.uint8)


def right_half() -> NDArray[np.bool_]:
    return np.broadcast_to(np.arange(WIDTH) >= EDGE, (HEIGHT, WIDTH))


def two_sides() -> NDArray[np.float32]:
    return np.where(right_half(), 0.9, 0.2).astype(np.float32)


def hole(rows: slice, columns: slice) -> NDArray[np.bool_]:
    known = np.ones((HEIGHT, WIDTH), np.bool_)
    known[rows, columns] = False
    return known


def test_a_complete_map_is_the_very_same() -> None:
    disparity = two_sides()
    assert completed(disparity, np.ones_like(disparity, np.bool_), colors(right_half())) is disparity


def test_a_hole_across_an_outline_is_filled_up_to_the_outline_from_either_side() -> None:
    truth = two_sides()
    known = hole(slice(15, 45), slice(25, 60))
    found = completed(np.where(known, truth, 7.0).astype(np.float32), known, colors(right_half()))
    np.testing.assert_allclose(found, truth, atol=1e-5)


def test_a_hole_in_a_slope_is_the_slope() -> None:
    """Nearest pixels alone would leave a step in its middle; the Laplace equation has the slope for its solution."""
    slope = np.broadcast_to(np.linspace(0.2, 0.3, WIDTH, dtype=np.float32), (HEIGHT, WIDTH)).copy()
    slope[:5] = 0.9
    known = hole(slice(25, 35), slice(50, 60))
    gray = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    found = completed(np.where(known, slope, 0.0).astype(np.float32), known, gray)
    np.testing.assert_allclose(found, slope, atol=1e-4)


def test_without_contrast_the_far_side_gets_the_hole() -> None:
    """An occlusion of a stereo pair lies beside a silhouette and belongs to the background."""
    truth = two_sides()
    known = hole(slice(10, 50), slice(EDGE - 5, EDGE))
    found = completed(truth, known, np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    np.testing.assert_allclose(found[20:40, EDGE - 5 : EDGE], 0.2, atol=1e-5)


def test_values_stay_within_those_that_are_known() -> None:
    generator = np.random.default_rng(1)
    disparity = generator.uniform(1, 3, (HEIGHT, WIDTH)).astype(np.float32)
    known = generator.random((HEIGHT, WIDTH)) < 0.3
    found = completed(np.where(known, disparity, -50.0).astype(np.float32), known, colors(right_half()))
    np.testing.assert_array_equal(found[known], disparity[known])
    assert disparity[known].min() <= found.min() <= found.max() <= disparity[known].max()


def test_nothing_to_fill_from_is_an_error() -> None:
    with pytest.raises(ValueError, match="known must hold a pixel"):
        completed(two_sides(), np.zeros((HEIGHT, WIDTH), np.bool_), colors(right_half()))
