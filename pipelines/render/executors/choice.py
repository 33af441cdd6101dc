"""`--executor auto`: Ray where several workers have enough to do, else inline. Bytes are the same either way."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

import torch

from pipelines.errors import UserError
from pipelines.render.config import RenderConfig
from pipelines.render.estimate import megapixels_per_sample
from pipelines.render.plan.plan import PlannedShard
from pipelines.runs.device import cores

MEGAPIXELS_WORTH_RAY = 60.0
"""Frames of one run from which on Ray and its workers start in less time than they save."""

_log = logging.getLogger(__name__)


def chosen_executor(config: RenderConfig, device_kind: str, shards: Sequence[PlannedShard]) -> Literal["inline", "ray"]:
    """The executor for these shards. Raises UserError when the flags ask for Ray and it is not installed."""
    execution = config.execution
    asked = execution.executor == "ray" or bool(execution.ray_address)
    asked = asked or (execution.workers != "auto" and execution.workers > 1)
    if execution.executor == "inline" or not (asked or _is_worth_ray(config, device_kind, shards)):
        return "inline"
    if find_spec("ray") is not None:
        return "ray"
    if asked:
        raise UserError("--executor ray: Ray is not installed; `pip install ray`, or use --executor inline")
    _log.info("Ray is not installed: one worker renders all shards; `pip install ray` for one a core")
    return "inline"


def _is_worth_ray(config: RenderConfig, device_kind: str, shards: Sequence[PlannedShard]) -> bool:
    """Whether this machine has room for two workers, and they would have enough to do."""
    execution = config.execution
    places = cores() // execution.threads if device_kind == "cpu" else torch.cuda.device_count()
    if execution.workers == 1 or min(places, len(shards)) < 2:
        return False
    photos = sum(len(shard.samples) for shard in shards)
    return photos * megapixels_per_sample(config) >= MEGAPIXELS_WORTH_RAY
