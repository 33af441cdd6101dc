from __future__ import annotations

from typing import Any

import pytest

from pipelines.bench.config import BenchConfig
from pipelines.errors import UserError


def test_what_is_not_said_hangs_on_quick() -> None:
    full, quick = BenchConfig(), BenchConfig(quick=True)
    assert (full.chosen_sizes, full.chosen_radii, full.chosen_repeats) == ((512, 1024), (8, 16, 32, 64), 5)
    assert max(quick.chosen_sizes) < min(full.chosen_sizes)
    assert BenchConfig(quick=True, sizes=(96, 64, 96), radii=(4,), repeats=2).chosen_sizes == (64, 96)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"threads": 0}, "--threads must be at least 1; got 0"),
        ({"repeats": 0}, "--repeats must be at least 1; got 0"),
        ({"sizes": (512, 8)}, "--sizes must lie between 32 and 8192 px"),
        ({"radii": (0,)}, "--radii must lie between 1 and 256 px"),
        ({"parts": ()}, "--parts must name some of renderer pipeline feeding reader"),
    ],
)
def test_a_flag_that_cannot_be_is_named(flags: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        BenchConfig(**flags)
