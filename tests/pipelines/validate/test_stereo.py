"""Hidden pixels of stereo pairs: where they are and what they cost in closed form, on built-in scenes, from files."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipelines.errors import UserError
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.validate.config import ValidateConfig
from pipelines.validate.second_view import second_view
from pipelines.validate.stereo import (
    ANY_WIDTH,
    StereoPair,
    hidden_strips,
    markdown,
    measure,
    read_pairs,
    right_view,
    to_json,
)
from simulator.layers.ldi import LayeredDepthImage
from simulator.optics.color import linear_to_srgb, srgb_to_linear
from simulator.scenes.catalog import builtin_scene
from tests.pipelines.render.photos.photo_examples import write_pfm


def card_before_stripes() -> StereoPair:
    """A red card of 20 columns at d = 10 before rows of one gray each at d = 2: it hides 8 columns."""
    rows = torch.linspace(0.2, 0.8, 64)[:, None].expand(64, 80)
    left, right = (rows.expand(3, 64, 80).clone() for _ in range(2))
    disparity = torch.full((64, 80), 2.0)
    for view, column in ((left, 30), (right, 20)):
        view[:, 8:24, column : column + 20] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    disparity[8:24, 30:50] = 10.0
    return StereoPair("card", left, right, disparity, np.ones((64, 80), np.bool_))


def test_a_card_hides_a_strip_of_its_parallax() -> None:
    pair = card_before_stripes()
    view = right_view(pair)
    expected = np.zeros((64, 80), np.int64)
    expected[9:23, 40:47] = 7  # matting splits the card's rim: the far side of one pixel counts as seen
    np.testing.assert_array_equal(hidden_strips(view, pair.known), expected)
    found = measure(pair)
    assert found.pixels == {ANY_WIDTH: 98, (4, 8): 98}
    # The rows go on behind the card, so the next far pixel is the true one; Telea also reads the red card.
    psnr = {method: values[ANY_WIDTH] for method, values in found.psnr.items()}
    assert psnr["nearest far pixel"] > 33
    assert psnr["ours"] > 32
    assert psnr["Telea inpainting"] < 20
    assert found.seen_by_both > 50


def test_the_error_is_that_of_the_hidden_pixels_alone() -> None:
    pair = card_before_stripes()
    off = pair.right.clone()
    off[:, 8:24, 40:48] = srgb_to_linear(linear_to_srgb(off[:, 8:24, 40:48]) + 0.1)
    found = measure(dataclasses.replace(pair, right=off))
    assert found.psnr["nearest far pixel"][ANY_WIDTH] == pytest.approx(20.0, abs=0.6)  # an error of 0.1
    assert found.seen_by_both > 40  # pixels that are free in part are seen


def test_strips_beside_unmeasured_disparity_are_left_out() -> None:
    pair = card_before_stripes()
    pair.known[8:16, 48:50] = False  # 2 of 7 px: more than a quarter
    pair.known[16:24, 49:50] = False
    assert measure(pair).pixels[ANY_WIDTH] == 49


def synthetic_pair(kind: str, parallax_px: float = 24.0) -> StereoPair:
    """Both views of a built-in scene by its exact layers."""
    margin = 32
    layers = builtin_scene(0, height=128, width=192, kind=kind, margin_px=margin).layers
    layers = dataclasses.replace(layers, disparity=layers.disparity * parallax_px)
    whole = LayeredDepthImage(layers.color, layers.coverage, layers.disparity)
    right, share, _ = second_view(whole, parallax_px / 24)
    right = (right / share.clamp(min=1e-3))[:, margin:-margin, margin:-margin]
    left, disparity = layers.photo()
    return StereoPair(kind, left, right, disparity, np.ones(disparity.shape, np.bool_))


def test_on_built_in_scenes_hidden_content_beats_both_fills() -> None:
    rows = [measure(synthetic_pair(kind)) for kind in ("fence",)]
    for row in rows:
        ours, *others = (values[ANY_WIDTH] for values in row.psnr.values())
        assert row.pixels[ANY_WIDTH] > 150
        assert ours > max(others)
        assert row.seen_by_both > 25  # thin bars: nearly every pixel is an edge
    assert "fence" in markdown(rows)
    assert to_json(rows)["fence"]["psnr"].keys() == rows[0].psnr.keys()  # type: ignore[index]


def write_views(pair: StereoPair, left: Path, right: Path) -> None:
    for view, path in ((pair.left, left), (pair.right, right)):
        path.parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(str(path), to_srgb8(view[None])[0][..., ::-1])


def test_pairs_are_read_in_both_layouts(tmp_path: Path) -> None:
    pair = card_before_stripes()
    stored = pair.disparity.numpy().copy()
    stored[0, :5] = np.inf
    write_views(pair, tmp_path / "a_left.png", tmp_path / "a_right.png")
    np.savez(tmp_path / "a_disp.npz", stored)
    write_views(pair, tmp_path / "b" / "im0.png", tmp_path / "b" / "im1.png")
    write_pfm(tmp_path / "b" / "disp0.pfm", stored)
    pairs = list(read_pairs(tmp_path))
    assert [one.name for one in pairs] == ["a", "b"]
    for one in pairs:
        torch.testing.assert_close(one.disparity, pair.disparity)
        assert one.known.sum() == 64 * 80 - 5
        assert measure(one).pixels[ANY_WIDTH] == 98


def test_folders_without_a_usable_pair_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--stereo .* must be a folder of stereo pairs"):
        ValidateConfig(stereo=tmp_path / "absent")
    with pytest.raises(UserError, match=r"must hold NAME_left\.png or NAME/im0.png"):
        list(read_pairs(tmp_path))
    pair = card_before_stripes()
    write_views(pair, tmp_path / "a_left.png", tmp_path / "a_right.png")
    with pytest.raises(UserError, match=r"stereo pair .*a_left\.png cannot be used: .*a_disp\.npz"):
        list(read_pairs(tmp_path))
    with pytest.raises(UserError, match="stereo pair flat must have hidden pixels"):
        measure(dataclasses.replace(pair, name="flat", disparity=torch.linspace(2, 3, 80).expand(64, 80)))


def test_hidden_content_of_a_real_pair_beats_both_fills() -> None:
    """Middlebury's Motorcycle: the figures stand in docs/renderer.md."""
    folder = Path(os.environ.get("REFOCUS_STEREO") or Path(__file__).parents[4] / "shared" / "stereo")
    if not folder.is_dir():
        pytest.skip(f"no stereo pair in {folder}: set REFOCUS_STEREO")
    (pair,) = read_pairs(folder)
    found = measure(pair)
    ours, *others = (values[ANY_WIDTH] for values in found.psnr.values())
    assert found.pixels[ANY_WIDTH] > 1500
    assert ours > 16
    assert ours > max(others) + 1.2  # measured: 1.5
