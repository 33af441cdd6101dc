from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import TrainedOn
from pipelines.model.condition import Condition
from pipelines.model.sampler_config import SamplerConfig
from pipelines.refocus.flow_refocuser import FlowRefocuser, Resolution
from pipelines.refocus.reference_lens import PhotoLens
from pipelines.refocus.trained import trained_refocuser

RAMP = np.broadcast_to(np.linspace(0, 1, 48, dtype=np.float32), (32, 48)).copy()
PHOTO = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)


class Listener(nn.Module):
    """Gives the reference back and remembers its conditions."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: list[Condition] = []

    def forward(self, z: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        self.conditions.append(condition)
        return condition.reference


def listening(depth_dropout: float = 0.2, resolution: Resolution = "auto") -> tuple[FlowRefocuser, Listener]:
    listener = Listener()
    trained_on = TrainedOn(Path("run"), 48, 32, 8, depth_dropout, blur_level_min=2.0, blur_level_max=16.0)
    return FlowRefocuser(listener, trained_on, "cpu", SamplerConfig(steps=2), resolution), listener


def test_the_same_seed_gives_the_same_photo(run: Path) -> None:
    refocuser = trained_refocuser(run, sampler=SamplerConfig(steps=2))
    first, again, other = (refocuser.refocus(PHOTO, RAMP, (0.4, 0.6), 8.0, seed=seed) for seed in (0, 0, 1))
    assert first.dtype == np.uint8
    assert first.shape == PHOTO.shape
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_model_is_told_what_was_asked(run: Path) -> None:
    refocuser, listener = listening()
    np.testing.assert_array_equal(refocuser.refocus(PHOTO, RAMP, (0.25, 0.75), 8.0), PHOTO)
    condition = listener.conditions[0]
    torch.testing.assert_close(condition.focus_point, torch.tensor([[0.25, 0.75]]))
    assert float(condition.blur_level) == pytest.approx(8.0)
    assert float(condition.point_disparity) == pytest.approx(RAMP[24, 12])
    torch.testing.assert_close(condition.disparity[0, 0], torch.from_numpy(RAMP))
    assert (condition.validity == 1).all()


def test_without_depth_validity_is_0(run: Path) -> None:
    refocuser, listener = listening()
    refocuser.refocus(PHOTO, None, (0.25, 0.75), 8.0)
    assert not listener.conditions[0].validity.any()
    assert not listener.conditions[0].disparity.any()


def test_tiles_are_told_the_same_plane_and_the_same_blur_in_their_pixels(run: Path) -> None:
    """192 x 128 in tiles of 48 x 32: at level 2 % K is 3.84 px, which is 8 % of a tile's long side."""
    refocuser, listener = listening()
    large, depth = np.kron(PHOTO, np.ones((4, 4, 1), np.uint8)), np.kron(RAMP, np.ones((4, 4), np.float32))
    np.testing.assert_array_equal(refocuser.refocus(large, depth, (0.5, 0.5), 2.0), large)
    assert len(listener.conditions) > 16
    for condition in listener.conditions:
        assert condition.reference.shape == (1, 3, 32, 48)
        assert float(condition.blur_level) == pytest.approx(8.0)
        assert float(condition.point_disparity) == pytest.approx(depth[64, 96])
    places = {tuple(condition.focus_point[0].tolist()) for condition in listener.conditions}
    assert any(0 < x < 1 and 0 < y < 1 for x, y in places)
    assert any(x < 0 for x, _ in places)
    assert any(x > 1 for x, _ in places)


@pytest.mark.parametrize("options", [{"resolution": "trained"}, {"blur_level": 15.0}, {"disparity": None}])
def test_large_photos_at_the_trained_size(run: Path, options: dict[str, Any]) -> None:
    """When asked for, when tiles would see a blur beyond the trained 16 %, and when depth is not known."""
    refocuser, listener = listening(resolution=options.pop("resolution", "auto"))
    large, depth = np.kron(PHOTO, np.ones((4, 4, 1), np.uint8)), np.kron(RAMP, np.ones((4, 4), np.float32))
    asked: dict[str, Any] = {"disparity": depth, "focus_point": (0.5, 0.5), "blur_level": 2.0} | options
    assert refocuser.refocus(large, **asked).shape == large.shape
    assert {condition.reference.shape for condition in listener.conditions} == {(1, 3, 32, 48)}
    assert len(listener.conditions) == 3  # one piece, Heun with two steps
    assert float(listener.conditions[0].blur_level) == pytest.approx(asked["blur_level"])


def test_blur_beyond_the_trained_levels_is_a_warning_with_the_range(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refocuser, _ = listening()
    with caplog.at_level(logging.WARNING):
        refocuser.refocus(PHOTO, RAMP, (0.5, 0.5), 8.0)
        assert not caplog.records
        refocuser.refocus(PHOTO, RAMP, (0.5, 0.5), 20.0)
        refocuser.refocus(PHOTO, RAMP, (0.1, 0.5), 20.0)
        assert len(caplog.records) == 1  # a sweep asks for one level many times
    assert "blur level 20 % is outside the range that run was trained on, 2 to 16 %" in caplog.text


@pytest.mark.parametrize(
    ("photo_lens", "told"),
    [
        (PhotoLens(), None),
        (PhotoLens(is_sharp=True), 0.0),
        (PhotoLens(focus_disparity=0.25, blur_level=5.0), 2.4),
    ],
)
def test_the_photo_s_own_lens_is_told_as_a_map(run: Path, photo_lens: PhotoLens, told: float | None) -> None:
    """K_s = 5 % of 48 px."""
    refocuser, listener = listening()
    refocuser.refocus(PHOTO, RAMP, (0.5, 0.5), 8.0, photo_lens=photo_lens)
    condition = listener.conditions[0]
    assert float(condition.own_validity.mean()) == float(told is not None)
    torch.testing.assert_close(condition.own_defocus, (told or 0.0) * (condition.disparity - 0.25))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"focus_point": (1.2, 0.5)}, r"focus point must lie in \[0, 1\] x \[0, 1\] .*; got 1.2,0.5"),
        ({"focus_point": (0.2, float("nan"))}, "focus point must lie"),
        ({"blur_level": 0.0}, "blur level must be a number above 0"),
        ({"blur_level": float("inf")}, "blur level must be a number"),
        ({"disparity": RAMP[:-1]}, r"disparity must be \[32, 48\] like the photo; got \[31, 48\]"),
        ({"disparity": RAMP * 3}, r"disparity must lie in \[0, 1\]; got \[0, 3\]"),
        ({"disparity": RAMP * np.float32("nan")}, "disparity must lie"),
        (
            {"photo_lens": PhotoLens(blur_level=3.0)},
            "run is told the photo's own focus and blur together, with depth, .*; leave them out, or choose another",
        ),
        ({"photo_srgb": PHOTO.astype(np.float32)}, r"photo must be uint8 \[H, W, 3\]; got float32"),
    ],
)
def test_what_makes_no_sense_is_said(changes: dict[str, Any], said: str) -> None:
    refocuser, _ = listening()
    asked: dict[str, Any] = {"photo_srgb": PHOTO, "disparity": RAMP, "focus_point": (0.5, 0.5), "blur_level": 8.0}
    with pytest.raises(UserError, match=said):
        refocuser.refocus(**(asked | changes))


def test_a_model_without_depth_dropout_needs_depth(run_with_depth: Path) -> None:
    refocuser = trained_refocuser(run_with_depth)
    with pytest.raises(UserError, match=r"trained with --depth-dropout 0 and needs the photo's depth; give a sidecar"):
        refocuser.refocus(PHOTO, None, (0.5, 0.5), 8.0)


def test_what_is_no_run_is_said(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must be the --out folder of a train run"):
        trained_refocuser(tmp_path)
    (tmp_path / "config.json").write_bytes((run / "config.json").read_bytes())
    with pytest.raises(UserError, match="must hold a checkpoint, got none yet"):
        trained_refocuser(tmp_path)


def test_a_checkpoint_of_another_model_is_said(run: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(run, tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"model": "tiny"', '"model": "slim"'))
    with pytest.raises(UserError, match=r"must hold the weights that its config\.json promises: .*Missing key"):
        trained_refocuser(tmp_path / "run")
    config.write_text(config.read_text().replace('"model": "slim"', '"model": "vast"'))
    with pytest.raises(UserError, match="must say model, predict, noise, width, height and depth_dropout"):
        trained_refocuser(tmp_path / "run")
