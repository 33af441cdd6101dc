"""What sharpening takes back of the loss from degraded depth, on stored path-traced truth; and the table of it."""

from __future__ import annotations

import pytest
import torch

from pipelines.validate.degraded_depth import DegradedDepth, degraded_depth, markdown, mean, to_json
from pipelines.validate.references import STORED_FOLDER, load
from pipelines.validate.table import errors_of
from simulator import render_stack

FOLDER = STORED_FOLDER / "photo"

# dB that sharpening gains: 4.35, 2.99 and 1.82 measured 2026-11-30, less 0.2 for other transforms and machines. (The
# share of the loss would fall whenever frames from exact depth get better.) These references are 144 px wide, so that
# depth soft by 2 px is as soft as 7 px at 480: what is gained here is less than in docs/renderer.md.
GAINED = {"cutouts": 4.15, "ground": 2.79, "portrait": 1.62}

ROWS = (DegradedDepth("a", 40.0, 30.0, 36.0), DegradedDepth("b", 42.0, 38.0, 39.0))


@pytest.mark.parametrize("name", sorted(GAINED))
def test_sharpening_recovers_what_was_measured(name: str) -> None:
    reference = load(FOLDER / f"{name}.npz")
    image, disparity = torch.from_numpy(reference.aif), torch.from_numpy(reference.disparity)
    exact = errors_of(reference, "ours", render_stack(image, disparity, reference.lenses)).mean_psnr
    row = degraded_depth(reference, exact)
    assert row.exact > row.degraded + 2.0  # degrading costs something
    assert row.sharpened - row.degraded >= GAINED[name]


def test_shares_are_of_the_loss() -> None:
    assert [row.recovered_share for row in ROWS] == pytest.approx([0.6, 0.25])
    assert mean(ROWS).recovered_share == pytest.approx((37.5 - 34.0) / (41.0 - 34.0))
    assert DegradedDepth("flat", 40.0, 40.0, 40.0).recovered_share == 0.0


def test_the_table_has_a_line_a_scene_and_the_mean() -> None:
    assert markdown(ROWS).splitlines() == [
        "| degraded depth | exact    | degraded | degraded + sharpened | recovered share |",
        "|----------------|----------|----------|----------------------|-----------------|",
        "| a              | 40.0     | 30.0     | 36.0                 | 60 %            |",
        "| b              | 42.0     | 38.0     | 39.0                 | 25 %            |",
        "| **mean**       | **41.0** | **34.0** | **37.5**             | **50 %**        |",
    ]


def test_json_says_how_depth_was_degraded() -> None:
    found = to_json(ROWS)
    assert (found["softness_px"], found["shift_px"]) == (2.0, 1.0)
    assert found["scenes"] == {
        "a": {"exact": 40.0, "degraded": 30.0, "sharpened": 36.0, "recovered_share": pytest.approx(0.6)},
        "b": {"exact": 42.0, "degraded": 38.0, "sharpened": 39.0, "recovered_share": pytest.approx(0.25)},
    }
