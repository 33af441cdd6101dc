from __future__ import annotations

import hashlib
import io
import tracemalloc
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from pipelines.render.photos.near_duplicates import families, near_pairs, perceptual_hashes, sequence_links
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.plan.splits import families_of, split_of, split_warnings, splits_of
from tests.pipelines.render.photos.photo_examples import scenery
from tests.pipelines.render.plan.test_plan import PHOTOS

THIRDS = (0.34, 0.33, 0.33)


def on_disk(path: Path, image: Image.Image, **options: object) -> PhotoSource:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    path.write_bytes(stream.getvalue())
    sha256 = hashlib.sha256(stream.getvalue()).hexdigest()
    return PhotoSource(sha256[:16], path.name, str(path), sha256, "", "", "")


def pairs_of(hashes: NDArray[np.uint64]) -> set[tuple[int, int]]:
    pieces = near_pairs(hashes, np.arange(len(hashes)))
    return {(min(i, j), max(i, j)) for a, b in pieces for i, j in zip(a.tolist(), b.tolist(), strict=True)}


def test_all_near_pairs_are_found_and_no_others() -> None:
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
    found = pairs_of(everything)
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
    assert families({f"{i:016x}": f"{i:016x}" for i in range(count)}) == {
        f"{i:016x}": f"{i:016x}" for i in range(count)
    }


def test_a_family_is_what_hangs_together_and_is_called_after_its_first() -> None:
    chain = {"cc": "0" * 16, "aa": "000000000000003f", "bb": "0000000000000fff", "zz": "f" * 16}
    assert families(chain) == {"aa": "aa", "bb": "aa", "cc": "aa", "zz": "zz"}


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
    head = families(perceptual_hashes(photos))
    assert [len({head[photo.scene_id] for photo in photos[i : i + 4]}) for i in range(0, 16, 4)] == [1, 1, 1, 1]
    assert len(set(head.values())) == 4


def test_what_does_not_decode_has_no_hash(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no")
    broken = PhotoSource("0" * 16, "broken.jpg", str(tmp_path / "broken.jpg"), "0" * 64, "", "", "")
    gone = PhotoSource("1" * 16, "gone.jpg", str(tmp_path / "gone.jpg"), "1" * 64, "", "", "")
    assert perceptual_hashes([broken, gone]) == {}


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
    names = [f"{number:04d}" for number in range(len(hashes))]
    found = families(dict(zip(names, (f"{one:016x}" for one in hashes), strict=True)))
    assert found == dict(zip(names, (names[label] for label in components(hashes)), strict=True))
    assert 4 <= len(set(found.values())) < 100


@pytest.mark.parametrize(("count", "flips"), [(3000, 0), (3000, 3), (30_000, 5)])
def test_photos_that_hash_alike_take_memory_for_photos_and_not_for_pairs(count: int, flips: int) -> None:
    """All within a few bits of one hash: 4.5 million pairs of 3,000, 450 million of 30,000."""
    random = np.random.default_rng(0)
    bits = random.random((count, 64)).argsort(axis=1)[:, :flips].astype(np.uint64)
    hashes = np.bitwise_xor.reduce(np.uint64(1) << bits, axis=1, initial=np.uint64(0x0123456789ABCDEF))
    named = {f"{number:06d}": f"{int(value):016x}" for number, value in enumerate(hashes)}
    tracemalloc.start()
    found = families(named)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found.values()) == {"000000"}
    assert peak < 2500 * count  # bytes: a few dozen arrays of 8, and the dictionaries


def test_links_join_families_and_photos_without_a_hash() -> None:
    hashes = {"aa": "0" * 16, "bb": "f" * 16, "cc": "f" * 16}
    assert families(hashes, [("cc", "dd"), ("ee", "ff")]) == {
        "aa": "aa",
        "bb": "bb",
        "cc": "bb",
        "dd": "bb",
        "ee": "ee",
        "ff": "ee",
    }
    assert set(families(hashes, [("aa", "cc")]).values()) == {"aa"}


def named(*names: str, group: str = "") -> list[PhotoSource]:
    sums = [hashlib.sha256(name.encode()).hexdigest() for name in names]
    return [
        PhotoSource(one[:16], name, f"/{name}", one, "", "", "", group) for one, name in zip(sums, names, strict=True)
    ]


def test_neighbors_are_those_of_a_folder_in_the_order_of_their_numbers() -> None:
    photos = named("v/f10.jpg", "v/f9.jpg", "v/f1.jpg", "w/f11.jpg", "v/g.jpg")
    hashes = {photo.scene_id: "0" * 16 for photo in photos}
    name = {photo.scene_id: photo.name for photo in photos}
    links = [(name[a], name[b]) for a, b in sequence_links(photos, hashes)]
    assert links == [("v/f1.jpg", "v/f9.jpg"), ("v/f9.jpg", "v/f10.jpg"), ("v/f10.jpg", "v/g.jpg")]


@pytest.mark.parametrize(("bits", "linked"), [(20, True), (21, False)])
def test_neighbors_may_differ_in_twenty_bits(bits: int, linked: bool) -> None:
    first, second = named("1.jpg", "2.jpg")
    hashes = {first.scene_id: "0" * 16, second.scene_id: f"{2**bits - 1:016x}"}
    assert len(sequence_links([first, second], hashes)) == linked


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
    photos = pan(tmp_path, Image.fromarray(scenery(240, 800, seed)), frames=40)
    hashes = perceptual_hashes(photos)
    ends = (int(hashes[photos[0].scene_id], 16) ^ int(hashes[photos[-1].scene_id], 16)).bit_count()
    assert ends > 6
    assert len(set(families(hashes).values())) > 1
    splits, conflicting = splits_of(photos, families_of(photos, hashes), {}, THIRDS)
    assert len(set(splits.values())) == 1
    assert not conflicting


def test_near_duplicates_share_a_split_and_others_have_their_own() -> None:
    hashes = {photo.scene_id: f"{number // 5 * 0x0123456789ABCDEF % 2**64:016x}" for number, photo in enumerate(PHOTOS)}
    heads = families_of(PHOTOS, hashes)
    splits, conflicting = splits_of(PHOTOS, heads, {}, THIRDS)
    assert not conflicting
    assert families(hashes) == heads
    assert all(splits[scene_id] == split_of(head, THIRDS) for scene_id, head in heads.items())
    assert set(splits.values()) == {"train", "val", "test"}


def test_new_photos_follow_their_like_and_never_join_two_splits() -> None:
    old, new, link = PHOTOS[:3]
    hashes = {old.scene_id: "0" * 16, new.scene_id: "000000000000003f", link.scene_id: "000000000000003f"}
    heads = families_of([old, new, link], hashes)
    for split in ("train", "val", "test"):
        assert splits_of([new], heads, {old.scene_id: split}, THIRDS) == ({new.scene_id: split}, {})
    assigned = {old.scene_id: "train", new.scene_id: "test"}
    assert splits_of([link], heads, assigned, THIRDS) == ({}, {link.scene_id: ["test", "train"]})
    assert splits_of([old], heads, assigned, THIRDS) == ({old.scene_id: "train"}, {})  # tried again, where it was


def test_a_group_shares_a_split_and_takes_its_near_duplicates_along() -> None:
    group, others = named("a.jpg", "b.jpg", "c.jpg", group="walk"), named("d.jpg", "x/e.jpg")
    photos = [*group, *others]
    hashes = {group[2].scene_id: "0" * 16, others[0].scene_id: "000000000000003f", others[1].scene_id: "f" * 16}
    family_of = families_of(photos, hashes)
    assert len({family_of[photo.scene_id] for photo in [*group, others[0]]}) == 1
    assert family_of[others[1].scene_id] == others[1].scene_id
    assert len(set(families_of(photos, {}).values())) == 3  # groups hold where near-duplicates are ignored


def test_a_split_without_photos_and_a_large_family_are_said() -> None:
    photos = named(*(f"{number}/a.jpg" for number in range(10)))
    alone = {photo.scene_id: photo.scene_id for photo in photos}
    splits = {photo.scene_id: "train" for photo in photos}
    said = split_warnings(photos, alone, splits, (0.9, 0.1, 0.0))
    assert len(said) == 1
    assert "split val has a share of 0.1 and none of the 10 photos" in said[0]
    family = alone | {photos[1].scene_id: photos[0].scene_id}
    (warning,) = split_warnings(photos, family, splits, (1.0, 0.0, 0.0))
    assert "2 of the 10 photos look alike or are of one group, so all are in train: 0/a.jpg, 1/a.jpg" in warning
    eleven = [*photos, *named("z/a.jpg")]
    alone |= {photo.scene_id: photo.scene_id for photo in eleven[10:]}
    family = alone | {photos[1].scene_id: photos[0].scene_id}
    assert split_warnings(eleven, family, splits | {eleven[10].scene_id: "train"}, (1.0, 0.0, 0.0)) == []
