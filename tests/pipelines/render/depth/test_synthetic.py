"""Depth that is made up: its shapes, and that nobody can take a data set of it for one of true depth."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import UserError
from pipelines.render.config import DepthConfig, RenderConfig
from pipelines.render.depth.disparity_map import DisparityMap
from pipelines.render.depth.estimator import check_depth, estimate, open_depth
from pipelines.render.depth.synthetic import synthetic_disparity
from pipelines.render.plan.fingerprint import fingerprint
from pipelines.render.run import render
from shards import read_shards
from tests.pipelines.render.photos.photo_examples import photo_at


@pytest.mark.parametrize(("height", "width"), [(60, 90), (91, 64)])
def test_the_shapes(height: int, width: int) -> None:
    gradient, center = (synthetic_disparity(shape, height, width) for shape in ("gradient", "center"))
    assert np.allclose(gradient, np.linspace(0, 1, height)[:, None])  # far at the top, near at the bottom
    assert (center.min(), center.max()) == (center[0, 0], center[height // 2, width // 2])
    assert np.array_equal(center, center[::-1, ::-1])
    to_the_rim = center[height // 2, width // 2 :]
    assert (np.diff(to_the_rim[1:]) < 0).all()
    assert np.abs(np.diff(center)).max() < 2.5 / min(height, width)  # smooth: no edge that could be sharpened
    assert (synthetic_disparity("flat", height, width) == 0.5).all()


@pytest.mark.parametrize("shape", ["gradient", "center"])
def test_a_data_set_of_it_says_so_everywhere(tiny_config: RenderConfig, shape: str) -> None:
    with pytest.raises(UserError, match=f"--depth {shape} must come with --allow-synthetic-depth: it is made up"):
        dataclasses.replace(tiny_config, depth=DepthConfig(shape))
    depth = DepthConfig(shape, allow_synthetic_depth=True)
    config = dataclasses.replace(tiny_config, depth=depth)
    result = render(config)
    assert (result.samples, result.rejected, result.coarse_depth_maps) == (5, 0, 0)
    samples = list(read_shards(config.out, seed=None))
    assert {sample.record.disparity.source for sample in samples} == {f"synthetic:{shape}"}
    assert {sample.record.disparity.edges for sample in samples} == {"as_is"}
    card = (config.out / "README.md").read_text("utf-8")
    assert f"`relative, synthetic:{shape} @ 1`: 5" in card
    assert "5 of 5 samples have synthetic depth, a shape that knows nothing of the photo" in card
    settings = fingerprint(config, "cpu", check_depth(depth))
    assert settings["depth"] == f"synthetic:{shape}@1"


def test_flat_is_for_one_photo_alone(tiny_config: RenderConfig) -> None:
    with pytest.raises(UserError, match="nothing would be out of focus, and vetting would reject every photo"):
        dataclasses.replace(tiny_config, depth=DepthConfig("flat", allow_synthetic_depth=True))
    (found,) = estimate(open_depth(DepthConfig("flat")), [photo_at(Path("/a.jpg"), 90, 120)])
    assert isinstance(found, DisparityMap)
    assert (found.source, found.values.shape, np.ptp(found.values)) == ("synthetic:flat", (90, 120), 0)


def test_it_is_never_meters() -> None:
    with pytest.raises(UserError, match="--depth center gives relative depth, --depth-kind says metric"):
        check_depth(DepthConfig("center", "metric"))
