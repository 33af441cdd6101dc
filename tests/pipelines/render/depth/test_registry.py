"""Kinds are said by the registry, by config.json, or by the user; nobody guesses."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.errors import UserError
from pipelines.render.depth.registry import UNFIT, kind_of


@pytest.mark.parametrize(
    ("model", "config", "said", "kind"),
    [
        ("a/b", {"model_type": "depth_anything"}, None, "relative"),  # V1 leaves it out: transformers' default
        ("a/b", {"model_type": "depth_anything", "depth_estimation_type": "relative"}, None, "relative"),
        ("a/b", {"model_type": "depth_anything", "depth_estimation_type": "metric"}, None, "metric"),
        ("a/b", {"model_type": "depth_anything", "depth_estimation_type": "metric"}, "metric", "metric"),
        ("a/b", {"model_type": "glpn"}, None, "metric"),
        ("Intel/dpt-large", {"model_type": "dpt"}, None, "relative"),
        ("a/b", {"model_type": "dpt"}, "relative", "relative"),
        ("a/b", {"model_type": "dpt"}, "metric", "metric"),
        ("a/b", {"model_type": "new"}, "metric", "metric"),
    ],
)
def test_a_kind_that_is_known_or_said(model: str, config: dict[str, Any], said: Any, kind: str) -> None:
    assert kind_of(model, config, said) == kind


@pytest.mark.parametrize("config", [{"model_type": "dpt"}, {"model_type": "new"}, {}])
def test_a_kind_that_nobody_says_is_asked_for(config: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="pass --depth-kind relative or --depth-kind metric"):
        kind_of("a/b", config, None)


def test_a_kind_that_contradicts_the_model_is_refused() -> None:
    with pytest.raises(UserError, match="gives relative depth, --depth-kind says metric"):
        kind_of("a/b", {"model_type": "depth_anything"}, "metric")


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match="must be relative or metric, is 'ordinal'"):
        kind_of("a/b", {"model_type": "depth_anything", "depth_estimation_type": "ordinal"}, None)


@pytest.mark.parametrize("family", UNFIT)
def test_families_whose_raw_output_is_not_depth_are_refused_whatever_is_said(family: str) -> None:
    with pytest.raises(UserError, match=f"{family}.* cannot be used"):
        kind_of("a/b", {"model_type": family}, "metric")
