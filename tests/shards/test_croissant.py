"""croissant.json before the field's own reader, and the roll-up of licenses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from shards.croissant import CROISSANT_FILE
from shards.index import marked_shards
from shards.licenses import summarize_licenses
from shards.marker import SampleRow, read_marker
from shards.summary import DataSetSummary

mlcroissant = pytest.importorskip("mlcroissant", reason="pip install -e '.[dev]' brings it")
pytestmark = [  # the reader leaves its files open and calls what its own libraries deprecate
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]


def rows_of(out: Path) -> list[SampleRow]:
    return [row for name in marked_shards(out) for row in read_marker(out, name).rows]


def summary_of(*rows: SampleRow) -> DataSetSummary:
    summary = DataSetSummary()
    for row in rows:
        summary.count(row)
    return summary


def test_mlcroissant_finds_nothing_wrong_and_reads_the_manifest(out: Path) -> None:
    described = mlcroissant.Dataset(jsonld=out / CROISSANT_FILE)
    assert not described.metadata.ctx.issues.errors
    records = list(described.records(record_set="samples"))
    rows = rows_of(out)
    assert [record["samples/key"].decode() for record in records] == [row.key for row in rows]
    assert [record["samples/radius_max_px"] for record in records] == [row.radius_max_px for row in rows]


def test_mlcroissant_takes_photos_and_labels_out_of_the_tars(out: Path) -> None:
    described = mlcroissant.Dataset(jsonld=out / CROISSANT_FILE)
    photos = list(described.records(record_set="photos"))
    assert sorted(record["photos/key"].decode() for record in photos) == sorted(row.key for row in rows_of(out))
    sizes = {row.key: (row.width, row.height) for row in rows_of(out)}
    assert all(record["photos/photo"].size == sizes[record["photos/key"].decode()] for record in photos)
    labels = [json.loads(record["labels/json"]) for record in described.records(record_set="labels")]
    assert sorted(label["scene_id"] for label in labels) == sorted(row.scene_id for row in rows_of(out))


@pytest.mark.parametrize(
    ("licenses", "name", "warned"),
    [
        (["CC0-1.0"], "cc0-1.0", []),
        (["CC0-1.0", "MIT"], "other", []),
        (["mine alone"], "other", []),
        (["", "MIT"], "other", ["1 of 2 photos state no license"]),
        (["CC BY-NC 2.0"], "other", ["1 of 1 photos are for non-commercial use only"]),
        (["CC-BY-NC-ND-4.0"], "other", ["allow no derivatives", "are for non-commercial use only"]),
        (["cc_by_sa_4.0", "CC0-1.0"], "other", ["1 of 2 photos ask for the same license"]),
        (["NCSA", "Sandia"], "other", []),
    ],
)
def test_what_licenses_come_to(out: Path, licenses: list[str], name: str, warned: list[str]) -> None:
    row = dataclasses.replace(rows_of(out)[0], disparity_source="sidecar")
    rows = [dataclasses.replace(row, license=license_name) for license_name in licenses]
    said = summarize_licenses(summary_of(*rows))
    assert said.name == name
    assert len(said.warnings) == len(warned)
    assert all(part in warning for part, warning in zip(warned, said.warnings, strict=True))


def test_weights_that_may_not_be_sold_restrict_the_data_set(out: Path) -> None:
    row = dataclasses.replace(rows_of(out)[0], license="MIT")
    free = dataclasses.replace(row, disparity_source="depth-anything/Depth-Anything-V2-Small-hf")
    bound = dataclasses.replace(row, disparity_source="depth-anything/Depth-Anything-V2-Large-hf")
    free_alone, both = summarize_licenses(summary_of(free)), summarize_licenses(summary_of(free, bound))
    assert (free_alone.name, free_alone.warnings) == ("mit", ())
    assert both.name == "other"
    assert "Depth-Anything-V2-Large-hf are licensed for non-commercial use only" in both.warnings[0]
