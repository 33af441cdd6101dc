"""A network as the sharpener of "sharpen, then render": a run that predicts the photo, released and used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from pipelines.__main__ import main
from pipelines.errors import UserError
from pipelines.model.checkpoint import load_averaged
from pipelines.model.package_weights import PACKAGE_WEIGHTS
from pipelines.refocus.network_sharpener import NetworkSharpener
from pipelines.train.release import release
from pipelines.train.run import train
from tests.pipelines.train.tiny_run import render_scenes, tiny_config

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def sharpening_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharpening")
    changes = {"model": "unet-tiny", "predict": "photo", "noise": "none", "targets": 1, "aif_share": 0.0}
    train(tiny_config(render_scenes(folder / "data", 2), folder / "run", steps=2, **changes))
    return folder / "run"


def test_a_picture_of_any_size_comes_back_in_its_size(sharpening_run: Path) -> None:
    sharpener = NetworkSharpener(*load_averaged(sharpening_run), "cpu")
    picture, disparity = torch.rand(3, 21, 35) * 2 - 1, torch.rand(1, 21, 35)
    radius, spread = sharpener.blur_map(picture, disparity)
    made = sharpener.sharpened(picture, 3.0 * disparity[0], disparity)
    assert radius.shape == spread.shape == (21, 35)
    assert made.shape == picture.shape
    assert not torch.equal(made, sharpener.sharpened(picture, 6.0 * disparity[0], disparity))
    assert 0 < sharpener.max_radius_px < 48


def test_released_weights_refocus_like_the_run(
    sharpening_run: Path, photo: Path, tmp_path: Path, capsys: Said, caplog: pytest.LogCaptureFixture
) -> None:
    placed = release(sharpening_run, tmp_path / "released")
    assert sorted(path.name for path in placed.iterdir()) == ["average.safetensors", "state.json"]
    made = []
    for run in (sharpening_run, tmp_path / "released"):
        out = tmp_path / f"{run.name}.png"
        asked = ["--focus", "0.4,0.6", "--blur-level", "3", "--depth", "sidecar"]
        assert main(["refocus", str(photo), "--checkpoint", str(run), *asked, "--out", str(out), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["photo_lens"] == "estimated"
        assert "was trained for 2 steps only" in caplog.text
        made.append(out.read_bytes())
    assert made[0] == made[1]


def test_nothing_to_release_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="must hold a checkpoint, got none yet"):
        release(tmp_path, tmp_path / "released")


def test_the_package_brings_weights_with_a_card() -> None:
    model, trained_on = load_averaged(PACKAGE_WEIGHTS)
    assert trained_on.predicts_photo
    assert sum(weight.numel() for weight in model.parameters()) * 4 < 20e6
    card = (PACKAGE_WEIGHTS / "README.md").read_text(encoding="utf-8")
    assert "MIT" in card
    assert f"{trained_on.steps:,} steps" in card


def test_a_transformer_estimates_no_blur_and_says_so(sharpening_run: Path) -> None:
    _, trained_on = load_averaged(sharpening_run)

    class Transformer(torch.nn.Module):
        def forward(self, picture: torch.Tensor, *_: object) -> torch.Tensor:
            return picture[:, :3]

    with pytest.raises(UserError, match="train with --model unet or unet-tiny, or give --photo-focus"):
        NetworkSharpener(Transformer(), trained_on, "cpu").blur_map(torch.zeros(3, 16, 16), torch.zeros(1, 16, 16))
