"""Perceptual measures: what is not there is said; CLIP-I runs on a model that the test makes itself."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.benchmark import perceptual
from pipelines.benchmark.perceptual import available, clip_similarity
from pipelines.errors import UserError
from tests.pipelines.measure.pictures import texture


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of random weights, through the real classes."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**small, "vocab_size": 60, "max_position_embeddings": 8},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=8,
    )
    folder = tmp_path_factory.mktemp("clip")
    CLIPModel(config).save_pretrained(folder)
    size = {"shortest_edge": 32}
    CLIPImageProcessor(size=size, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def test_clip_similarity_is_one_for_equal_pictures(clip_folder: Path) -> None:
    similarity = clip_similarity(clip_folder)
    assert similarity(texture(), texture()) == pytest.approx(1.0, abs=1e-5)
    assert similarity(texture(), 255 - texture()) < 0.999


def test_what_is_not_installed_is_said(clip_folder: Path) -> None:
    found = available(None)
    assert found.not_run["CLIP-I"] == "no model named by --clip"
    assert set(found.measures) | set(found.not_run) == {"LPIPS", "DISTS", "CLIP-I"}
    assert "CLIP-I" in available(clip_folder).measures


def test_a_folder_without_a_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--clip .* must be the folder of a CLIP model"):
        clip_similarity(tmp_path)


def test_packages_that_are_there_run_with_weights_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stand-ins for both packages: they want torchvision, which this project never installs."""

    class Distance(torch.nn.Module):
        def __init__(self, net: str = "", verbose: bool = True) -> None:
            super().__init__()

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return (a - b).abs().mean()[None, None]

    for name, cls in (("lpips", "LPIPS"), ("DISTS_pytorch", "DISTS")):
        module = types.ModuleType(name)
        setattr(module, cls, Distance)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(perceptual.importlib.util, "find_spec", lambda name: name in sys.modules)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert "weights alexnet*.pth are not on this machine" in available(None).not_run["LPIPS"]
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "alexnet-owt.pth").touch()
    (tmp_path / "checkpoints" / "vgg16-abc.pth").touch()
    scores = available(None).scores(np.full((40, 50, 3), 51, np.uint8), np.zeros((40, 50, 3), np.uint8))
    assert scores == {"LPIPS": pytest.approx(0.4), "DISTS": pytest.approx(0.2)}  # of [−1, 1], of [0, 1]
