from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shards import Complaint, ShardWriter, ValidationReport, encode, read_marker, validate, write_index
from shards.archive import BLOCK_BYTES
from shards.inspection import inspect_shard
from shards.manifest import write_manifest
from shards.marker import marker_path, tar_path
from tests.shards.forgery import Samples, forge, read_samples, write_tar
from tests.shards.synthetic import make_sample, write_shard

TRAIN = "train-000000"


def places(report: ValidationReport) -> set[tuple[str, str, str]]:
    return {(complaint.shard, complaint.key, complaint.field) for complaint in report.complaints}


def flip(path: Path, offset: int, bits: int = 0x10) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= bits
    path.write_bytes(bytes(data))


def test_a_sound_data_set_is_counted_and_not_complained_about(out: Path) -> None:
    report = validate(out)
    assert report.complaints == ()
    assert report.ok
    assert (report.samples, report.shards, report.frames) == (6, 3, 24)


def test_the_report_is_plain_data(out: Path) -> None:
    assert json.loads(json.dumps(validate(out).to_json())) == {
        "samples": 6,
        "shards": 3,
        "frames": 24,
        "complaints": [],
        "ok": True,
    }
    marker_path(out, TRAIN).unlink()
    first = json.loads(json.dumps(validate(out).to_json()))["complaints"][0]
    assert set(first) == {"shard", "key", "field", "message"}


def test_not_a_folder_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be the folder of a data set, got nothing there"):
        validate(tmp_path / "missing")


def test_an_empty_folder_is_no_sound_data_set(tmp_path: Path) -> None:
    assert places(validate(tmp_path)) == {("*", "*", "tar"), ("index.json", "*", "*")}


@pytest.mark.parametrize("field", ["aif.jpg", "disparity.png", "frame_03.jpg", "json"])
def test_a_flipped_byte_names_shard_key_and_field(out: Path, field: str) -> None:
    member = next(m for m in read_marker(out, TRAIN).layout() if (m.key, m.field) == ("00000001", field))
    flip(tar_path(out, TRAIN), member.offset + member.size // 2)
    assert places(validate(out)) == {(TRAIN, "*", "tar"), (TRAIN, "00000001", field)}


@pytest.fixture(scope="module")
def one_shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    write_shard(folder, TRAIN, [make_sample(0), make_sample(1)])
    return folder


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), bits=st.integers(1, 255))
def test_any_flipped_byte_anywhere_is_traced(
    one_shard: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, bits: int
) -> None:
    marker = read_marker(one_shard, TRAIN)
    tar = tmp_path_factory.mktemp("flipped") / f"{TRAIN}.tar"
    shutil.copy(tar_path(one_shard, TRAIN), tar)
    tar.chmod(0o644)
    offset = data.draw(st.integers(0, marker.tar_bytes - 1))
    flip(tar, offset, bits)
    found = inspect_shard(tar, marker)
    named = {(complaint.key, complaint.field) for complaint in found.complaints}
    hit = [m for m in marker.layout() if m.offset - BLOCK_BYTES <= offset < m.end]
    assert ("*", "tar") in named  # the sha256 of the shard
    assert named - {("*", "tar")} == {(member.key, member.field) for member in hit}
    assert len(found.sound) == 2 - len(hit)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_cut_is_traced(one_shard: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    marker = read_marker(one_shard, TRAIN)
    length = data.draw(st.integers(0, marker.tar_bytes - 1))
    tar = tmp_path_factory.mktemp("cut") / f"{TRAIN}.tar"
    tar.write_bytes(tar_path(one_shard, TRAIN).read_bytes()[:length])
    found = inspect_shard(tar, marker)
    named = {(complaint.key, complaint.field) for complaint in found.complaints}
    assert ("*", "tar") in named
    for member in marker.layout():
        lost = member.end > length
        assert lost == bool(named & {(member.key, member.field), (member.key, "*")}), member


def test_a_cut_tar_names_where_it_ends_and_what_is_lost(out: Path) -> None:
    members = read_marker(out, TRAIN).layout()
    cut = next(m for m in members if m.name == "00000001.frame_02.jpg").offset + 5
    tar = tar_path(out, TRAIN)
    tar.write_bytes(tar.read_bytes()[:cut])
    report = validate(out)
    assert places(report) == {
        (TRAIN, "*", "tar"),
        *((TRAIN, "00000001", field) for field in ("frame_02.jpg", "frame_03.jpg", "json", "valid.png")),
        (TRAIN, "00000002", "*"),
    }
    assert report.samples == 5
    assert report.complaints[0].message.endswith(f"bytes as its marker says, got {cut}")


def test_a_tar_cut_between_two_samples_is_seen(out: Path) -> None:
    """tarfile and webdataset read this one without an error."""
    cut = next(m for m in read_marker(out, TRAIN).layout() if m.key == "00000002").offset - BLOCK_BYTES
    tar = tar_path(out, TRAIN)
    tar.write_bytes(tar.read_bytes()[:cut])
    assert (TRAIN, "00000002", "*") in places(validate(out))


def test_a_missing_marker_names_shard_and_file_and_nothing_more(out: Path) -> None:
    marker_path(out, TRAIN).unlink()
    assert places(validate(out)) == {(TRAIN, "*", ".meta/train-000000.json")}


def test_without_a_marker_the_content_is_checked_all_the_same(out: Path) -> None:
    member = next(m for m in read_marker(out, TRAIN).layout() if m.name == "00000002.json")
    marker_path(out, TRAIN).unlink()
    flip(tar_path(out, TRAIN), member.offset, 0x01)
    assert (TRAIN, "00000002", "json") in places(validate(out))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xff", b"[" * 100_000, b'{"a":NaN}', b"null"])
def test_a_damaged_marker_is_a_complaint(out: Path, content: bytes) -> None:
    marker_path(out, TRAIN).write_bytes(content)
    assert places(validate(out)) == {(TRAIN, "*", ".meta/train-000000.json")}


def test_a_missing_tar_is_named(out: Path) -> None:
    tar_path(out, TRAIN).unlink()
    assert places(validate(out)) == {(TRAIN, "*", "tar")}


def test_a_shard_that_is_wholly_missing_is_known_from_the_index(out: Path) -> None:
    tar_path(out, TRAIN).unlink()
    marker_path(out, TRAIN).unlink()
    assert places(validate(out)) == {(TRAIN, "*", "tar"), (TRAIN, "*", ".meta/train-000000.json")}


def test_an_extra_tar_is_named(out: Path) -> None:
    shutil.copy(tar_path(out, TRAIN), tar_path(out, "train-000009"))
    named = places(validate(out))
    assert ("train-000009", "*", ".meta/train-000009.json") in named
    assert ("train-000009", "*", "index.json") in named
    assert ("train-000009", "00000000", "json.scene_id") in named


def test_a_tar_with_another_name_is_named(out: Path) -> None:
    shutil.copy(tar_path(out, TRAIN), out / "shards" / "extra.tar")
    complaints = {str(complaint) for complaint in validate(out).complaints}
    assert any(line.startswith("extra * tar: a shard name must be SPLIT-NNNNNN") for line in complaints)


def test_a_tar_where_an_empty_shard_should_be_is_named(out: Path) -> None:
    shutil.copy(tar_path(out, TRAIN), tar_path(out, "test-000000"))
    complaint = validate(out).complaints[0]
    assert (complaint.shard, complaint.key, complaint.field) == ("test-000000", "*", "tar")
    assert complaint.message == "must not be there: its marker says that the shard has no samples"


def test_garbage_instead_of_a_tar_is_a_complaint(out: Path) -> None:
    tar_path(out, TRAIN).write_bytes(np.random.default_rng(0).bytes(50_000))
    named = places(validate(out))
    assert {(TRAIN, "*", "tar"), (TRAIN, "00000000", "aif.jpg")} <= named


def test_a_folder_instead_of_a_tar_is_a_complaint(out: Path) -> None:
    tar_path(out, TRAIN).unlink()
    tar_path(out, TRAIN).mkdir()
    assert (TRAIN, "*", "tar") in places(validate(out))


@pytest.mark.parametrize("field", ["aif.jpg", "disparity.png", "frame_03.jpg", "json"])
def test_a_missing_field_is_named(out: Path, field: str) -> None:
    tar = tar_path(out, TRAIN)
    samples = read_samples(tar)
    del samples["00000001"][field]
    write_tar(tar, samples)
    assert places(validate(out)) == {(TRAIN, "*", "tar"), (TRAIN, "00000001", field)}


def test_a_missing_and_an_extra_sample_are_named(out: Path) -> None:
    tar = tar_path(out, TRAIN)
    samples = read_samples(tar)
    samples["00000009"] = samples.pop("00000001")
    write_tar(tar, samples)
    named = places(validate(out))
    assert {(TRAIN, "00000001", "*")} <= named
    assert {field for _, key, field in named if key == "00000009"} == set(encode(make_sample()))


def test_a_sample_twice_is_named(out: Path) -> None:
    tar = tar_path(out, TRAIN)
    data = tar.read_bytes()
    end = read_marker(out, TRAIN).layout()[6].end
    tar.write_bytes(data[:end] + data)
    assert (TRAIN, "00000000", "aif.jpg") in places(validate(out))


def change_json(**values: object) -> Callable[[Samples], None]:
    def change(samples: Samples) -> None:
        content = json.loads(samples["00000001"]["json"]) | values
        samples["00000001"]["json"] = json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    return change


LEVELS = json.loads(encode(make_sample(1))["json"])["blur_level"]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"seed": 7.0}, "json.seed", "must be a JSON int"),
        ({"in_focus_fraction": [0, 0, 0, 0]}, "json.in_focus_fraction[0]", "must be a JSON float, got int 0"),
        ({"focus_x": None}, "json.focus_x", "must be a list, got NoneType"),
        ({"mood": "good"}, "json.mood", "must not be there"),
        ({"blur_level": [2 * level for level in LEVELS]}, "json.blur_level[0]", "must be 100 . blur_scale_px"),
        ({"split": "val"}, "json.split", "must be train in shard train-000000, got val"),
        ({"height": 17}, "json.focus_y[0]", "must be the center of a pixel of 17"),
        ({"schema_version": 2}, "json.schema_version", "must be one of"),
        ({"seed": 8}, "json", "must say what the marker's row says"),
    ],
)
def test_a_wrong_label_under_right_checksums_is_named(
    out: Path, values: dict[str, object], field: str, message: str
) -> None:
    forge(out, TRAIN, change_json(**values))
    (complaint,) = validate(out).complaints
    assert (complaint.shard, complaint.key, complaint.field) == (TRAIN, "00000001", field)
    assert complaint.message.startswith(message.split(" .")[0])


def test_json_of_another_form_is_named(out: Path) -> None:
    def spread(samples: Samples) -> None:
        samples["00000001"]["json"] = json.dumps(json.loads(samples["00000001"]["json"]), indent=1).encode()

    forge(out, TRAIN, spread)
    (complaint,) = validate(out).complaints
    assert complaint.field == "json"
    assert "canonical" in complaint.message


def test_pixels_that_contradict_labels_are_named(out: Path) -> None:
    def turn(samples: Samples) -> None:
        flat = np.full((16, 24), 60000, np.uint16)
        samples["00000002"]["disparity.png"] = cv2.imencode(".png", flat)[1].tobytes()

    forge(out, TRAIN, turn)
    assert places(validate(out)) == {(TRAIN, "00000002", "json.focus_disparity[0]")}


def test_an_undecodable_frame_under_right_checksums_is_named(out: Path) -> None:
    forge(out, TRAIN, lambda samples: samples["00000002"].update({"frame_00.jpg": b"\xff\xd8"}))
    assert places(validate(out)) == {(TRAIN, "00000002", "frame_00.jpg")}


def test_a_scene_in_two_splits_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, "train-000000", [make_sample(0), make_sample(1)])
    with ShardWriter(tmp_path, "val-000000") as shard:
        shard.add("00000002", encode(make_sample(1, split="val")))
    write_index(tmp_path)
    report = validate(tmp_path)
    assert places(report) == {
        ("val-000000", "00000002", "json.scene_id"),
        ("val-000000", "00000002", "json.photo.sha256"),
    }
    assert "of another split (train and val)" in report.complaints[0].message


def test_a_key_in_two_shards_is_named(tmp_path: Path) -> None:
    write_shard(tmp_path, "train-000000", [make_sample(0)])
    with ShardWriter(tmp_path, "train-000001") as shard:
        shard.add("00000000", encode(make_sample(1)))
    write_index(tmp_path)
    assert places(validate(tmp_path)) == {("train-000001", "00000000", "*")}


@pytest.mark.parametrize("name", ["index.json", "manifest.parquet", "croissant.json", "SHA256SUMS"])
def test_a_missing_or_damaged_side_file_is_named(out: Path, name: str) -> None:
    sound = (out / name).read_bytes()
    (out / name).unlink()
    assert name in {complaint.shard for complaint in validate(out).complaints}
    for damaged in (b"", sound[: len(sound) // 2], sound[:-1], sound + b"\n", b"\xff" + sound[1:]):
        (out / name).write_bytes(damaged)
        report = validate(out)
        holders = {"SHA256SUMS", "croissant.json"}  # these hold the hash of others
        assert {complaint.shard for complaint in report.complaints} <= {name, *holders}
        assert report.complaints, damaged[:20]


def test_an_index_that_says_something_else_is_named(out: Path) -> None:
    index = json.loads((out / "index.json").read_bytes())
    index["shardlist"][0]["nsamples"] = 4
    index["samples"] = 7
    (out / "index.json").write_text(json.dumps(index))
    assert places(validate(out)) == {
        (TRAIN, "*", "index.json:nsamples"),
        ("index.json", "*", "samples"),
        ("SHA256SUMS", "*", "index.json"),
    }


def test_an_index_written_in_another_form_is_named(out: Path) -> None:
    (out / "index.json").write_text(json.dumps(json.loads((out / "index.json").read_bytes())))
    assert ("index.json", "*", "*") in places(validate(out))


def test_an_index_of_more_than_64_mib_is_read(out: Path) -> None:
    """Of 232 bytes a shard of 64 photos: 18 million photos have one."""
    index = json.loads((out / "index.json").read_bytes()) | {"padding": "x" * (65 << 20)}
    (out / "index.json").write_text(json.dumps(index))
    assert ("index.json", "*", "padding") in places(validate(out))


def test_a_manifest_of_other_rows_is_named(out: Path) -> None:
    markers = [read_marker(out, name) for name in (TRAIN, "train-000001")]
    with (out / "manifest.parquet").open("wb") as file:
        write_manifest(file, markers)
    assert ("manifest.parquet", "*", "*") in places(validate(out))
    changed = dataclasses.replace(markers[0].rows[2], seed=8)
    markers[0] = dataclasses.replace(markers[0], rows=(*markers[0].rows[:2], changed))
    with (out / "manifest.parquet").open("wb") as file:
        write_manifest(file, [*markers, read_marker(out, "val-000000")])
    assert ("manifest.parquet", "00000002", "seed") in places(validate(out))


def test_an_index_that_leaves_a_shard_out_is_named(out: Path) -> None:
    index = json.loads((out / "index.json").read_bytes())
    del index["shardlist"][0]
    (out / "index.json").write_text(json.dumps(index))
    assert (TRAIN, "*", "index.json") in places(validate(out))


def test_stray_temporaries_are_named(out: Path) -> None:
    (out / "shards" / ".train-000003.tmp-17-ab").touch()
    assert places(validate(out)) == {("train-000003", "*", "shards/.train-000003.tmp-17-ab")}


def test_no_complaint_is_without_shard_key_field_and_message(out: Path) -> None:
    flip(tar_path(out, TRAIN), 600)
    (out / "SHA256SUMS").unlink()
    marker_path(out, "val-000000").write_bytes(b"")
    for complaint in validate(out).complaints:
        assert all((complaint.shard, complaint.key, complaint.field, complaint.message)), complaint
        assert isinstance(complaint, Complaint)
