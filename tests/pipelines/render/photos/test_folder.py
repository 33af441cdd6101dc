"""Which files of real folders are photos; the others are counted by reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.render.depth.sidecar_search import SidecarFolders
from pipelines.render.photos.folder import photos_in
from tests.pipelines.render.photos import hostile_photos as hostile
from tests.pipelines.render.photos.photo_examples import source_at

PHOTOS = [
    *("a.jpg", "B.JPG", "c.Jpeg", "d.jfif", "e.jpe", "f.mpo", "g.TIF", "h.webp", "i.png", "sub/j.jpg", "dir.jpg/k.jpg"),
    *("l_depths/m.jpg", "depths.jpg", "vis.png", "my_vis.png", "n-refocused.jpg", "x/depth_of_field.jpg"),
]
PASSED_OVER = {
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg": "thumbnails",
    "sub/@eaDir/j.jpg/SYNOPHOTO_THUMB_M.jpg": "thumbnails",
    ".thumbnails/large/0.png": "thumbnails",
    ".@__thumb/s100a.jpg": "thumbnails",
    "#recycle/old.jpg": "trash and copies of systems",
    "$RECYCLE.BIN/S-1/$R0.jpg": "trash and copies of systems",
    ".Trash-1000/files/t.jpg": "trash and copies of systems",
    "__MACOSX/._a.jpg": "trash and copies of systems",
    "._a.jpg": "hidden files",
    "sub/.hidden.png": "hidden files",
    "a_depth.png": "depth pictures",
    "a_disparity.jpg": "depth pictures",
    "B_vis.png": "depth pictures",
    "c-dpt_beit_large_512.png": "depth pictures",
    "sub/j_depth_vis.png": "depth pictures",
    "depth/0001.png": "depth pictures",
    "sub/Disparity/0001.tiff": "depth pictures",
    "a-jpg-refocused.jpg": "pictures of this program",
    "a-refocused.jpg": "pictures of this program",
    "set/preview/0.png": "pictures of this program",
    "set/preview/media/0/aif.jpg": "pictures of this program",
    "run/samples/step.png": "pictures of this program",
    "a-sweep/frame_000.png": "pictures of this program",
    "p.jxl": ".jxl",
    "q.NEF": ".nef",
    "r.gif": ".gif",
    "sub/s.avif": ".avif",
}
SILENT = [
    *("notes.txt", "depth.json", "a.npy", "a.disparity.png", "sub/j.depth.PNG", "noext", "h.jpg~"),
    *("set/.meta/config.json", "run/checkpoints/00000003/state.json", "a-sweep/pull.webp"),
    *("set/shards/train-000000.tar", ".git/objects/x.jpg"),
]


def fill(folder: Path) -> None:
    for name in [*PHOTOS, *PASSED_OVER, *SILENT]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_is_no_photo_has_its_reason(name: str, tmp_path: Path) -> None:
    fill(tmp_path)
    with_it = photos_in(tmp_path)
    (tmp_path / name).unlink()
    without = photos_in(tmp_path)
    reason = PASSED_OVER[name]
    assert name not in with_it.names
    assert with_it.passed_over[reason] == without.passed_over.get(reason, 0) + 1


def test_all_photos_and_nothing_else_are_found(tmp_path: Path) -> None:
    fill(tmp_path)
    found = photos_in(tmp_path)
    assert found.names == sorted(PHOTOS)
    assert sum(found.passed_over.values()) == len(PASSED_OVER) + 1  # pull.webp itself
    assert found.closed == []


def test_depth_pictures_need_their_photo(tmp_path: Path) -> None:
    for name in ("alone_depth.png", "_depth.png", "-refocused.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert photos_in(tmp_path).names == ["-refocused.jpg", "_depth.png", "alone_depth.png"]


def test_a_bare_16_bit_png_beside_its_photo_is_a_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "a.png").write_bytes(hostile.gray16("PNG"))
    found = photos_in(tmp_path)
    assert (found.names, found.passed_over) == (["a.jpg"], {})


def test_a_folder_that_may_not_be_entered_is_named(tmp_path: Path) -> None:
    """In a process of its own when root runs the tests: root may enter everything."""
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked" / "b.jpg").write_bytes(b"x")
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "locked").chmod(0)
    code = (
        "import os, sys; from pathlib import Path; from pipelines.render.photos.folder import photos_in\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "found = photos_in(Path('.')); print(found.names, found.closed)"
    )
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True)
    (tmp_path / "locked").chmod(0o755)
    assert said.stdout.strip() == "['a.jpg'] ['locked/']", said.stderr


def test_gray_pictures_of_16_bits_or_float_beside_a_photo_are_its_depth(tmp_path: Path) -> None:
    ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        (tmp_path / name).write_bytes(b"x")
    cv2.imwrite(str(tmp_path / "a.tif"), ramp)
    cv2.imwrite(str(tmp_path / "b.png"), (65535 * ramp).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "c.tiff"), (255 * ramp).astype(np.uint8))  # gray of 8 bits may be a photo
    (tmp_path / "d.tif").write_bytes(b"II*\0")  # broken: named when it is read
    cv2.imwrite(str(tmp_path / "alone.tif"), ramp)  # rejected with its reason, gray16
    assert photos_in(tmp_path).names == ["a.jpg", "alone.tif", "b.jpg", "c.jpg", "c.tiff", "d.jpg", "d.tif"]
    folders = SidecarFolders()
    found = [folders.find(source_at(tmp_path / f"{stem}.jpg")) for stem in "abcd"]
    assert [path and path.name for path in found] == ["a.tif", "b.png", None, None]
