from __future__ import annotations

import hashlib
import io
import tracemalloc
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pipelines.errors import Rejection
from pipelines.render.photos import near_duplicates
from pipelines.render.photos.content import ContentHashes, content_hashes
from pipelines.render.photos.near_duplicates import families, near_pairs, sequence_links
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.photos.table import PhotoTable
from pipelines.render.plan.splits import UNASSIGNED, families_of, split_of, split_warnings, splits_of
from shards.record import SPLITS
from tests.pipelines.render.photos.photo_examples import scenery
from tests.pipelines.render.plan.test_plan import PHOTOS

THIRDS = (0.34, 0.33, 0.33)


def on_disk(path: Path, image: Image.Image, **options: object) -> PhotoSource:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    path.write_bytes(stream.getvalue())
    sha256 = hashlib.sha256(stream.getvalue()).hexdigest()
    return PhotoSource(sha256[:16], path.name, str(path), sha256, "", "", "")


def hashed(photos: Sequence[PhotoSource]) -> PhotoTable:
    """The photos with the perceptual hashes of their files."""
    table = PhotoTable()
    for photo in photos:
        found = content_hashes(photo.location, near=True)
        assert isinstance(found, ContentHashes)
        assert found.sha256.hex() == photo.sha256
        table.append(photo, found.near_hash or "")
    return table


def with_hashes(photos: Sequence[PhotoSource], hashes: Sequence[str]) -> PhotoTable:
    table = PhotoTable()
    for photo, near_hash in zip(photos, hashes, strict=True):
        table.append(photo, near_hash)
    return table


def heads(hashes: Sequence[int], links: Sequence[tuple[int, int]] = ()) -> list[int]:
    """The head of each hash's family, of photos whose scene_ids count up."""
    count = len(hashes)
    linked = np.array(links, np.int64).reshape(-1, 2)
    values = np.array(hashes, np.uint64)
    return families(np.arange(count, dtype=np.uint64), values, np.ones(count, bool), linked).tolist()


def placed(photos: PhotoTable, new: Sequence[int], assigned: Sequence[int]) -> tuple[list[int], dict[int, list[str]]]:
    splits, conflicting = splits_of(
        photos, np.array(new, np.int64), families_of(photos), np.array(assigned, np.int8), THIRDS
    )
    return splits.tolist(), conflicting


def pairs_of(hashes: NDArray[np.uint64], agreeing: int | None = None) -> set[tuple[int, int]]:
    pieces = near_pairs(hashes, np.arange(len(hashes)), agreeing)
    return {(min(i, j), max(i, j)) for a, b in pieces for i, j in zip(a.tolist(), b.tolist(), strict=True)}


@pytest.mark.parametrize("agreeing", [None, 2, 3, 4])
def test_all_near_pairs_are_found_and_no_others(agreeing: int | None) -> None:
    """Against the plain comparison of all with all, on hashes with planted neighbors at every distance up to 9."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 2**64, 400, dtype=np.uint64)
    for i in range(200):
        for bit in random.choice(64, i % 10, replace=False):
            hashes[i] ^= np.uint64(1) << np.uint64(bit)
        hashes[200 + i] = hashes[i] if i % 10 == 0 else hashes[200 + i]
    planted = hashes.copy()
    for i in range(200):
        for bit in random.choice(64, i % 10, replace=False):
            planted[i] ^= np.uint64(1) << np.uint64(bit)
    everything = np.concatenate([hashes, planted[:200]])
    found = pairs_of(everything, agreeing)
    truth = {
        (a, b)
        for a, b in combinations(range(len(everything)), 2)
        if int(everything[a] ^ everything[b]).bit_count() <= 6
    }
    assert found == truth
    assert len(truth) >= 140  # seven in ten of the planted ones lie within the distance


@pytest.mark.parametrize("equal", list(combinations(range(8), 2)))
def test_a_pair_is_found_whichever_two_bytes_agree(equal: tuple[int, int]) -> None:
    """Six bits differ, each in a byte of its own, so that only two bytes agree; a seventh bit is one too many."""
    first = 0x0123456789ABCDEF
    second = first ^ sum(1 << (8 * byte + byte) for byte in range(8) if byte not in equal)
    third = second ^ 1 << (8 * equal[0] + 7)
    for other, is_near in ((second, True), (third, False)):
        assert pairs_of(np.array([first, other], np.uint64)) == ({(0, 1)} if is_near else set())


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_for_a_pair(count: int) -> None:
    assert heads(range(count)) == list(range(count))


def test_a_family_is_what_hangs_together_and_is_called_after_its_first() -> None:
    hashes = np.array([0, 0x3F, 0xFFF, 2**64 - 1, 0], np.uint64)
    scene_ids = np.array([12, 10, 11, 35, 7], np.uint64)
    has_hash = np.array([True, True, True, True, False])
    assert families(scene_ids, hashes, has_hash, np.empty((0, 2), np.int64)).tolist() == [1, 1, 1, 3, 4]


def test_copies_of_a_photo_are_a_family_and_other_photos_are_not(tmp_path: Path) -> None:
    photos = []
    for seed in range(4):
        image = Image.fromarray(scenery(300, 400, seed))
        turned = image.transpose(Image.Transpose.ROTATE_90)  # EXIF 6 turns it back
        exif = Image.Exif()
        exif[274] = 6
        photos += [
            on_disk(tmp_path / f"{seed}.jpg", image, quality=95),
            on_disk(tmp_path / f"{seed}-small.jpg", image.resize((200, 150)), quality=50),
            on_disk(tmp_path / f"{seed}-bright.jpg", ImageEnhance.Brightness(image).enhance(1.1)),
            on_disk(tmp_path / f"{seed}-turned.jpg", turned, exif=exif, quality=95),
        ]
    table = hashed(photos)
    head = families(table.scene_ids, table.near_hashes, table.has_near_hash, np.empty((0, 2), np.int64)).tolist()
    assert [len(set(head[i : i + 4])) for i in range(0, 16, 4)] == [1, 1, 1, 1]
    assert len(set(head)) == 4


def test_what_does_not_decode_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no")
    found = content_hashes(str(tmp_path / "broken.jpg"), near=True)
    assert found == ContentHashes(hashlib.sha256(b"\xff\xd8 no").digest(), "")
    gone = content_hashes(str(tmp_path / "gone.jpg"), near=True)
    assert isinstance(gone, Rejection)
    assert gone.code == "missing"


def components(hashes: list[int]) -> list[int]:
    """The slow twin: the smallest index that each hash hangs together with, by comparing all with all."""
    label = list(range(len(hashes)))
    for i, j in combinations(range(len(hashes)), 2):
        if (hashes[i] ^ hashes[j]).bit_count() <= 6:
            low, high = sorted((label[i], label[j]))
            label = [low if one == high else one for one in label]
    return label


@pytest.mark.parametrize("seed", range(20))
def test_families_are_the_components_of_all_near_pairs(seed: int) -> None:
    """Clouds of hashes around a few centers that share bytes, loose ones and dense ones, some equal."""
    random = np.random.default_rng(seed)
    centers = [int(random.integers(0, 2**32)) << 32 | int(random.integers(0, 2)) for _ in range(4)]
    hashes = []
    for number in range(120):
        bits = random.choice(64, number % 8, replace=False)
        hashes.append(centers[number % 4] ^ sum(1 << int(bit) for bit in bits))
    found = heads(hashes)
    assert found == components(hashes)
    assert 4 <= len(set(found)) < 100


@pytest.mark.parametrize(("count", "flips"), [(3000, 0), (3000, 3), (30_000, 5)])
def test_photos_that_hash_alike_take_memory_for_photos_and_not_for_pairs(count: int, flips: int) -> None:
    """All within a few bits of one hash: 4.5 million pairs of 3,000, 450 million of 30,000."""
    random = np.random.default_rng(0)
    bits = random.random((count, 64)).argsort(axis=1)[:, :flips].astype(np.uint64)
    hashes = np.bitwise_xor.reduce(np.uint64(1) << bits, axis=1, initial=np.uint64(0x0123456789ABCDEF))
    ids, all_hashed, no_links = np.arange(count, dtype=np.uint64), np.ones(count, bool), np.empty((0, 2), np.int64)
    tracemalloc.start()
    found = families(ids, hashes, all_hashed, no_links)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found.tolist()) == {0}
    assert peak < 500 * count  # bytes: a few dozen arrays of 8


def test_links_join_families_and_photos_without_a_hash() -> None:
    hashes = np.array([0, 2**64 - 1, 2**64 - 1, 0, 0, 0], np.uint64)
    has_hash = np.array([True, True, True, False, False, False])
    links = np.array([(2, 3), (4, 5)], np.int64)
    assert families(np.arange(6, dtype=np.uint64), hashes, has_hash, links).tolist() == [0, 1, 1, 1, 4, 4]
    assert set(heads([0, 2**64 - 1, 2**64 - 1], [(0, 2)])) == {0}


def test_more_hashes_are_sorted_more_often_and_compared_less() -> None:
    chosen = [near_duplicates._best_agreeing(10**power) for power in range(3, 9)]
    assert chosen == sorted(chosen)
    assert (chosen[0], chosen[-1]) == (2, 4)


def named(*names: str, group: str = "") -> list[PhotoSource]:
    sums = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    return [
        PhotoSource(one[:16], name, f"/{name}", one, "", "", "", group) for one, name in zip(sums, names, strict=True)
    ]


def test_neighbors_are_those_of_a_folder_in_the_order_of_their_numbers() -> None:
    names = ["v/f10.jpg", "v/f9.jpg", "v/f1.jpg", "w/f11.jpg", "v/g.jpg", "v/f2.jpg"]
    has_hash = np.array([True, True, True, True, True, False])
    links = sequence_links(names, np.zeros(6, np.uint64), has_hash).tolist()
    named_links = [(names[a], names[b]) for a, b in links]
    assert named_links == [("v/f1.jpg", "v/f9.jpg"), ("v/f9.jpg", "v/f10.jpg"), ("v/f10.jpg", "v/g.jpg")]


@pytest.mark.parametrize(("bits", "linked"), [(20, True), (21, False)])
def test_neighbors_may_differ_in_twenty_bits(bits: int, linked: bool) -> None:
    hashes = np.array([0, 2**bits - 1], np.uint64)
    assert len(sequence_links(["1.jpg", "2.jpg"], hashes, np.ones(2, bool))) == linked


def pan(folder: Path, picture: Image.Image, frames: int) -> list[PhotoSource]:
    """Frames cut from a large picture, each 3 % of its width beside the one before."""
    width = round(picture.width / (1 + 0.03 * (frames - 1)))
    return [
        on_disk(folder / f"frame{i}.jpg", picture.crop((x, 0, x + width, picture.height)), quality=90)
        for i in range(frames)
        for x in [round(0.03 * width * i)]
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_pan_is_one_family_and_shares_a_split(tmp_path: Path, seed: int) -> None:
    """Its ends show different places. Near-duplicates alone do not hold it together: some neighbors differ too much."""
    photos = hashed(pan(tmp_path, Image.fromarray(scenery(240, 800, seed)), frames=40))
    assert (int(photos.near_hash(0), 16) ^ int(photos.near_hash(39), 16)).bit_count() > 6
    assert len(set(heads(photos.near_hashes.tolist()))) > 1
    splits, conflicting = placed(photos, range(40), [UNASSIGNED] * 40)
    assert len(set(splits)) == 1
    assert not conflicting


def test_near_duplicates_share_a_split_and_others_have_their_own() -> None:
    hashes = [number // 5 * 0x0123456789ABCDEF % 2**64 for number in range(len(PHOTOS))]
    photos = with_hashes(PHOTOS, [f"{one:016x}" for one in hashes])
    family_of = families_of(photos).tolist()
    splits, conflicting = placed(photos, range(len(PHOTOS)), [UNASSIGNED] * len(PHOTOS))
    assert not conflicting
    assert [family_of.index(head) // 5 for head in family_of] == [number // 5 for number in range(len(PHOTOS))]
    assert [SPLITS[split] for split in splits] == [split_of(PHOTOS[head].scene_id, THIRDS) for head in family_of]
    assert set(splits) == {0, 1, 2}


def test_new_photos_follow_their_like_and_never_join_two_splits() -> None:
    old, new, link = 0, 1, 2
    photos = with_hashes(PHOTOS[:3], ["0" * 16, "000000000000003f", "000000000000003f"])
    for split in range(3):
        assert placed(photos, [new], [split, UNASSIGNED, UNASSIGNED]) == ([split], {})
    assigned = [SPLITS.index("train"), SPLITS.index("test"), UNASSIGNED]
    assert placed(photos, [link], assigned) == ([UNASSIGNED], {link: ["test", "train"]})
    assert placed(photos, [old], assigned) == ([SPLITS.index("train")], {})  # tried again, where it was


def test_a_group_shares_a_split_and_takes_its_near_duplicates_along() -> None:
    group, others = named("a.jpg", "b.jpg", "c.jpg", group="walk"), named("d.jpg", "x/e.jpg")
    family_of = families_of(with_hashes([*group, *others], ["", "", "0" * 16, "000000000000003f", "f" * 16]))
    assert len(set(family_of[:4].tolist())) == 1
    assert family_of[4] == 4
    assert len(set(families_of(PhotoTable([*group, *others])).tolist())) == 3  # groups hold without hashes


def test_a_split_without_photos_and_a_large_family_are_said() -> None:
    names = [f"{number}/a.jpg" for number in range(10)]
    alone, splits = np.arange(11), np.zeros(11, np.int8)
    said = split_warnings(names, alone[:10], splits[:10], (0.8, 0.1, 0.1))
    assert said == ["none of the 10 photos is in val or test; add photos or change --split-fractions"]
    family = np.where(alone == 1, 0, alone)
    (warning,) = split_warnings(names, family[:10], splits[:10], (1.0, 0.0, 0.0))
    assert "2 of the 10 photos look alike or are of one group, so all are in train: 0/a.jpg, 1/a.jpg" in warning
    assert split_warnings([*names, "z/a.jpg"], family, splits, (1.0, 0.0, 0.0)) == []
    left_out = np.where(alone == 5, UNASSIGNED, splits)
    assert "2 of the 10 photos" in split_warnings([*names, "z/a.jpg"], family, left_out, (1.0, 0.0, 0.0))[0]
