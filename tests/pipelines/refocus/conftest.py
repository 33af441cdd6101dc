"""A model after a few steps: it refocuses badly, and everything around it must still be right."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.train.run import train
from tests.pipelines.train.tiny_run import render_scenes, tiny_config


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one built-in scene."""
    return render_scenes(tmp_path_factory.mktemp("refocus") / "data", 1)


@pytest.fixture(scope="session")
def run(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained on 48 x 32 px with depth dropout."""
    config = tiny_config(scene, tmp_path_factory.mktemp("refocus") / "run", steps=3)
    train(config)
    return config.out


@pytest.fixture(scope="session")
def run_with_depth(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained without depth dropout."""
    config = tiny_config(scene, tmp_path_factory.mktemp("refocus") / "run", steps=1, depth_dropout=0.0)
    train(config)
    return config.out


@pytest.fixture(scope="session")
def sharpening_run(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolutional network that predicts the photo."""
    config = tiny_config(
        scene,
        tmp_path_factory.mktemp("refocus") / "run",
        steps=1,
        model="unet-tiny",
        predict="photo",
        noise="none",
        targets=1,
        outside_focus=0.0,
        redraw_focus=0.0,
    )
    train(config)
    return config.out


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A built-in scene of 192 x 128 px as a JPEG with EXIF, stored on its side, and its disparity beside it."""
    from PIL import Image

    from pipelines.pictures.srgb8 import to_srgb8
    from simulator.scenes.catalog import builtin_scene

    image, disparity = builtin_scene(4, height=128, width=192).layers.photo()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    exif.get_ifd(0x8769)[0x829D] = 2.8
    upright = Image.fromarray(to_srgb8(image[None])[0])
    path = tmp_path / "scene.jpg"
    upright.transpose(Image.Transpose.ROTATE_90).save(path, quality=95, exif=exif.tobytes())
    cv2.imwrite(str(tmp_path / "scene.disparity.png"), np.rint(disparity.numpy() * 65535).astype(np.uint16))
    return path
