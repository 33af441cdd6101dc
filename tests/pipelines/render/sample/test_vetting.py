"""Sharp photos, the same ones blurred, skies; depth with too little in it. And the dry run that counts them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import constants
from numpy.typing import NDArray

from pipelines.errors import Rejection, UserError
from pipelines.pictures.srgb8 import to_srgb8
from pipelines.render.config import DepthConfig, RenderConfig, VettingConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.run import forecast, render
from pipelines.render.sample.sharpness import blurred_share
from pipelines.render.sample.vetting import vet_disparity, vet_photo
from simulator import ThinLens, render_stack
from simulator.optics.color import srgb_to_linear
from simulator.scenes.catalog import builtin_scene
from tests.pipelines.render.photos.photo_examples import photo_at
from tests.pipelines.tiny_photos import write_photo

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module", params=range(3))
def scene(request: pytest.FixtureRequest) -> Pixels:
    image, _ = builtin_scene(request.param, height=256, width=384, margin_px=4).layers.photo()
    return to_srgb8(image[None])[0]


def blurred(srgb: Pixels, radius_px: float, columns: slice = slice(None)) -> Pixels:
    """These columns through a lens whose disc has this radius."""
    light = srgb_to_linear(torch.from_numpy(srgb).permute(2, 0, 1).float() / 255)
    plane = torch.full(light.shape[1:], 0.5)
    frame = to_srgb8(render_stack(light, plane, [ThinLens(0.0, 2.0 * radius_px)]))[0]
    mixed = srgb.copy()
    mixed[:, columns] = frame[:, columns]
    return mixed


def test_a_sharp_picture_passes_and_a_blurred_one_does_not(scene: Pixels) -> None:
    limit = VettingConfig().max_blurred
    assert blurred_share(scene) < limit / 2
    assert blurred_share(blurred(scene, 4)) > 1.5 * limit
    assert blurred_share(blurred(scene, 8)) > 0.8


def test_the_blurred_part_is_measured_as_large_as_it_is(scene: Pixels) -> None:
    """Half the columns blurred: of the tiles with contrast about half, which those are the scene decides."""
    assert 0.2 < blurred_share(blurred(scene, 6, slice(0, 192))) < 0.85


def test_more_blur_never_looks_sharper(scene: Pixels) -> None:
    shares = [blurred_share(blurred(scene, radius)) for radius in (0.5, 2, 4, 8)]
    assert shares == sorted(shares)


def test_plain_sky_says_nothing() -> None:
    """Half sky, with its gradient and a camera's noise; half sharp texture."""
    random = np.random.default_rng(0)
    sky = np.linspace(150, 190, 150)[:, None, None] + random.normal(0, 2, (150, 400, 3))
    ground = random.integers(0, 2, (37, 100, 3)).repeat(4, 0).repeat(4, 1) * 200 + 20
    photo = np.concatenate([sky, ground[:148]]).clip(0, 255).astype(np.uint8)
    assert blurred_share(photo) == 0
    assert blurred_share(np.full((96, 128, 3), 180, np.uint8)) == 0


def test_noise_over_blur_does_not_pass_for_edges(scene: Pixels) -> None:
    soft = blurred(scene, 8).astype(np.float64) + np.random.default_rng(0).normal(0, 3, scene.shape)
    assert blurred_share(soft.clip(0, 255).astype(np.uint8)) > 0.6


def test_noise_is_smoothed_before_slopes_are_measured() -> None:
    """Soft waves, 48 px long, under noise of ten gray levels, whose own slopes are steeper than those of the waves."""
    waves = 128 + 60 * np.sin(2 * np.pi * np.arange(384) / 48)
    noise = np.random.default_rng(0).normal(0, 10, (256, 384, 3))
    photo = (waves[None, :, None] + noise).clip(0, 255).astype(np.uint8)
    assert blurred_share(photo) > 0.9


def test_a_strip_smaller_than_a_tile_is_one_tile() -> None:
    assert 0 <= blurred_share(np.zeros((8, 200, 3), np.uint8)) <= 1


@pytest.mark.parametrize(
    ("code", "knobs", "height", "width"),
    [
        ("small", {"min_short_side": 61}, 60, 80),
        ("aspect", {"max_aspect": 1.3, "min_short_side": 1}, 60, 80),
        ("not_all_in_focus", {"min_short_side": 1}, 60, 80),
    ],
)
def test_an_unfit_photo_is_rejected_by_name(code: str, knobs: dict[str, float], height: int, width: int) -> None:
    photo = photo_at(Path("a.jpg"), height, width)  # soft waves
    with pytest.raises(Rejection) as caught:
        vet_photo(photo, VettingConfig(**knobs))  # type: ignore[arg-type]
    assert (caught.value.stage, caught.value.code) == ("vet", code)
    vet_photo(photo, VettingConfig(max_blurred=1.0, min_short_side=60, max_aspect=1.4))


def sloping(spread: float, levels: int) -> DisparityMap:
    values = np.linspace(0, spread, 40 * 30).reshape(30, 40)
    values = np.rint(values * levels) / levels
    values[0, 0] = 1
    return DisparityMap(values.astype(np.float32), "relative", "1", "sidecar", "")


def test_depth_with_too_little_in_it_is_rejected_by_name() -> None:
    vet_disparity(sloping(1.0, 1000), VettingConfig())
    for code, disparity in (("few_levels", sloping(1.0, 20)), ("little_depth", sloping(0.015, 10000))):
        with pytest.raises(Rejection) as caught:
            vet_disparity(disparity, VettingConfig())
        assert (caught.value.stage, caught.value.code) == ("vet", code)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"max_blurred": 1.5}, "--max-blurred must lie in"),
        ({"min_short_side": 0}, "--min-short-side must be at least 1"),
        ({"max_aspect": 0.5}, "--max-aspect must be at least 1"),
        ({"min_disparity_levels": 0}, "--min-disparity-levels must"),
        ({"min_depth_spread": 1.0}, "--min-depth-spread must lie in"),
    ],
)
def test_limits_out_of_range_are_named(knobs: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        VettingConfig(**knobs)  # type: ignore[arg-type]


def test_a_dry_run_counts_what_a_run_rejects(tiny_config: RenderConfig, scene: Pixels) -> None:
    folder = Path(tiny_config.source.photos)
    (folder / "photo_1.disparity.png").unlink()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no")
    sharp = write_photo(folder / "sharp.png", seed=1)
    cv2.imwrite(str(sharp), scene[:66, :88, ::-1])
    config = dataclasses.replace(tiny_config, vetting=VettingConfig(min_short_side=60))
    said = forecast(config)
    assert not config.out.exists()
    assert said.rejected_by_code == {"photo/unreadable": 1, "vet/not_all_in_focus": 5}
    assert (said.samples_by_split["train"], said.frames) == (1, 4)
    table = said.summary()
    assert "6 of 7 photos left out: 5 too blurred (docs/vetting.md), 1 not readable" in table
    result = render(config)
    assert result.rejected_by_code == said.rejected_by_code
    assert result.samples == 1
    assert forecast(config).rejected_by_code == said.rejected_by_code  # of a finished data set


def test_a_dry_run_needs_no_depth_model_and_says_what_it_could_not_check(
    tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    folder = Path(tiny_config.source.photos)
    for number in (1, 2):
        (folder / f"photo_{number}.disparity.png").unlink()
    cv2.imwrite(str(folder / "photo_3.disparity.png"), np.repeat(np.arange(66, dtype=np.uint16)[:, None] // 33, 88, 1))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setitem(sys.modules, "transformers", None)  # importing it raises
    for depth, unchecked, rejects in (("auto", 2, {"vet/few_levels": 1}), ("owner/model", 5, {})):
        caplog.clear()
        said = forecast(dataclasses.replace(tiny_config, depth=DepthConfig(depth, offline=True)))
        assert (said.depth_not_checked, said.rejected_by_code) == (unchecked, rejects)
        assert (said.samples_by_split["train"], said.exit_code) == (5 - len(rejects), 0)
        assert f"depth of {unchecked} of 5 photos not checked: a dry run estimates none" in said.summary()
        assert "fetch it where there is a network with `refocus-foundry fetch-depth DIR" in caplog.text
    with pytest.raises(UserError, match="is not here"):
        render(dataclasses.replace(tiny_config, depth=DepthConfig("owner/model", offline=True)))


def test_builtin_scenes_are_not_drawn_to_be_vetted(tiny_config: RenderConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.render.executors import worker

    def never(*_: object, **__: object) -> None:
        pytest.fail("drew a built-in scene")

    monkeypatch.setattr(worker, "builtin_rgbd", never)
    source = dataclasses.replace(tiny_config.source, photos="builtin:3")
    assert forecast(dataclasses.replace(tiny_config, source=source)).frames == 12


def test_levels_are_counted_before_anything_is_smoothed() -> None:
    smooth = dataclasses.replace(sloping(1.0, 1000), quantization_levels=20)
    with pytest.raises(Rejection, match="at least 32 different disparities, got 20"):
        vet_disparity(smooth, VettingConfig())


def test_too_many_pixels_of_unknown_depth_are_rejected_with_the_way_out() -> None:
    values = np.linspace(0, 1, 40 * 50, dtype=np.float32).reshape(40, 50)
    filled = np.zeros(values.shape, np.bool_)
    filled[:, :13] = True  # 26 %
    disparity = DisparityMap(values, "relative", "1", "sidecar", "", filled=filled)
    with pytest.raises(
        Rejection, match=r"unknown at 25% of the pixels at most, it is at 26%; .* raise --max-holes"
    ) as c:
        vet_disparity(disparity, VettingConfig())
    assert (c.value.stage, c.value.code) == ("vet", "holes")
    vet_disparity(disparity, VettingConfig(max_holes=0.26))


def test_filled_pixels_do_not_count_as_depth() -> None:
    values = np.full((40, 50), 0.5, np.float32)
    values[:, :10] = np.linspace(0, 1, 400, dtype=np.float32).reshape(40, 10)
    disparity = DisparityMap(values, "relative", "1", "sidecar", "", filled=values != 0.5)
    with pytest.raises(Rejection, match="there must be at least 32 different disparities, got 1"):
        vet_disparity(disparity, VettingConfig())
