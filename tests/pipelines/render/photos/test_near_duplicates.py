from __future__ import annotations

import hashlib
import io
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from pipelines.render.photos.near_duplicates import families, near_pairs, perceptual_hashes
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.plan.splits import split_of, splits_of
from tests.pipelines.render.photos.photo_examples import scenery
from tests.pipelines.render.plan.test_plan import PHOTOS

THIRDS = (0.34, 0.33, 0.33)


def on_disk(path: Path, image: Image.Image, **options: object) -> PhotoSource:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    path.write_bytes(stream.getvalue())
    sha256 = hashlib.sha256(stream.getvalue()).hexdigest()
    return PhotoSource(sha256[:16], path.name, str(path), sha256, "", "", "")


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
    first, second = near_pairs(everything)
    found = {(min(a, b), max(a, b)) for a, b in zip(first.tolist(), second.tolist(), strict=True)}
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
        found = near_pairs(np.array([first, other], np.uint64))
        assert [{int(i), int(j)} for i, j in zip(*found, strict=True)] == ([{0, 1}] if is_near else [])


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


def test_near_duplicates_share_a_split_and_others_have_their_own() -> None:
    hashes = {photo.scene_id: f"{number // 5 * 0x0123456789ABCDEF % 2**64:016x}" for number, photo in enumerate(PHOTOS)}
    splits, conflicting = splits_of(PHOTOS, hashes, {}, THIRDS)
    assert not conflicting
    heads = families(hashes)
    assert all(splits[scene_id] == split_of(head, THIRDS) for scene_id, head in heads.items())
    assert set(splits.values()) == {"train", "val", "test"}


def test_new_photos_follow_their_like_and_never_join_two_splits() -> None:
    old, new, link = PHOTOS[:3]
    hashes = {old.scene_id: "0" * 16, new.scene_id: "000000000000003f", link.scene_id: "000000000000003f"}
    for split in ("train", "val", "test"):
        assert splits_of([new], hashes, {old.scene_id: split}, THIRDS) == ({new.scene_id: split}, {})
    assigned = {old.scene_id: "train", new.scene_id: "test"}
    assert splits_of([link], hashes, assigned, THIRDS) == ({}, {link.scene_id: ["test", "train"]})
    assert splits_of([old], hashes, assigned, THIRDS) == ({old.scene_id: "train"}, {})  # tried again, where it was
