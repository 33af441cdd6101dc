from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
import webdataset

from shards import FieldError, ImageCodec, ShardWriter, encode, is_complete, read_marker, remove_stale_temporaries
from shards.record import SampleRecord
from tests.shards.synthetic import make_sample, write_shard

SAMPLES = [make_sample(i) for i in range(3)]


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def tree(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_same_input_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path / "a", "train-000000", SAMPLES)
    monkeypatch.setattr(time, "time", lambda: 2e9)  # another day,
    umask = os.umask(0o077)  # another user's habits
    try:
        write_shard(tmp_path / "b", "train-000000", [make_sample(i) for i in range(3)])
    finally:
        os.umask(umask)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert files_in(tmp_path / "a") == {"shards/train-000000.tar", ".meta/train-000000.json"}


def test_the_marker_says_what_is_in_the_tar(tmp_path: Path) -> None:
    tar = write_shard(tmp_path, "train-000000", SAMPLES)
    marker = read_marker(tmp_path, "train-000000")
    data = tar.read_bytes()
    assert (marker.tar_bytes, marker.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (marker.split, marker.samples, marker.frames, marker.members) == ("train", 3, 12, 21)
    assert [row.key for row in marker.rows] == ["00000000", "00000001", "00000002"]
    record = SAMPLES[1].record
    row = marker.rows[1]
    assert (row.planes, row.levels, row.scene_id) == (2, 2, record.scene_id)
    assert (row.photo_name, row.photo_sha256, row.license) == (record.photo.name, record.photo.sha256, "CC0-1.0")
    assert row.blur_levels == (record.frames[0].blur_level, record.frames[2].blur_level)
    with tarfile.open(tar) as opened:
        for member, ours in zip(opened.getmembers(), marker.layout(), strict=True):
            assert (member.name, member.offset_data, member.size) == (ours.name, ours.offset, ours.size)
            assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o444)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves it to the collector
def test_plain_webdataset_reads_it(tmp_path: Path) -> None:
    tar = write_shard(tmp_path, "train-000000", SAMPLES)
    read = list(webdataset.WebDataset(str(tar), shardshuffle=False, empty_check=False))
    assert [sample["__key__"] for sample in read] == [sample.key for sample in SAMPLES]
    for sample, original in zip(read, SAMPLES, strict=True):
        fields = {name: data for name, data in sample.items() if not name.startswith("__")}
        assert fields == encode(original)


def test_plain_tarfile_reads_it(tmp_path: Path) -> None:
    tar = write_shard(tmp_path, "train-000000", SAMPLES[:1])
    with tarfile.open(tar) as opened:
        read = {member.name: opened.extractfile(member).read() for member in opened}  # type: ignore[union-attr]
    assert read == {f"00000000.{name}": data for name, data in encode(SAMPLES[0]).items()}


@pytest.mark.parametrize("codec", [ImageCodec("png"), ImageCodec("webp", 80)])
def test_other_formats_are_written(tmp_path: Path, codec: ImageCodec) -> None:
    write_shard(tmp_path, "val-000007", [make_sample(5, split="val")], codec)
    assert f"aif.{codec.format}" in read_marker(tmp_path, "val-000007").fields


def test_an_empty_shard_leaves_a_marker_and_no_tar(tmp_path: Path) -> None:
    write_shard(tmp_path, "test-000000", [])
    assert files_in(tmp_path) == {".meta/test-000000.json"}
    marker = read_marker(tmp_path, "test-000000")
    assert (marker.samples, marker.tar_bytes, marker.rows) == (0, 0, ())
    assert is_complete(tmp_path, "test-000000")


def test_an_empty_shard_takes_the_place_of_a_full_one(tmp_path: Path) -> None:
    write_shard(tmp_path, "train-000000", SAMPLES)
    write_shard(tmp_path, "train-000000", [])
    assert files_in(tmp_path) == {".meta/train-000000.json"}
    assert is_complete(tmp_path, "train-000000")


def write_and_fail(out: Path, error: BaseException) -> None:
    with ShardWriter(out, "train-000000") as shard:
        shard.add(SAMPLES[0].key, encode(SAMPLES[0]))
        raise error


@pytest.mark.parametrize("error", [RuntimeError("render failed"), KeyboardInterrupt()])
def test_an_exception_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_and_fail(tmp_path, error)
    assert files_in(tmp_path) == set()


def test_an_exception_leaves_an_earlier_shard_alone(tmp_path: Path) -> None:
    write_shard(tmp_path, "train-000000", SAMPLES)
    before = tree(tmp_path)
    with pytest.raises(RuntimeError, match="render failed"):
        write_and_fail(tmp_path, RuntimeError("render failed"))
    assert tree(tmp_path) == before


class FullDisk:
    """Takes the place of a file's write: the disk is full after some calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["write", "sync of the tar", "write of the marker"])
def full_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "write":
        disk = FullDisk(1)
        real = hashlib.sha256

        class Digest:
            def __init__(self) -> None:
                self.inner = real()

            def update(self, data: bytes) -> None:
                disk()
                self.inner.update(data)

        monkeypatch.setattr("shards.writer.hashlib.sha256", Digest)
    elif request.param == "sync of the tar":
        monkeypatch.setattr(os, "fsync", FullDisk(0))
    else:
        monkeypatch.setattr("shards.writer.write_marker", FullDisk(0))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_told_as_it_is_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        write_shard(tmp_path, "train-000000", SAMPLES)
    assert caught.value.errno == errno.ENOSPC
    assert files_in(tmp_path) == set()


def test_a_really_full_file_system_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    """The same with the kernel's own limit on file sizes, in a process of its own."""
    script = f"""
import resource, signal
from pathlib import Path
from tests.shards.synthetic import make_sample, write_shard
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000))
try:
    write_shard(Path({str(tmp_path)!r}), "train-000000", [make_sample(i) for i in range(3)])
except OSError as error:
    print(error.errno)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(errno.EFBIG)
    assert done.stderr == ""
    assert files_in(tmp_path) == set()


def test_a_killed_writer_leaves_a_temporary_that_the_next_run_removes(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from shards import ShardWriter, encode
from tests.shards.synthetic import make_sample
with ShardWriter(Path({str(tmp_path)!r}), "train-000000") as shard:
    shard.add("00000000", encode(make_sample()))
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    left = files_in(tmp_path)
    assert len(left) == 1
    assert left.pop().startswith("shards/.train-000000.tmp-")
    assert not is_complete(tmp_path, "train-000000")
    assert len(remove_stale_temporaries(tmp_path)) == 1
    assert files_in(tmp_path) == set()


def test_a_marker_never_vouches_for_a_tar_it_was_not_written_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crash between renaming the tar and writing the marker, over an older shard: no marker may be left."""
    write_shard(tmp_path, "train-000000", SAMPLES)
    seen: list[set[str]] = []
    monkeypatch.setattr("shards.writer.write_marker", lambda out, marker: seen.append(files_in(out)))
    write_shard(tmp_path, "train-000000", SAMPLES[:2])
    assert seen == [{"shards/train-000000.tar"}]


def test_tar_and_marker_are_on_the_disk_before_their_names_and_the_old_marker_is_gone_first(
    tmp_path: Path, disk_calls: list[str]
) -> None:
    write_shard(tmp_path, "train-000000", SAMPLES)
    tar = ["rename train-000000.tar", "sync shards"]
    marker = ["sync temporary", "rename train-000000.json", "sync .meta"]
    assert disk_calls == ["sync temporary", *tar, *marker]
    disk_calls.clear()
    write_shard(tmp_path, "train-000000", SAMPLES)
    assert disk_calls == ["sync temporary", "sync .meta", *tar, *marker]


@pytest.mark.parametrize("name", ["train-0", "training-000000", "../train-000000", "train-000000.tar", ""])
def test_names_of_another_form_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a shard name must be SPLIT-NNNNNN"):
        ShardWriter(tmp_path, name)


def test_add_needs_an_open_shard(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be open"):
        ShardWriter(tmp_path, "train-000000").add("00000000", encode(SAMPLES[0]))


FIELDS = encode(SAMPLES[0])
OTHER_FORMAT = encode(SAMPLES[1], ImageCodec("png"))
OF_VAL = encode(make_sample(1, split="val"))


@pytest.mark.parametrize(
    ("key", "fields", "message"),
    [
        ("0000.001", FIELDS, "key must be 8 digits without dots"),
        ("00000000", FIELDS, "must be above the last one, 00000000"),
        ("00000001", {**FIELDS, "notes.txt": b""}, "00000001.notes.txt must be one of the fields"),
        ("00000001", {k: v for k, v in FIELDS.items() if k != "frame_01.jpg"}, "00000001.frame_01.jpg must be there"),
        ("00000001", {**FIELDS, "json": b"{}"}, "00000001.json.* must be there"),
        ("00000001", OTHER_FORMAT, "must be those of the first sample"),
        ("00000001", OF_VAL, "json.split must be train in shard train-000000, got val"),
    ],
)
def test_add_refuses_what_does_not_belong_there(
    tmp_path: Path, key: str, fields: dict[str, bytes], message: str
) -> None:
    with ShardWriter(tmp_path, "train-000000") as shard:
        shard.add("00000000", FIELDS)
        with pytest.raises(FieldError, match=message):
            shard.add(key, fields)
    assert read_marker(tmp_path, "train-000000").samples == 1


def test_the_writer_reads_labels_and_leaves_pixels_to_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing must not cost a second decoding: one json a sample is all that is read."""
    calls: list[int] = []
    real = SampleRecord.from_json
    monkeypatch.setattr(SampleRecord, "from_json", lambda data: calls.append(len(data)) or real(data))
    monkeypatch.setattr("shards.codec.decode_image", None)
    write_shard(tmp_path, "train-000000", SAMPLES)
    assert len(calls) == 3


def test_a_shard_takes_samples_of_one_configuration(tmp_path: Path) -> None:
    fields = encode(SAMPLES[0])
    refusal = pytest.raises(FieldError, match=r"json\.renderer\.config_sha256 must be 1{64}, .* got 0{64}")
    with ShardWriter(tmp_path, "train-000000", "1" * 64) as shard, refusal:
        shard.add(SAMPLES[0].key, fields)
    assert read_marker(tmp_path, "train-000000").config_sha256 == "1" * 64
    with ShardWriter(tmp_path, "train-000001") as shard:
        shard.add(SAMPLES[0].key, fields)
    assert read_marker(tmp_path, "train-000001").config_sha256 == "0" * 64
