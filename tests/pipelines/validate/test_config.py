from __future__ import annotations

import pytest

from pipelines.errors import UserError
from pipelines.validate.config import KIND_NAMES, SCENE_NAMES, ValidateConfig
from pipelines.validate.scenes import SCENES
from simulator.scenes.catalog import KINDS


def test_the_names_are_those_of_the_scenes() -> None:
    assert tuple(SCENES) == SCENE_NAMES
    assert KINDS == KIND_NAMES


def test_an_unknown_scene_is_named() -> None:
    with pytest.raises(UserError, match=r"--scenes must be among cutouts, .*; got moon"):
        ValidateConfig(scenes=("ground", "moon"))


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UserError, match=r"--kinds must be among still_life, .*; got moon"):
        ValidateConfig(kinds=("fence", "moon"))


def test_a_tiny_width_is_refused() -> None:
    with pytest.raises(UserError, match="--width must lie between 96 and 1920 px; got 8"):
        ValidateConfig(width=8)
