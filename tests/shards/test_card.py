from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from shards import SceneRecord, read_marker, validate, write_card
from shards.card import card_text
from shards.summary import DataSetSummary
from tests.shards.synthetic import make_sample, write_shard


def front_matter(text: str) -> dict[str, Any]:
    _, front, _ = text.split("---\n", 2)
    return dict(yaml.safe_load(front))


def card_of(tmp_path: Path, **photo: str) -> str:
    sample = make_sample()
    record = dataclasses.replace(sample.record, photo=dataclasses.replace(sample.record.photo, **photo))
    write_shard(tmp_path, "train-000000", [dataclasses.replace(sample, record=record)])
    return card_text(DataSetSummary([read_marker(tmp_path, "train-000000")]))


def test_the_card_points_at_the_tars_of_each_split_that_has_some(out: Path) -> None:
    card = write_card(out).read_text()
    (config,) = front_matter(card)["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "shards/train-*.tar"},
        {"split": "val", "path": "shards/val-*.tar"},
    ]
    for entry in config["data_files"]:
        assert list(out.glob(entry["path"]))


def test_the_card_says_what_was_counted(out: Path) -> None:
    card = write_card(out).read_text()
    assert "| train | 2 | 5 | 20 |" in card
    assert "| test | 0 | 0 | 0 |" in card
    assert "- `CC0-1.0`: 6" in card
    assert "- `relative, synthetic`: 6" in card
    assert front_matter(card)["license"] == "cc0-1.0"
    assert front_matter(card)["size_categories"] == ["n<1K"]


def test_the_card_counts_the_kinds_of_built_in_scenes(tmp_path: Path) -> None:
    samples = [make_sample(number) for number in range(3)]
    for i, kind in enumerate(("hills", "hills")):
        scene = SceneRecord(kind, kind, kind, version=2, focal_length=1.0)
        samples[i] = dataclasses.replace(samples[i], record=dataclasses.replace(samples[i].record, scene=scene))
    write_shard(tmp_path, "train-000000", samples)
    summary = DataSetSummary([read_marker(tmp_path, "train-000000")])
    assert "Built-in scenes by kind" in card_text(summary)
    assert "- `hills`: 2\n" in card_text(summary)
    summary.merge(DataSetSummary([read_marker(tmp_path, "train-000000")]))
    assert "- `hills`: 4\n" in card_text(summary)
    assert "Built-in scenes by kind" not in card_of(tmp_path / "photos")


def test_same_shards_same_card_and_verify_does_not_mind_it(out: Path) -> None:
    first = write_card(out).read_bytes()
    assert write_card(out).read_bytes() == first
    assert validate(out).ok


def test_a_license_is_never_guessed(tmp_path: Path) -> None:
    card = card_of(tmp_path, license="my own terms")
    assert front_matter(card)["license"] == "other"
    assert "- `my own terms`: 1" in card
    assert "- `not stated`: 1" in card_of(tmp_path, license="")


def test_two_licenses_make_no_single_one(tmp_path: Path) -> None:
    first, second = make_sample(0), make_sample(1)
    photo = dataclasses.replace(second.record.photo, license="CC-BY-4.0")
    second = dataclasses.replace(second, record=dataclasses.replace(second.record, photo=photo))
    write_shard(tmp_path, "train-000000", [first, second])
    card = card_text(DataSetSummary([read_marker(tmp_path, "train-000000")]))
    assert front_matter(card)["license"] == "other"
    assert "- `CC-BY-4.0`: 1\n- `CC0-1.0`: 1" in card


def test_names_from_file_lists_do_not_break_out_of_the_card(tmp_path: Path) -> None:
    card = card_of(tmp_path, license="x`\n---\nlicense: mit\n# pwned")
    assert front_matter(card)["license"] == "other"
    assert "- `x' --- license: mit # pwned`: 1" in card


def test_non_commercial_depth_weights_are_flagged(tmp_path: Path) -> None:
    sample = make_sample()
    disparity = dataclasses.replace(sample.record.disparity, source="depth-anything/Depth-Anything-V2-Large-hf")
    record = dataclasses.replace(sample.record, disparity=disparity)
    write_shard(tmp_path, "train-000000", [dataclasses.replace(sample, record=record)])
    card = card_text(DataSetSummary([read_marker(tmp_path, "train-000000")]))
    assert "Depth-Anything-V2-Large-hf are licensed for non-commercial use only" in card


def test_nothing_to_describe_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must describe at least one sample"):
        write_card(tmp_path)
