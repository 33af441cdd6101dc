"""Which photos are found, in which order, under which names; and what is said when there are none."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import Rejection, UserError
from pipelines.render.photos.finding import find_photos
from pipelines.render.photos.listing import list_photos
from pipelines.render.photos.photo import Photo, PhotoSource, load_photo
from simulator.scenes.catalog import KINDS
from tests.pipelines.render.photos import hostile_photos as hostile


def write(path: Path, content: bytes | str = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(spec: str | Path) -> list[str]:
    return [photo.name for photo in list_photos(str(spec), seed=0)]


def test_a_folder_is_walked_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ["b.jpg", "a.PNG", "sub/c.webp", "sub/deep/d.tiff", "Z.jpeg", "sub.tif"]:
        write(tmp_path / name)
    assert names(tmp_path) == ["Z.jpeg", "a.PNG", "b.jpg", "sub.tif", "sub/c.webp", "sub/deep/d.tiff"]


def test_hidden_files_sidecars_and_other_files_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg")
    for name in [".b.jpg", ".trash/c.jpg", "a.disparity.png", "a.depth.PNG", "a.npy", "notes.txt", "depth.json"]:
        write(tmp_path / name)
    assert names(tmp_path) == ["a.jpg"]


def test_a_16_bit_gray_png_beside_a_photo_of_its_name_is_its_depth(tmp_path: Path) -> None:
    write(tmp_path / "a.JPG")
    write(tmp_path / "a.png", hostile.gray16("PNG"))
    write(tmp_path / "b.jpg")
    write(tmp_path / "b.png", hostile.encoded(hostile.noise()))  # color: another photo
    write(tmp_path / "c.png", hostile.gray16("PNG"))  # alone: a photo to be rejected, with a reason
    assert names(tmp_path) == ["a.JPG", "b.jpg", "b.png", "c.png"]


def test_linked_folders_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere/a.jpg")
    photos = tmp_path / "photos"
    write(photos / "b.jpg")
    (photos / "linked").symlink_to(tmp_path / "elsewhere")
    (photos / "loop").symlink_to(photos)
    assert names(photos) == ["b.jpg", "linked/a.jpg"]


def test_formats_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ["a.jpg", "b.avif", "c.AVIF", "d.dng"]:
        write(tmp_path / name)
    assert names(tmp_path) == ["a.jpg"]
    assert "passed over 2 .avif, 1 .dng" in caplog.text


def test_an_empty_folder_says_what_was_looked_for_and_the_way_out(tmp_path: Path) -> None:
    write(tmp_path / "a.avif")
    with pytest.raises(UserError) as caught:
        find_photos(str(tmp_path), limit=None, seed=0)
    for part in (str(tmp_path), ".jpg", ".tiff", "1 .avif", "builtin:8"):
        assert part in caught.value.message
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("spec", ["no/such/folder", "builtin:", "builtin:0", "builtin:-3", "builtin:x", "builtin:²"])
def test_a_spec_that_means_nothing_is_refused(spec: str) -> None:
    with pytest.raises(UserError, match="builtin:"):
        find_photos(spec, limit=None, seed=0)


def test_a_single_photo_is_refused_with_the_way_out(tmp_path: Path) -> None:
    photo = write(tmp_path / "a.jpg")
    with pytest.raises(UserError, match="neither a folder nor a list"):
        find_photos(str(photo), limit=None, seed=0)


def test_builtin_scenes_are_a_function_of_seed_and_index() -> None:
    photos, rejected = find_photos("builtin:20", limit=None, seed=7)
    assert rejected == []
    assert [photo.name for photo in photos[:2]] == ["builtin-000000", "builtin-000001"]
    assert len({photo.builtin_seed for photo in photos}) == 20
    assert max(photo.builtin_seed for photo in photos) < 2**53  # exact in every JSON reader
    turns = [photo.builtin_seed % len(KINDS) for photo in photos]  # `builtin_scene` shows the kind of that number
    assert turns == [*range(10), *range(10)]
    first = photos[0]
    assert first.location == f"builtin:{first.builtin_seed}"
    assert first.sha256 == hashlib.sha256(first.location.encode()).hexdigest()
    assert first.scene_id == first.sha256[:16]
    assert (first.license, first.author, first.is_builtin) == ("CC0-1.0", "refocus-foundry", True)
    assert find_photos("builtin:5", limit=None, seed=7)[0] == photos[:5]
    assert find_photos("builtin:20", limit=5, seed=7)[0] == photos[:5]
    assert {p.scene_id for p in find_photos("builtin:20", limit=None, seed=8)[0]}.isdisjoint(
        photo.scene_id for photo in photos
    )


def test_photos_are_known_by_their_content(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", b"content")
    photos, _ = find_photos(str(tmp_path), limit=None, seed=0)
    sha256 = hashlib.sha256(b"content").hexdigest()
    location = str(tmp_path / "a.jpg")
    assert photos == [PhotoSource(sha256[:16], "a.jpg", location, sha256, "", "", "")]


def test_of_exact_duplicates_the_first_is_kept_and_the_others_are_recorded(tmp_path: Path) -> None:
    for name in ["b.jpg", "a.jpg", "sub/c.jpg"]:
        write(tmp_path / name, b"same")
    write(tmp_path / "d.jpg", b"other")
    photos, rejected = find_photos(str(tmp_path), limit=None, seed=0)
    assert [photo.name for photo in photos] == ["a.jpg", "d.jpg"]
    assert [(r.name, r.stage, r.code) for r in rejected] == [
        ("b.jpg", "photo", "duplicate"),
        ("sub/c.jpg", "photo", "duplicate"),
    ]
    assert "a.jpg" in rejected[0].message


def test_a_limit_takes_the_first_different_photos(tmp_path: Path) -> None:
    for index, content in enumerate([b"1", b"1", b"2", b"3", b"4"]):
        write(tmp_path / f"{index}.jpg", content)
    everything, _ = find_photos(str(tmp_path), limit=None, seed=0)
    first, rejected = find_photos(str(tmp_path), limit=2, seed=0)
    assert first == everything[:2]
    assert [r.name for r in rejected] == ["1.jpg"]
    with pytest.raises(UserError, match="--limit must be >= 1, got 0"):
        find_photos(str(tmp_path), limit=0, seed=0)


def test_a_csv_lists_photos_with_their_origin(tmp_path: Path) -> None:
    write(tmp_path / "photos/a.jpg", b"a")
    write(tmp_path / "photos/b.jpg", b"b")
    outside = write(tmp_path / "c.jpg", b"c")
    table = write(
        tmp_path / "photos/list.csv",
        "\ufeffpath,license,author,source_url,rating\n"
        "b.jpg,CC-BY-4.0,Ada,https://example.org/b,5\n"
        'a.jpg,,"Babbage, C.",,\n'
        "gone.jpg,,,,\n"
        f"{outside},,,,\n",
    )
    photos, rejected = find_photos(str(table), limit=None, seed=0)
    assert [(p.name, p.license, p.author, p.source_url) for p in photos] == [
        ("b.jpg", "CC-BY-4.0", "Ada", "https://example.org/b"),
        ("a.jpg", "", "Babbage, C.", ""),
        ("c.jpg", "", "", ""),  # not the path of somebody's home
    ]
    assert [(r.name, r.code) for r in rejected] == [("gone.jpg", "missing")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,license\na.jpg,x\n", "must have a column `path`, its columns are .*file"),
        ("path,license\n,x\n", "the first, list.csv line 2: `path` is empty"),
        ("path\n", "lists no photos"),
        ("", "lists no photos"),
        ("path\ngone.jpg\n", "none of its 1 photos can be read; the first, gone.jpg: the file does not exist"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_photos(str(write(tmp_path / "list.csv", text)), limit=None, seed=0)


def test_a_csv_in_another_encoding_says_so(tmp_path: Path) -> None:
    table = write(tmp_path / "list.csv", "path,author\na.jpg,Jürgen\n".encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        find_photos(str(table), limit=None, seed=0)


def test_a_name_that_is_not_utf8_is_rejected_and_can_be_written_down(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", b"a")
    with open(os.fsencode(tmp_path) + b"/b\xff.jpg", "wb") as stream:
        stream.write(b"b")
    photos, rejected = find_photos(str(tmp_path), limit=None, seed=0)
    assert [photo.name for photo in photos] == ["a.jpg"]
    assert [(r.code, r.name.encode("utf-8")) for r in rejected] == [("name", b"b\\udcff.jpg")]


def source_of(path: Path) -> PhotoSource:
    return find_photos(str(path.parent), limit=None, seed=0)[0][0]


def test_a_photo_is_loaded_with_its_source(tmp_path: Path) -> None:
    pixels = hostile.noise(90, 120)
    source = source_of(write(tmp_path / "a.png", hostile.encoded(pixels)))
    photo = load_photo(source, long_side=60)
    assert photo.source == source
    assert photo.srgb.shape == (45, 60, 3)
    assert (photo.original_width, photo.original_height) == (120, 90)


def test_a_photo_that_changed_since_planning_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", hostile.encoded(hostile.noise(seed=1)))
    source = source_of(path)
    write(path, hostile.encoded(hostile.noise(seed=2)))
    with pytest.raises(Rejection) as caught:
        load_photo(source, long_side=768)
    assert (caught.value.stage, caught.value.code) == ("photo", "changed")


def test_a_photo_that_is_gone_since_planning_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", hostile.encoded(hostile.noise()))
    source = source_of(path)
    path.unlink()
    with pytest.raises(Rejection) as caught:
        load_photo(source, long_side=768)
    assert (caught.value.stage, caught.value.code) == ("photo", "missing")


def test_a_photo_that_is_a_folder_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", b"a")
    (tmp_path / "b.jpg").mkdir()
    table = write(tmp_path / "list.csv", "path\na.jpg\nb.jpg\n")
    _, rejected = find_photos(str(table), limit=None, seed=0)
    assert [(r.name, r.code) for r in rejected] == [("b.jpg", "unreadable")]


def test_a_builtin_scene_is_not_loaded_as_a_photo() -> None:
    with pytest.raises(ValueError, match="drawn, not loaded"):
        load_photo(find_photos("builtin:1", limit=None, seed=0)[0][0], long_side=768)


def test_records_check_themselves() -> None:
    source = find_photos("builtin:1", limit=None, seed=0)[0][0]
    with pytest.raises(ValueError, match="scene_id"):
        PhotoSource("0" * 16, "a", "/a", source.sha256, "", "", "")
    with pytest.raises(ValueError, match=r"srgb must be uint8 \[H, W, 3\]"):
        Photo(source, np.zeros((4, 4, 3), np.float32), 4, 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no larger than the original"):
        Photo(source, np.zeros((4, 8, 3), np.uint8), 4, 8)


def test_a_large_file_is_not_read_when_its_header_says_that_most_of_it_is_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.render.photos.content._LARGE_FILE_BYTES", 1 << 20)
    picture = hostile.encoded(hostile.noise(), "JPEG")
    write(tmp_path / "a.jpg", picture + bytes(1_200_000))  # a motion photo, say
    assert [found.name for found in find_photos(str(tmp_path), limit=None, seed=0).sources] == ["a.jpg"]
    for content, code in (
        (picture + bytes(3 << 20), "too_large"),
        (bytes(3 << 20), "empty"),
        (b"BM" * (1 << 20), "format"),
    ):
        write(tmp_path / "b.jpg", content)
        assert [reject.code for reject in find_photos(str(tmp_path), limit=None, seed=0).left_out] == [code]
