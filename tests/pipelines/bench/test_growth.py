"""Planning, indexing and verifying within bounded memory, measured in a process of their own."""

from __future__ import annotations

from pipelines.bench.growth import StageCost, measured_apart, table

PHOTOS = 10_000


def test_planning_and_indexing_stay_within_a_few_hundred_bytes_a_photo() -> None:
    """Columns of a plan take 150 bytes a photo, and finding near-duplicates a few arrays of 8. The index holds a group
    of 8,192 rows at once, 30 MB, whatever the number of photos, besides what Arrow sets up."""
    peaks = {cost.stage: cost.peak_bytes for cost in measured_apart(PHOTOS)}
    assert peaks["find and read photos"] < 1500 * PHOTOS
    assert peaks["first plan"] < 900 * PHOTOS
    assert peaks["write plan.jsonl"] < 200 * PHOTOS
    assert peaks["resumed run with nothing to do"] < 500 * PHOTOS
    assert peaks["index, manifest, checksums, card"] < 110e6
    assert peaks["verify markers and side files"] < 60e6


def test_the_table_gives_exponents_between_sizes() -> None:
    costs = [StageCost("plan", 1000, 1.0, 2.0, 5_000_000), StageCost("plan", 10_000, 100.0, 200.0, 8_000_000)]
    rows = table(costs).splitlines()
    assert rows[2:] == [
        "| plan | 1000 | 1.00 | 1000.0 | 5 | 5000 |  |",
        "| plan | 10000 | 100.00 | 10000.0 | 8 | 800 | 2.00 |",
    ]
