"""Order, parts, resuming, and what happens to damaged samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.errors import UserError
from pipelines.train.batch import Batch, PackedBatch, collate, unit_noise
from pipelines.train.batches import GroupDataset, PositionSampler, Rank, find_training_shards, open_batches
from pipelines.train.config import DataConfig, ObjectiveConfig
from shards import StoreError
from shards.archive import scan
from tests.shards.forgery import Samples, forge
from tests.shards.synthetic import write_data_set


def data(folder: Path, **changes: object) -> DataConfig:
    plain = DataConfig(data=folder, width=48, height=32, batch_size=2, shuffle_window=3)
    return replace(plain, **changes)  # type: ignore[arg-type]


def dataset(config: DataConfig, seed: int = 0) -> GroupDataset:
    return GroupDataset(find_training_shards(config), config, ObjectiveConfig(), seed)


def batches(config: DataConfig, rank: Rank, first: int, count: int) -> list[PackedBatch]:
    groups = dataset(config)
    places = PositionSampler(groups.samples, config.batch_size, rank, first=first, count=count)
    return list(open_batches(groups, places, config))


def same(one: PackedBatch, other: PackedBatch) -> bool:
    unpacked: list[Batch] = [batch.to("cpu") for batch in (one, other)]
    pairs = [(value, getattr(unpacked[1], name)) for name, value in vars(unpacked[0]).items()]
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


def test_two_processes_read_what_one_with_twice_the_batch_reads(scenes: Path) -> None:
    """Over two epochs of five samples in shards of 2, 2 and 1: batch by batch, item by item."""
    whole = [batch.to("cpu") for batch in batches(data(scenes, batch_size=4), Rank(), 0, 4)]
    parts = [[batch.to("cpu") for batch in batches(data(scenes), Rank(rank, 2), 0, 4)] for rank in range(2)]
    for step, batch in enumerate(whole):
        assert batch.keys == parts[0][step].keys + parts[1][step].keys
        for name in ("targets", "noise", "focus_point", "time"):
            torch.testing.assert_close(
                getattr(batch, name), torch.cat([getattr(part[step], name) for part in parts]), rtol=0, atol=0
            )


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_every_process_has_equally_many_batches_and_all_samples_are_seen(scenes: Path, processes: int) -> None:
    """Uneven shards, more processes than shards, more places than samples: nobody runs out before the others."""
    groups = dataset(data(scenes))
    places = [PositionSampler(5, 2, Rank(rank, processes), first=0, count=7) for rank in range(processes)]
    assert len({part.per_epoch for part in places}) == 1
    listed = [list(part) for part in places]
    assert {len(part) for part in listed} == {7}
    first_epoch = {place for part in listed for batch in part[: places[0].per_epoch] for place in batch}
    assert {epoch for epoch, _ in first_epoch} == {0}
    order = groups._order(0)
    assert {tuple(order[position % 5]) for _, position in first_epoch} == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)}


@pytest.mark.parametrize("workers", [0, 2])
def test_going_on_gives_the_very_same_batches(scenes: Path, workers: int) -> None:
    """From the middle of an epoch and over its end, with and without worker processes."""
    whole = batches(data(scenes), Rank(), 0, 7)
    rest = batches(data(scenes, workers=workers), Rank(), 2, 5)
    assert all(same(one, other) for one, other in zip(whole[2:], rest, strict=True))


def test_epochs_and_seeds_have_their_own_order(scenes: Path) -> None:
    groups = dataset(data(scenes))
    orders = {tuple(map(tuple, groups._order(epoch))) for epoch in range(5)}
    assert len(orders) > 1
    assert not np.array_equal(dataset(data(scenes), seed=1)._order(0), groups._order(0))


def test_the_same_place_of_another_epoch_is_drawn_anew(scenes: Path) -> None:
    groups = dataset(data(scenes))
    noises = [collate([groups[(epoch, 0)]]).to("cpu").noise for epoch in (0, 1, 2, 0)]
    assert not any(torch.equal(noises[0], noise) for noise in noises[1:3])
    assert torch.equal(noises[0], noises[3])


def test_noise_is_that_of_each_item_s_seed() -> None:
    pair, alone = unit_noise((7, 2**62), (2, 3, 64, 64), "cpu"), unit_noise((2**62,), (2, 3, 64, 64), "cpu")
    assert torch.equal(pair[1], alone[0])
    # 24576 values: standard errors 0.0064 of the mean and 0.0045 of the deviation
    assert abs(float(pair[0].mean())) < 0.03
    assert float(pair[0].std()) == pytest.approx(1.0, abs=0.02)
    assert abs(float((pair[0] * pair[1]).mean())) < 0.03


def test_pictures_travel_in_8_bits_and_keep_their_values(scenes: Path) -> None:
    """Four bytes of every five less to the device, and the floats there are those of the codes."""
    (packed,) = batches(data(scenes), Rank(), 0, 1)
    assert {name for name, value in packed.fields.items() if value.dtype == torch.uint8} == {
        "reference",
        "aif",
        "targets",
    }
    targets = packed.to("cpu").targets
    assert -1 <= float(targets.min()) < -0.2 < 0.2 < float(targets.max()) <= 1
    torch.testing.assert_close((targets + 1) * 127.5, packed.fields["targets"].float())


def cut_frames(samples: Samples) -> None:
    """The first sample of the shard: every picture ends early."""
    fields = samples[min(samples)]
    for name in fields:
        if name.startswith(("frame_", "aif")):
            fields[name] = fields[name][:-20]


def test_a_damaged_sample_is_replaced_and_named(own_scenes: Path) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    read = batches(data(own_scenes), Rank(), 0, 6)
    assert all(len(batch.keys) == 2 for batch in read)
    assert "00000000" not in {key for batch in read for key in batch.keys}
    dropped = [complaint for batch in read for complaint in batch.dropped]
    assert len(dropped) >= 2  # once an epoch at least
    assert {(complaint.shard, complaint.key) for complaint in dropped} == {("train-000000", "00000000")}
    assert "end with the JPEG end marker" in dropped[0].message


@pytest.mark.usefixtures("as_in_production")
def test_a_cut_tar_is_passed_over_too(own_scenes: Path) -> None:
    tar = own_scenes / "shards" / "train-000001.tar"
    shards = find_training_shards(data(own_scenes))  # found whole, cut while training
    tar.write_bytes(tar.read_bytes()[: tar.stat().st_size // 3])
    groups = GroupDataset(shards, data(own_scenes), ObjectiveConfig(), 0)
    read = [groups[(0, position)] for position in range(5)]
    assert {complaint.shard for _, dropped in read for complaint in dropped} == {"train-000001"}


def test_nothing_readable_is_an_error(own_scenes: Path) -> None:
    for name in ("train-000000", "train-000001", "train-000002"):
        forge(own_scenes, name, lambda samples: [fields.update({"disparity.png": b""}) for fields in samples.values()])
    with pytest.raises(UserError, match=r"has no sample that can be read; the first: train-00000\d 0000000\d dispar"):
        dataset(data(own_scenes))[(0, 0)]


def test_groups_of_too_few_planes_are_an_error_before_training(tmp_path: Path) -> None:
    out = write_data_set(tmp_path / "data", {"train-000000": 2})
    with pytest.raises(UserError, match=r"at least --targets 3 planes, its groups have 2; render with more --planes"):
        find_training_shards(data(out, targets=3))


def test_a_data_set_without_groups_is_an_error_before_training(tmp_path: Path) -> None:
    def one_plane(samples: Samples) -> None:
        for fields in samples.values():
            fields["json"] = fields["json"].replace(b'"group":[0,0,1,1]', b'"group":[0,1,2,3]')

    out = write_data_set(tmp_path / "data", {"train-000000": 2})
    forge(out, "train-000000", one_plane)
    with pytest.raises(UserError, match=r"must have stacking groups of at least 2 planes; the first sample: .*group"):
        find_training_shards(data(out))


def test_no_data_set_and_no_split_are_errors(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--data .*must be a data set.*name the --out folder of a render run"):
        find_training_shards(data(tmp_path))
    with pytest.raises(UserError, match="samples of split val"):
        find_training_shards(data(scenes, split="val"))


class _Failing(GroupDataset):
    """Every sample fails as it does when a store is down."""

    error: Exception

    def __getitem__(self, place: tuple[int, int]) -> Any:
        raise self.error


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("error", [StoreError("s3://bucket/set: down"), UserError("no sample", exit_code=1)])
def test_what_fails_in_a_worker_is_said_in_its_own_line(error: Exception, workers: int, scenes: Path) -> None:
    failing = _Failing(find_training_shards(data(scenes)), data(scenes), ObjectiveConfig(), 0)
    failing.error = error
    positions = PositionSampler(5, 2, Rank(), first=0, count=1)
    with pytest.raises(type(error), match=f"^{error}$"):
        next(open_batches(failing, positions, data(scenes, workers=workers)))


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize(("verify", "epochs"), [("first-epoch", {0}), ("always", {0, 1}), ("never", set())])
def test_checksums_are_compared_in_the_epochs_asked_for(verify: str, epochs: set[int], own_scenes: Path) -> None:
    """A bit that flips in every picture of a sample: it decodes, so that only its checksum tells."""
    tar = own_scenes / "shards" / "train-000000.tar"
    content = bytearray(tar.read_bytes())
    pictures = [member for member in scan(tar)[0] if member.key == "00000000" and member.name.endswith(".jpg")]
    for member in pictures:
        content[member.offset + member.size * 3 // 4] ^= 4
    tar.write_bytes(bytes(content))
    groups = dataset(data(own_scenes, verify=verify))
    dropped = {
        epoch: [complaint for position in range(5) for complaint in groups[(epoch, position)][1]] for epoch in (0, 1)
    }
    assert {epoch for epoch, complaints in dropped.items() if complaints} == epochs
    assert all("must have crc32" in complaint.message for each in dropped.values() for complaint in each)


def test_every_second_item_is_of_the_labeled_scenes_where_only_some_are(scenes: Path) -> None:
    """Two of five scenes: each makes a quarter of the items or more, and says that its targets are true."""
    found = batches(data(scenes, labeled_scenes=2), Rank(), 0, 10)
    assert {batch.keys[0] for batch in found} == {"00000000", "00000001"}
    assert {key for batch in found for key in batch.keys} == {f"{number:08d}" for number in range(5)}
    for batch in found:
        assert batch.fields["is_labeled"].tolist() == [key < "00000002" for key in batch.keys]
        assert batch.fields["is_own_dropped"][~batch.fields["is_labeled"]].all()
