from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from shards import is_complete, read_marker, remove_stale_temporaries, validate, write_index
from shards.marker import Marker, SampleRow, marker_path, tar_path, write_marker
from tests.shards.conftest import SIZES
from tests.shards.synthetic import make_sample, write_data_set, write_shard

SIDE_FILES = ("index.json", "manifest.parquet", "croissant.json", "SHA256SUMS")


def test_the_index_is_a_wids_index_and_more(out: Path) -> None:
    index = json.loads((out / "index.json").read_bytes())
    assert index["wids_version"] == 1
    assert [(entry["url"], entry["nsamples"]) for entry in index["shardlist"]] == [
        ("shards/train-000000.tar", 3),
        ("shards/train-000001.tar", 2),
        ("shards/val-000000.tar", 1),
    ]
    for entry in index["shardlist"]:
        data = (out / entry["url"]).read_bytes()
        assert (entry["filesize"], entry["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert index["empty_shards"] == ["test-000000"]
    assert (index["shards"], index["samples"], index["frames"]) == (3, 6, 24)
    assert index["splits"]["train"] == {"shards": 2, "samples": 5, "frames": 20}


def test_the_manifest_has_a_row_a_sample(out: Path) -> None:
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    assert [(row["shard"], row["key"]) for row in rows] == [
        *(("train-000000", f"{i:08d}") for i in range(3)),
        *(("train-000001", f"{i:08d}") for i in (3, 4)),
        ("val-000000", "00000005"),
    ]
    record = make_sample(4).record
    assert rows[4]["photo_name"] == record.photo.name
    assert rows[4]["photo_sha256"] == record.photo.sha256
    assert rows[4]["blur_levels"] == [record.frames[0].blur_level, record.frames[2].blur_level]
    assert (rows[4]["planes"], rows[4]["levels"], rows[4]["seed"], rows[4]["split"]) == (2, 2, 7, "train")


def test_sha256sum_takes_the_checksums(out: Path) -> None:
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6
    names = [line.partition("  ")[2] for line in (out / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(names)


def test_same_shards_same_side_files(out: Path, tmp_path: Path) -> None:
    again = write_data_set(tmp_path / "again", SIZES)
    for name in SIDE_FILES:
        assert (again / name).read_bytes() == (out / name).read_bytes(), name


def test_side_files_are_written_without_opening_a_tar(out: Path) -> None:
    before = {name: (out / name).read_bytes() for name in SIDE_FILES}
    for name in SIZES:
        tar = tar_path(out, name)
        if tar.exists():
            tar.write_bytes(bytes(tar.stat().st_size))  # the right size is all that is looked at
    write_index(out)
    assert {name: (out / name).read_bytes() for name in SIDE_FILES} == before


def test_other_files_in_the_dot_folder_are_passed_over(out: Path) -> None:
    before = (out / "index.json").read_bytes()
    (out / ".meta" / "plan.json").write_text("{}")
    (out / ".meta" / "train-1.json").write_text("{}")
    write_index(out)
    assert (out / "index.json").read_bytes() == before


def test_an_index_needs_finished_shards(out: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold finished shards, got no marker"):
        write_index(tmp_path / "nothing")
    tar_path(out, "train-000001").unlink()
    with pytest.raises(ValueError, match="shard train-000001 must be complete"):
        write_index(out)


def cut_tar(out: Path) -> None:
    tar = tar_path(out, "train-000000")
    tar.write_bytes(tar.read_bytes()[:-512])


def damage_marker(out: Path) -> None:
    path = marker_path(out, "train-000000")
    path.write_bytes(path.read_bytes()[:-2])


def take_another_marker(out: Path) -> None:
    marker_path(out, "train-000000").write_bytes(marker_path(out, "train-000001").read_bytes())


@pytest.mark.parametrize(
    "damage",
    [
        cut_tar,
        damage_marker,
        take_another_marker,
        lambda out: tar_path(out, "train-000000").unlink(),
        lambda out: marker_path(out, "train-000000").unlink(),
    ],
)
def test_a_shard_is_complete_with_marker_and_a_tar_of_its_size(out: Path, damage: object) -> None:
    assert is_complete(out, "train-000000")
    damage(out)  # type: ignore[operator]
    assert not is_complete(out, "train-000000")
    assert is_complete(out, "train-000001")


def test_a_tar_where_an_empty_shard_should_be_is_not_complete(out: Path) -> None:
    assert is_complete(out, "test-000000")
    tar_path(out, "test-000000").write_bytes(b"")
    assert not is_complete(out, "test-000000")


def test_a_marker_reads_back(out: Path) -> None:
    marker = read_marker(out, "train-000000")
    assert Marker.from_json(marker.to_json()) == marker
    assert marker.to_json() == marker_path(out, "train-000000").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 4}, "samples must be 3 as the rows say, got 4"),
        ({"frames": 13}, "frames must be 12"),
        ({"members": 20}, "members must be 21"),
        ({"split": "val"}, "split must be train"),
        ({"fields": ["json"]}, "members must be 3|must have one entry a field"),
        ({"marker_version": 1}, "marker_version must be 2"),
        ({"config_sha256": ""}, "config_sha256 must be 64 lower-case hex digits"),
        ({"rows": {}}, "rows must be a list"),
        ({"rows": [{}]}, r"rows\[0\]\.author must be there"),
        ({"tar_bytes": 1.0}, "tar_bytes must be a JSON int"),
        ({"extra": 1}, "extra must not be there"),
    ],
)
def test_a_marker_that_contradicts_itself_is_refused(out: Path, change: dict[str, object], message: str) -> None:
    content = json.loads(marker_path(out, "train-000000").read_bytes())
    with pytest.raises(ValueError, match=message):
        Marker.from_json(json.dumps(content | change).encode())


def test_a_marker_with_a_sample_twice_or_out_of_order_is_refused(out: Path) -> None:
    content = json.loads(marker_path(out, "train-000000").read_bytes())
    first, second, third = content["rows"]
    for rows in ([first, third, second], [first, first, third]):
        with pytest.raises(ValueError, match="rows must have ascending keys, none twice"):
            Marker.from_json(json.dumps(content | {"rows": rows}).encode())


def test_the_marker_of_another_shard_is_refused(out: Path) -> None:
    take_another_marker(out)
    with pytest.raises(ValueError, match="name must be train-000000, got 'train-000001'"):
        read_marker(out, "train-000000")


def test_a_missing_marker_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_marker(tmp_path, "train-000000")


def test_stale_temporaries_go_and_nothing_else(out: Path) -> None:
    before = {path for path in out.rglob("*") if path.is_file()}
    stale = [
        out / "shards" / ".train-000000.tmp-12-ab",
        out / ".meta" / ".train-000000.tmp-1-cd",
        out / ".index.tmp-9-ef",
    ]
    for path in stale:
        path.touch()
    assert set(remove_stale_temporaries(out)) == set(stale)
    assert {path for path in out.rglob("*") if path.is_file()} == before
    assert remove_stale_temporaries(out / "missing") == []


def test_the_manifest_knows_every_column_of_a_row_but_the_checksums(tmp_path: Path) -> None:
    write_shard(tmp_path, "train-000000", [make_sample()])
    write_index(tmp_path)
    columns = set(pq.read_schema(tmp_path / "manifest.parquet").names)
    assert columns == {"shard", "split", *SampleRow.__dataclass_fields__} - {"sizes", "crc32"}


def test_shards_of_two_configurations_are_no_data_set(out: Path) -> None:
    marker = read_marker(out, "train-000001")
    write_marker(out, dataclasses.replace(marker, config_sha256="1" * 64))
    with pytest.raises(ValueError, match=r"one configuration, got another one in train-000001"):
        write_index(out)
    complaints = [str(complaint) for complaint in validate(out).complaints]
    assert any(line.startswith("train-000001 * config_sha256: must be that of ") for line in complaints)
    assert any("json.renderer.config_sha256" in line for line in complaints)  # its samples say something else
