from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from pipelines.preview.disparity_code import packed, thinned
from tests.pipelines.preview.page_disparity import unpacked


@settings(max_examples=60, deadline=None)
@given(hn.arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_codes_come_back_bit_by_bit(codes: np.ndarray) -> None:
    before = codes.copy()
    assert np.array_equal(unpacked(packed(codes), *codes.shape), codes)
    assert np.array_equal(codes, before)


def test_smooth_maps_become_small() -> None:
    rows, columns = np.mgrid[:200, :300]
    codes = (rows * 150 + columns * 80 + 4000).astype(np.uint16)
    assert len(packed(codes)) < codes.nbytes / 50


@pytest.mark.parametrize(("stride", "first", "shape"), [(1, 0, (7, 10)), (2, 11, (3, 5)), (3, 11, (2, 3))])
def test_thinning_keeps_codes_from_the_middle_of_their_blocks(stride: int, first: int, shape: tuple[int, int]) -> None:
    codes = np.arange(70, dtype=np.uint16).reshape(7, 10)
    kept = thinned(codes, stride)
    assert kept.shape == shape
    assert kept[0, 0] == first
    assert set(kept.ravel()) <= set(codes.ravel())
