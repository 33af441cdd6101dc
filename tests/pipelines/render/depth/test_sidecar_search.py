"""Which depth file belongs to which photo: forms of names, letter case, Unicode, folders; one file for one photo."""

from __future__ import annotations

import dataclasses
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.render.config import RenderConfig
from pipelines.render.depth.sidecar_search import SidecarFolders
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.run import forecast
from tests.pipelines.render.depth.test_sidecar import disparity, npy
from tests.pipelines.render.photos.photo_examples import slope, source_at
from tests.pipelines.tiny_photos import write_photo


def called(path: Path, name: str) -> PhotoSource:
    return dataclasses.replace(source_at(path), name=name)


@pytest.mark.parametrize("mark", [".", "_"])
@pytest.mark.parametrize("word", ["disparity", "depth", "DISPARITY", "Depth"])
@pytest.mark.parametrize("extension", ["png", "npy", "pfm", "npz", "tif", "tiff", "NPY"])
def test_every_form_of_a_name_is_found(tmp_path: Path, mark: str, word: str, extension: str) -> None:
    path = tmp_path / f"a.b{mark}{word}.{extension}"
    path.write_bytes(b"")
    (tmp_path / f"a{mark}{word}.{extension}").write_bytes(b"")  # of another photo
    assert SidecarFolders().find(source_at(tmp_path / "a.b.jpg")) == path


def test_an_underscore_says_what_the_numbers_are_like_a_dot(tmp_path: Path) -> None:
    (tmp_path / "a_depth.npy").write_bytes(npy(1 + 9 * slope()))
    assert disparity(tmp_path).kind == "metric"
    (tmp_path / "a_DISPARITY.npy").write_bytes(npy(1 + 9 * slope()))
    assert disparity(tmp_path).kind == "relative"


def test_letter_case_and_unicode_form_do_not_matter_and_the_equal_name_goes_first(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Caf\u00e9") for form in ("NFC", "NFD"))
    photo = source_at(tmp_path / f"{decomposed}.jpg")
    found = []
    for stem in (composed.lower(), composed, decomposed):
        (tmp_path / f"{stem}.depth.npy").write_bytes(b"")
        found.append(SidecarFolders().find(photo))
    assert found == [tmp_path / f"{stem}.depth.npy" for stem in (composed.lower(), composed, decomposed)]


def test_a_bare_tiff_beside_a_photo_is_depth_only_when_its_header_says_so(tmp_path: Path) -> None:
    photo = source_at(tmp_path / "a.jpg")
    Image.fromarray((slope() * 255).astype(np.uint8)).save(tmp_path / "a.tif")  # may be a photo, too
    assert SidecarFolders().find(photo) is None
    Image.fromarray(slope()).save(tmp_path / "a.tif")
    assert SidecarFolders().find(photo) == tmp_path / "a.tif"
    assert SidecarFolders().find(source_at(tmp_path / "a.tif")) is None


def test_a_tree_of_depths_is_found_by_the_names_of_a_list(tmp_path: Path) -> None:
    depths = tmp_path / "depths"
    photos = [called(tmp_path / "data" / scene / "1.jpg", f"{scene}/1.jpg") for scene in ("s1", "s2")]
    for scene in ("s1", "s2"):
        (depths / scene).mkdir(parents=True)
        (depths / scene / "1.npy").write_bytes(b"")
    folders = SidecarFolders(depths)
    assert [folders.find(photo) for photo in photos] == [depths / "s1" / "1.npy", depths / "s2" / "1.npy"]
    assert folders.rejections(photos) == {}
    assert f"{depths / 's1'} or {depths}" in folders.looked_for(photos[0])


def test_a_map_that_would_serve_two_photos_serves_none_and_both_are_named(tmp_path: Path) -> None:
    (tmp_path / "1.npy").write_bytes(b"")
    photos = [called(tmp_path / "x" / scene / "1.jpg", f"{scene}/1.jpg") for scene in ("s1", "s2")]
    other = called(tmp_path / "x" / "2.jpg", "2.jpg")
    refused = SidecarFolders(tmp_path).rejections([*photos, other])
    assert set(refused) == {0, 1}
    for rejection in refused.values():
        assert rejection.code == "sidecar_shared"
        assert "1.npy would serve 2 different photos (s1/1.jpg, s2/1.jpg)" in rejection.message


def test_photos_of_one_stem_cost_themselves_and_no_others(tiny_config: RenderConfig) -> None:
    folder = Path(tiny_config.source.photos)
    write_photo(folder / "photo_0.jpg", seed=8)  # writes the map of photo_0.png anew
    said = forecast(tiny_config)
    assert said.rejected_by_code == {"depth/sidecar_shared": 2}
    assert said.photos == 6
    assert sum(said.samples_by_split.values()) == 4
