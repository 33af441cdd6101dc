"""Depth files beside photos: which file, what its numbers mean, what size, and what is wrong with it."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from pipelines.errors import Rejection, UserError
from pipelines.render.depth.disparity_map import DisparityMap, resized
from pipelines.render.depth.sidecar import DepthNote, SidecarDepth, meaning, read_note
from pipelines.render.depth.sidecar_search import SidecarFolders
from tests.pipelines.render.photos import hostile_photos as hostile
from tests.pipelines.render.photos.photo_examples import photo_at, slope, source_at, write_pfm


def png16(values: NDArray[Any]) -> bytes:
    return hostile.encoded(np.round(values * 65535).astype(np.uint16))


def npy(values: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def estimate(folder: Path, **settings: Any) -> DisparityMap | Rejection:
    """The answer for the photo `a.jpg` of `folder`, 40x30, whose original was 80x60."""
    return SidecarDepth(**settings).prepared(photo_at(folder / "a.jpg", scale=2))


def disparity(folder: Path, **settings: Any) -> DisparityMap:
    answer = estimate(folder, **settings)
    assert isinstance(answer, DisparityMap), answer
    return answer


def rejection(folder: Path, **settings: Any) -> Rejection:
    answer = estimate(folder, **settings)
    assert isinstance(answer, Rejection), answer
    assert answer.stage == "depth"
    assert "\n" not in answer.message
    return answer


def say(folder: Path, **note: Any) -> None:
    (folder / "depth.json").write_text(json.dumps(note))


def test_every_format_gives_the_same_disparity(tmp_path: Path) -> None:
    maps = []
    for name in ("png", "npy", "pfm"):
        folder = tmp_path / name
        folder.mkdir()
        path = folder / f"a.disparity.{name}"
        if name == "pfm":
            write_pfm(path, slope())
        else:
            path.write_bytes(png16(slope()) if name == "png" else npy(slope()))
        maps.append(disparity(folder))
    for one in maps:
        assert (one.kind, one.unit, one.source) == ("relative", "1", "sidecar")
        assert one.source_revision.startswith("sha256:")
        # 16 bits resolve 1.5e-5; float32 arithmetic adds its own 1e-7.
        np.testing.assert_allclose(one.values, slope(), atol=2e-5)


def test_pfm_rows_run_from_the_bottom_up_in_both_byte_orders(tmp_path: Path) -> None:
    falling = np.ascontiguousarray(slope(40, 30).T[::-1])  # 1 in the top row, 0 at the bottom
    for scale in (-1.0, 1.0):
        write_pfm(tmp_path / "a.disparity.pfm", falling, scale=scale)
        np.testing.assert_allclose(disparity(tmp_path).values, falling, atol=1e-6)


def test_relative_disparity_is_normalized_whatever_its_scale(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(slope() * 37 - 1200))
    np.testing.assert_allclose(disparity(tmp_path).values, slope(), atol=1e-5)


def test_depth_by_name_is_meters_and_becomes_inverse_meters(tmp_path: Path) -> None:
    depth_m = 1 + 9 * slope()
    depth_m[0, 0] = 0.0  # no measurement
    depth_m[0, 1] = np.inf  # sky
    (tmp_path / "a.depth.npy").write_bytes(npy(depth_m))
    answer = disparity(tmp_path)
    assert (answer.kind, answer.unit) == ("metric", "1/m")
    np.testing.assert_allclose(answer.values[1:], 1 / depth_m[1:], rtol=1e-6)
    assert answer.values[0, 1] == 0.0
    assert answer.values[0, 0] == pytest.approx(answer.values[1, 0])  # filled from the neighbor that is no sky
    assert np.argwhere(~answer.known).tolist() == [[0, 0]]


def test_depth_json_gives_the_scale_of_whole_numbers(tmp_path: Path) -> None:
    depth_mm = np.round(1000 + 9000 * slope()).astype(np.uint16)
    (tmp_path / "a.depth.png").write_bytes(hostile.encoded(depth_mm))
    assert rejection(tmp_path).code == "scale_unknown"
    say(tmp_path, scale=0.001, source="stereo rig", source_revision="3")
    answer = disparity(tmp_path, deband=False)  # 40 rounded levels look like fewer than 8 bits
    np.testing.assert_allclose(answer.values, 1000 / depth_mm, rtol=1e-6)
    assert (answer.source, answer.source_revision) == ("stereo rig", "3")


def test_depth_json_overrules_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(1 + 9 * slope()))
    say(tmp_path, quantity="depth", kind="metric", offset=1.0)
    np.testing.assert_allclose(disparity(tmp_path).values, 1 / (2 + 9 * slope()), rtol=1e-6)


def test_metric_disparity_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(0.1 + slope()))
    answer = disparity(tmp_path, kind="metric")
    assert (answer.kind, answer.unit) == ("metric", "1/m")
    np.testing.assert_allclose(answer.values, 0.1 + slope(), rtol=1e-6)


def test_values_never_decide_the_kind(tmp_path: Path) -> None:
    """The same numbers, named differently, are read differently; unnamed, they are refused."""
    (tmp_path / "a.npy").write_bytes(npy(1 + slope()))
    assert rejection(tmp_path).code == "kind_unknown"
    relative, metric = disparity(tmp_path, kind="relative"), disparity(tmp_path, kind="metric")
    assert relative.values[0, 0] < relative.values[0, -1]
    assert metric.values[0, 0] > metric.values[0, -1]


@pytest.mark.parametrize(
    ("note", "kind", "message"),
    [
        (DepthNote(kind="metric"), "relative", "depth.json says metric, --depth-kind says relative"),
        (DepthNote(quantity="depth", kind="relative"), None, "relative depth"),
        (DepthNote(quantity="depth"), "relative", "relative depth"),
    ],
)
def test_contradictions_are_refused(note: DepthNote, kind: Any, message: str) -> None:
    with pytest.raises(Rejection) as caught:
        meaning(Path("a.disparity.npy"), note, kind)
    assert caught.value.code == "kind_unknown"
    assert message in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"kind": "depth"}',
        '{"quantity": "z"}',
        '{"scale": 0}',
        '{"scale": NaN}',
        '{"scale": "1"}',
        '{"offset": null}',
        '{"offset": Infinity}',
        '{"source": 3}',
        '{"units": "mm"}',
        '{"files": ["a.disparity.npy"]}',
        '{"files": {"a.disparity.npy": "relative"}}',
        '{"files": {"a.disparity.npy": {"kind": "guess"}}}',
    ],
)
def test_a_depth_json_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "depth.json").write_text(text)
    with pytest.raises(UserError, match=r"depth\.json cannot be used"):
        read_note(tmp_path / "a.disparity.npy")
    (tmp_path / "a.disparity.npy").write_bytes(npy(slope()))
    assert rejection(tmp_path).code == "depth_json"


def test_one_file_may_be_of_another_kind_than_its_folder(tmp_path: Path) -> None:
    metric = {"quantity": "depth", "kind": "metric", "scale": 0.001}
    say(tmp_path, kind="relative", source="net", files={"a.png": metric})
    depth_mm = np.round(1000 + 1000 * slope()).astype(np.uint16)
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(hostile.encoded(depth_mm))
    a, b = (SidecarDepth().prepared(photo_at(tmp_path / name, scale=2)) for name in ("a.jpg", "b.jpg"))
    assert isinstance(a, DisparityMap)
    assert isinstance(b, DisparityMap)
    assert (a.kind, b.kind, a.source, b.source) == ("metric", "relative", "net", "net")
    np.testing.assert_allclose(a.values, 1000 / depth_mm, rtol=1e-3)
    assert b.values[0, -1] == 1.0


def test_a_smaller_or_larger_map_of_the_same_shape_is_resized(tmp_path: Path) -> None:
    for height, width in [(15, 20), (60, 80), (90, 120), (61, 81)]:
        (tmp_path / "a.disparity.npy").write_bytes(npy(slope(height, width)))
        values = disparity(tmp_path).values
        assert values.shape == (30, 40)
        # Half a pixel of the smaller grid at the ends, where resizing has nothing to look at outside.
        np.testing.assert_allclose(values, slope(), atol=0.04)


def test_resizing_makes_no_disparity_that_was_not_there(tmp_path: Path) -> None:
    step = (slope(15, 20) > 0.5).astype(np.float32) + 0.25
    (tmp_path / "a.disparity.npy").write_bytes(npy(step))
    values = disparity(tmp_path, kind="metric").values
    assert (values.min(), values.max()) == (0.25, 1.25)


def test_shrinking_averages_and_does_not_pick(tmp_path: Path) -> None:
    stripes = torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(30)[None].repeat(120, 1)  # picking would meet zeros only
    # One stripe of four pixels at either edge has neighbors on one side only.
    torch.testing.assert_close(resized(stripes, 30, 30)[:, 1:-1], torch.full((30, 28), 0.5))


def test_meters_are_inverted_before_they_are_resized(tmp_path: Path) -> None:
    """Columns at 1 m and 100 m shrink to the mean of 1/m and 0.01/m; the mean of their meters would be 0.02/m."""
    columns = np.where(np.arange(80) % 2, 100.0, 1.0)
    (tmp_path / "a.depth.npy").write_bytes(npy(np.repeat(columns[None], 60, axis=0)))
    values = disparity(tmp_path).values
    assert values.shape == (30, 40)
    np.testing.assert_allclose(values[:, 1:-1], 0.505, rtol=1e-5)


def test_another_shape_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(slope(30, 42)))
    answer = rejection(tmp_path)
    assert answer.code == "size_mismatch"
    assert "42x30" in answer.message
    assert "80x60" in answer.message
    assert "EXIF" not in answer.message


def test_swapped_sides_are_rejected_with_a_word_on_orientation(tmp_path: Path) -> None:
    (tmp_path / "a.disparity.npy").write_bytes(npy(slope(40, 30)))
    answer = rejection(tmp_path)
    assert answer.code == "size_mismatch"
    assert "EXIF orientation" in answer.message


def test_eight_bit_depth_is_used_and_debanded(tmp_path: Path) -> None:
    codes = (slope() * 255).astype(np.uint8)
    files = {"a.disparity.png": hostile.encoded(codes), "a.disparity.npy": npy(codes), "a.disparity.pfm": b""}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        if not content:
            write_pfm(tmp_path / name, codes.astype(np.float32) / 255)
        found = disparity(tmp_path)
        assert (found.quantization_levels, found.steps) == (len(np.unique(codes)), "debanded")
        kept = disparity(tmp_path, deband=False)
        assert (kept.quantization_levels, kept.steps) == (len(np.unique(codes)), "as_is")
        assert 0 < np.abs(found.values - kept.values).max() < 0.51 / np.ptp(codes)
        (tmp_path / name).unlink()


def test_a_pfm_with_a_scale_of_its_own_holds_no_meters(tmp_path: Path) -> None:
    write_pfm(tmp_path / "a.depth.pfm", 1 + slope(), scale=-0.25)
    assert rejection(tmp_path).code == "scale_unknown"
    write_pfm(tmp_path / "a.depth.pfm", 1 + slope())
    np.testing.assert_allclose(disparity(tmp_path).values, 1 / (1 + slope()), rtol=1e-6)


class _Trap:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, ("sprung",))


def test_no_pickle_is_ever_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.disparity.npy").write_bytes(npy(np.array([_Trap()], dtype=object)))
    assert rejection(tmp_path).code == "unreadable"
    assert not (tmp_path / "sprung").exists()


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "constant png": ("png", png16(np.full((30, 40), 0.5)), "constant"),
    "NaN": ("npy", npy(np.full((30, 40), np.nan)), "no_depth"),
    "too large for float32": ("npy", npy(slope().astype(np.float64) * 1e300), "constant"),
    "color png": ("png", hostile.encoded(hostile.noise(30, 40)), "not_single_channel"),
    "stack of maps": ("npy", npy(np.zeros((5, 30, 40))), "not_single_channel"),
    "cut png": ("png", png16(np.random.default_rng(0).random((30, 40)))[:900], "truncated"),
    "cut npy": ("npy", npy(slope())[:-40], "truncated"),
    "pickled npy": ("npy", npy(np.array([{"a": 1}], dtype=object)), "unreadable"),
    "complex npy": ("npy", npy(slope().astype(np.complex64)), "unreadable"),
    "text as png": ("png", b"depth", "unreadable"),
    "bomb": ("png", hostile.bomb_png(), "too_large"),
    "empty pfm": ("pfm", b"", "unreadable"),
    "color pfm": ("pfm", b"PF\n4 4\n-1\n" + bytes(192), "not_single_channel"),
    "cut pfm": ("pfm", b"Pf\n40 30\n-1\n" + bytes(400), "truncated"),
    "pfm of no size": ("pfm", b"Pf\n0 30\n-1\n", "unreadable"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_rejected_with_its_code(tmp_path: Path, name: str) -> None:
    extension, content, code = BAD_FILES[name]
    (tmp_path / f"a.disparity.{extension}").write_bytes(content)
    answer = rejection(tmp_path)
    assert answer.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (np.full((30, 40), 2.0), "constant"),
        (2 + 1e-5 * slope(), "constant"),
        (np.zeros((30, 40)), "no_depth"),
        (1e-6 * (1 + slope()), "no_depth"),
    ],
    ids=["constant", "nearly constant", "no depth anywhere", "nearer than a millimeter everywhere"],
)
def test_metric_depth_without_use_is_rejected(tmp_path: Path, values: NDArray[Any], code: str) -> None:
    (tmp_path / "a.depth.npy").write_bytes(npy(values))
    assert rejection(tmp_path).code == code


def test_unknown_pixels_are_filled_and_marked_in_every_kind_of_map(tmp_path: Path) -> None:
    """One NaN costs a pixel, not the photo; so do the values that depth.json calls unknown."""
    rough = 0.2 + slope()
    for name, note, value, kind in (
        ("disparity", {}, np.nan, None),
        ("disparity", {}, -0.5, "metric"),
        ("disparity", {"unknown": 0}, 0.0, None),
        ("depth", {}, 0.0, None),
        ("depth", {"infinite": "unknown"}, np.inf, None),
    ):
        values = rough.copy()
        values[10:14, 20:23] = value
        folder = tmp_path / f"{name}-{value}-{kind}"
        folder.mkdir()
        (folder / f"a.{name}.npy").write_bytes(npy(values))
        say(folder, **note)
        answer = disparity(folder, kind=kind)
        holes = np.zeros((30, 40), np.bool_)
        holes[10:14, 20:23] = True
        np.testing.assert_array_equal(answer.known, ~holes)
        around = answer.values[10:14, [19, 23]]
        assert around.min() <= answer.values[holes].min() <= answer.values[holes].max() <= around.max()


def test_zero_disparity_and_infinite_depth_are_sky_unless_told(tmp_path: Path) -> None:
    values = 0.2 + slope()
    values[:5] = 0.0
    (tmp_path / "a.disparity.npy").write_bytes(npy(values))
    answer = disparity(tmp_path, kind="metric")
    assert answer.known.all()
    assert (answer.values[:5] == 0).all()


def test_holes_of_a_map_of_another_size_do_not_make_their_neighbors_farther(tmp_path: Path) -> None:
    """Half as large and twice as large: an unknown pixel has no weight in what is made of it and its neighbors."""
    for factor in (2, 0.5):
        values = np.full((round(30 * factor), round(40 * factor)), 2.0, np.float32)
        values[:, : round(20 * factor)] = 4.0
        values[round(10 * factor) : round(16 * factor), round(26 * factor) : round(32 * factor)] = np.nan
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "a.depth.npy").write_bytes(npy(values))
        answer = disparity(folder)
        assert 0.02 < (~answer.known).mean() < 0.06
        assert answer.values[:, 24:] == pytest.approx(0.5)


def test_a_spike_neither_rejects_nor_flattens_a_metric_photo(tmp_path: Path) -> None:
    depth_m = 1 + 3 * slope()
    depth_m[15, 20] = 1e-4
    (tmp_path / "a.depth.npy").write_bytes(npy(depth_m))
    answer = disparity(tmp_path)
    assert np.argwhere(~answer.known).tolist() == [[15, 20]]
    assert answer.values.max() <= 1.0


def test_a_note_of_unknown_values_is_checked() -> None:
    with pytest.raises(ValueError, match="unknown must be a number, got 'zero'"):
        DepthNote(unknown="zero")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="infinite must be one of"):
        DepthNote(infinite="sky")  # type: ignore[arg-type]


def test_a_missing_sidecar_says_what_was_looked_for(tmp_path: Path) -> None:
    answer = rejection(tmp_path)
    assert answer.code == "sidecar_missing"
    for part in ("a.disparity", "a.depth", ".png", ".npy", ".pfm", str(tmp_path)):
        assert part in answer.message


def test_a_sidecar_that_says_what_it_is_goes_first(tmp_path: Path) -> None:
    source = source_at(tmp_path / "a.jpg")
    found = []
    for name in ["a.png", "a.npy", "a.depth.pfm", "a.depth.png", "a.disparity.npy", "a.disparity.png"]:
        (tmp_path / name).write_bytes(hostile.gray16("PNG"))
        path = SidecarFolders().find(source)
        found.append(path.name if path else None)
    assert found == ["a.png", "a.png", "a.depth.pfm", "a.depth.png", "a.disparity.npy", "a.disparity.png"]


def test_a_photo_is_not_its_own_sidecar(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "b.jpg"):
        (tmp_path / name).write_bytes(hostile.encoded(hostile.noise()))
    assert SidecarFolders().find(source_at(tmp_path / "a.png")) is None
    assert SidecarFolders().find(source_at(tmp_path / "b.jpg")) is None  # a color PNG is another photo
    (tmp_path / "a.png").write_bytes(hostile.gray16("PNG"))
    assert SidecarFolders().find(source_at(tmp_path / "a.png")) is None


def test_a_depth_dir_is_looked_into_instead(tmp_path: Path) -> None:
    photos, depths = tmp_path / "photos", tmp_path / "depths"
    (depths / "sub").mkdir(parents=True)
    photos.mkdir()
    (photos / "a.disparity.npy").write_bytes(npy(slope()))
    assert rejection(photos, depth_dir=depths).code == "sidecar_missing"
    (depths / "a.png").write_bytes(hostile.encoded((slope() * 255).astype(np.uint8)))
    assert disparity(photos, depth_dir=depths, kind="relative").steps == "debanded"

    source = source_at(photos / "sub" / "a.jpg")
    nested = type(source)(source.scene_id, "sub/a.jpg", source.location, source.sha256, "", "", "")
    assert SidecarFolders(depths).find(nested) == depths / "a.png"
    (depths / "sub" / "a.npy").write_bytes(npy(slope()))
    assert SidecarFolders(depths).find(nested) == depths / "sub" / "a.npy"


def test_answers_come_in_the_order_of_the_photos(tmp_path: Path) -> None:
    (tmp_path / "b.disparity.npy").write_bytes(npy(slope()))
    photos = [photo_at(tmp_path / name) for name in ("a.jpg", "b.jpg", "c.jpg")]
    sidecars = SidecarDepth()
    answers = [sidecars.prepared(photo) for photo in photos]
    assert [type(answer) for answer in answers] == [Rejection, DisparityMap, Rejection]


def test_a_disparity_map_checks_itself() -> None:
    with pytest.raises(ValueError, match=r"float32 \[H, W\]"):
        DisparityMap(np.zeros((2, 2)), "relative", "1", "", "")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind and unit"):
        DisparityMap(slope(), "metric", "1", "", "")
    for values in (slope() + 0.1, slope() - 0.1, slope() * np.float32("nan")):
        with pytest.raises(ValueError, match="relative disparity must lie in"):
            DisparityMap(values, "relative", "1", "", "")


def test_grayscale_jpegs_are_not_depth(tmp_path: Path) -> None:
    Image.fromarray((slope() * 255).astype(np.uint8)).save(tmp_path / "a.disparity.jpg")
    assert rejection(tmp_path).code == "sidecar_missing"
