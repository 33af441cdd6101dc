from __future__ import annotations

import subprocess
import sys
import tarfile
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shards import FieldError, ReaderShard, SampleAccess, ShardStream, decode, encode, find_shards, read_shards
from shards.archive import scan
from shards.inspection import inspect_shard
from shards.marker import marker_path, tar_path
from tests.shards.forgery import forge, read_samples
from tests.shards.synthetic import make_sample, write_data_set


def keys(stream: Any) -> list[int]:
    return [int(sample.key) for sample in stream]


def test_a_whole_split_in_its_own_order(out: Path) -> None:
    samples = list(read_shards(out, split="train", seed=None))
    assert keys(samples) == [0, 1, 2, 3, 4]
    original = make_sample(3)
    again = decode(original.key, encode(original))
    np.testing.assert_array_equal(samples[3].frames, again.frames)
    np.testing.assert_array_equal(samples[3].disparity, original.disparity)
    assert samples[3].record == original.record


def test_every_sample_once_an_epoch_and_another_order_the_next(out: Path) -> None:
    epochs = [keys(read_shards(out, epoch=epoch, shuffle_window=4)) for epoch in range(4)]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) > 1


def test_ranks_and_workers_have_equal_steps_and_share_the_epoch(tmp_path: Path) -> None:
    out = write_data_set(tmp_path, {"train-000000": 4, "train-000001": 1, "train-000002": 2})
    readers = [
        keys(read_shards(out, rank=rank, world_size=2, worker=worker, num_workers=2, epoch=1))
        for rank in range(2)
        for worker in range(2)
    ]
    assert {len(reader) for reader in readers} == {2}
    seen = Counter(key for reader in readers for key in reader)
    assert set(seen) == set(range(7))
    assert sum(seen.values()) - len(seen) == 1


@pytest.mark.parametrize("window", [1, 3, 100])
def test_resuming_goes_on_where_it_stopped(out: Path, window: int) -> None:
    whole = keys(read_shards(out, epoch=2, shuffle_window=window))
    for seen in range(7):
        stream = read_shards(out, epoch=2, shuffle_window=window, samples_seen=seen)
        assert keys(stream) == whole[seen:]
        assert stream.samples_seen == stream.steps == 6


def test_resuming_skips_shards_without_opening_them(out: Path) -> None:
    tar_path(out, "train-000000").write_bytes(bytes(tar_path(out, "train-000000").stat().st_size))
    assert keys(read_shards(out, seed=None, samples_seen=3)) == [3, 4, 5]


def test_samples_seen_is_what_to_store(out: Path) -> None:
    stream = read_shards(out)
    first = [next(stream), next(stream)]
    assert stream.samples_seen == 2
    rest = read_shards(out, samples_seen=stream.samples_seen)
    assert sorted(keys(first) + keys(rest)) == list(range(6))


def test_paths_may_be_tars_folders_and_lists_of_them(out: Path) -> None:
    tars = [tar_path(out, "val-000000"), str(tar_path(out, "train-000001"))]
    assert keys(read_shards(tars, seed=None)) == [5, 3, 4]
    assert keys(read_shards(out / "shards", seed=None)) == [0, 1, 2, 3, 4, 5]
    assert keys(read_shards(str(out), seed=None, split="val")) == [5]


def test_an_own_decoder_sees_the_raw_fields(out: Path) -> None:
    shards = find_shards(out, split="val")
    stream = ShardStream(shards, ReaderShard(), lambda key, fields: (key, dict(fields)))
    assert list(stream) == [("00000005", encode(make_sample(5, split="val")))]


@pytest.mark.parametrize("path", ["pipe:cat shards.tar", "nosuchscheme://bucket/a.tar"])
def test_commands_and_urls_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"must be a (path or a URL|local path or a URL that fsspec)"):
        read_shards(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "training"}, "split must be one of train, val, test"),
        ({"split": "test"}, "must hold samples of split test, got none"),
        ({"samples_seen": 7}, r"samples_seen must lie in \[0, 6\]"),
        ({"on_error": "ignore"}, "on_error must be raise or skip"),
        ({"max_dropped_fraction": 1.5, "on_error": "skip"}, "max_dropped_fraction must lie in"),
        ({"rank": 1}, "rank must lie in"),
    ],
)
def test_bad_arguments_are_told(out: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_shards(out, **arguments)


def test_no_shards_no_reading(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a data set, a tar or a folder of tars"):
        read_shards(tmp_path)
    with pytest.raises(ValueError, match="the list of paths must hold samples"):
        read_shards([])


def test_an_unfinished_shard_is_an_error_and_not_a_smaller_data_set(out: Path) -> None:
    marker_path(out, "train-000001").unlink()
    with pytest.raises(ValueError, match=r"shard train-000001 of .* must be finished"):
        read_shards(out)
    assert keys(read_shards(out, split="val")) == [5]


def test_a_cut_tar_is_an_error_and_not_a_short_epoch(out: Path) -> None:
    tar = tar_path(out, "train-000000")
    cut = scan(tar)[0][7].offset - 512  # between two samples, where tarfile sees nothing
    tar.write_bytes(tar.read_bytes()[:cut])
    with pytest.raises(ValueError, match="must be a complete tar, got damage"):
        read_shards(tar)
    with pytest.raises(ValueError, match=r"train-000000 of .* must be finished"):
        read_shards(out)


def break_frame(out: Path, name: str, key: str) -> None:
    """An undecodable frame in a shard whose sizes are right."""

    def change(samples: dict[str, dict[str, bytes]]) -> None:
        samples[key]["frame_01.jpg"] = b"\xff\xd8 no jpeg"

    forge(out, name, change)


def test_a_damaged_sample_is_raised_by_shard_key_and_field(out: Path) -> None:
    break_frame(out, "train-000000", "00000001")
    stream = read_shards(out, seed=None, on_error="raise", max_dropped_fraction=1.0)
    assert next(stream).key == "00000000"
    with pytest.raises(ValueError, match=r"train-000000 00000001 frame_01\.jpg: must be a jpg image"):
        next(stream)


def test_a_damaged_sample_is_skipped_counted_and_replaced_to_keep_step(out: Path) -> None:
    break_frame(out, "train-000000", "00000001")
    stream = read_shards(out, seed=None, on_error="skip", max_dropped_fraction=0.2)
    assert keys(stream) == [0, 2, 3, 4, 5, 0]
    assert [(drop.shard, drop.key, drop.field) for drop in stream.dropped] == [
        ("train-000000", "00000001", "frame_01.jpg")
    ]


def test_too_many_damaged_samples_are_an_error_after_all(out: Path) -> None:
    break_frame(out, "train-000000", "00000001")
    break_frame(out, "train-000001", "00000003")
    stream = read_shards(out, seed=None, on_error="skip", max_dropped_fraction=0.2)
    with pytest.raises(ValueError, match=r"train-000001 00000003 .*2 dropped in 6 steps"):
        list(stream)


def test_nothing_but_damage_ends(out: Path) -> None:
    break_frame(out, "val-000000", "00000005")
    stream = read_shards(out, split="val", on_error="skip", max_dropped_fraction=1.0)
    with pytest.raises(ValueError, match="2 dropped in 1 steps"):
        list(stream)


def test_a_header_damaged_under_a_right_size_is_an_error(out: Path) -> None:
    tar = tar_path(out, "train-000000")
    data = bytearray(tar.read_bytes())
    data[scan(tar)[0][9].offset - 512] ^= 1
    tar.write_bytes(bytes(data))
    stream = read_shards(out, seed=None)
    assert next(stream).key == "00000000"
    with pytest.raises(ValueError, match=r"train-000000 00000001 disparity\.png: .* header must match its checksum"):
        next(stream)


def flip_bit(out: Path, name: str, field: str) -> None:
    """One bit in the middle of a JPEG, which decodes all the same."""
    tar = tar_path(out, name)
    member = next(member for member in scan(tar)[0] if member.name == field)
    data = bytearray(tar.read_bytes())
    data[member.offset + member.size * 3 // 4] ^= 4
    tar.write_bytes(bytes(data))


def test_a_flipped_bit_is_a_named_drop_where_checksums_are_compared(out: Path) -> None:
    flip_bit(out, "train-000000", "00000001.frame_02.jpg")
    in_order = read_shards(out, seed=None, on_error="skip", max_dropped_fraction=0.2)
    assert keys(in_order) == [0, 2, 3, 4, 5, 0]
    (drop,) = in_order.dropped
    assert (drop.shard, drop.key, drop.field) == ("train-000000", "00000001", "frame_02.jpg")
    assert "as the shard's marker says" in drop.message
    for unchecked in (read_shards(out, seed=None, verify=False), read_shards(out, seed=None, epoch=1)):
        assert keys(unchecked) == [0, 1, 2, 3, 4, 5]
        assert unchecked.dropped == []
    with pytest.raises(ValueError, match=r"00000001 frame_02\.jpg: must have crc32"):
        list(read_shards(out, seed=None, epoch=1, verify=True))


def test_only_the_fields_that_are_looked_up_are_compared(out: Path) -> None:
    flip_bit(out, "train-000000", "00000000.frame_02.jpg")
    access = SampleAccess(find_shards(out, split="train"), lambda key, fields: fields)
    fields = access.read(0, 0, verify=True)
    assert fields["frame_01.jpg"] == access.read(0, 0)["frame_01.jpg"]
    with pytest.raises(FieldError, match=r"00000000\.frame_02\.jpg must have crc32"):
        fields["frame_02.jpg"]


def test_fields_larger_than_their_pixels_are_refused_unread(out: Path) -> None:
    """512 MB in every frame: the file is sparse, but who reads it holds all of it."""
    small = read_samples(tar_path(out, "val-000000"))["00000005"]
    tar = out / "huge.tar"
    sizes = {name: 512 << 20 if name.startswith("frame") else len(content) for name, content in small.items()}
    together = sum(sizes.values())
    with tar.open("wb") as file:
        for name, content in sorted(small.items()):
            size = sizes[name]
            info = tarfile.TarInfo(f"00000005.{name}")
            info.size = size
            file.write(info.tobuf(tarfile.USTAR_FORMAT) + content[:size])
            file.seek(-(-(file.tell() + size - min(size, len(content))) // 512) * 512)
        file.truncate(file.tell() + 1024)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"00000005 frame_00\.jpg: must have at most 67\d\d\d bytes .* got 536870912"):
        next(read_shards(tar))
    (complaint,) = inspect_shard(tar, None).complaints[1:]
    assert (complaint.key, complaint.message) == (
        "00000005",
        f"must have at most 2147483648 bytes together, got {together}",
    )
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_importing_sets_no_environment() -> None:
    libraries = "import os, cv2, webdataset, pyarrow"  # OpenCV extends LD_LIBRARY_PATH by itself
    script = f"{libraries}; before = dict(os.environ); import shards; print(before == dict(os.environ))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"
