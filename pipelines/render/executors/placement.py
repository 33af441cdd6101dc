"""Where workers run: in this process or through Ray, and how many fit where. Bytes are the same either way."""

import logging
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Literal

import torch

from pipelines.errors import UserError
from pipelines.render.config import ExecutionConfig, RenderConfig
from pipelines.render.estimate import megapixels_per_sample
from pipelines.render.plan.plan import PlannedShard
from shards.parallel import cores

Resources = Mapping[str, float]
"""Of one machine, or of one worker: CPU (cores) and GPU, as Ray counts them."""
MEGAPIXELS_WORTH_RAY = 60.0
"""Frames of one run from which on Ray is used. By arithmetic: on two cores 151 save 17 s, and Ray takes 8 to start."""

_log = logging.getLogger(__name__)


def chosen_executor(config: RenderConfig, device_kind: str, shards: Sequence[PlannedShard]) -> Literal["inline", "ray"]:
    """The executor for these shards. Raises UserError when the flags ask for Ray and it is not installed."""
    execution = config.execution
    is_asked_for = execution.executor == "ray" or bool(execution.ray_address)
    is_asked_for = is_asked_for or (execution.workers != "auto" and execution.workers > 1)
    if execution.executor == "inline" or not (is_asked_for or _is_worth_ray(config, device_kind, shards)):
        return "inline"
    if is_asked_for:
        check_ray()
    if find_spec("ray") is not None:
        return "ray"
    _log.info("Ray is not installed: one worker renders all shards; `pip install ray` for one a core")
    return "inline"


def check_ray() -> None:
    """Raise UserError where Ray is asked for and not installed."""
    if find_spec("ray") is None:
        raise UserError("--executor ray: Ray is not installed; `pip install ray`, or use --executor inline")


def worker_needs(execution: ExecutionConfig, device_kind: str, machines: Sequence[Resources]) -> dict[str, float]:
    """What one worker takes: cores for its threads, or its share of a GPU and of the cores that feed it.

    Where that number of cores is not given, the poorest of the machines with a GPU decides.
    """
    if device_kind == "cpu":
        return {"CPU": execution.threads}
    shares = [int(machine.get("CPU", 0) // machine["GPU"]) for machine in machines if machine.get("GPU")]
    of_gpu = min(shares, default=1) if execution.cpus_per_gpu == "auto" else execution.cpus_per_gpu
    return {"CPU": max(1, of_gpu // execution.workers_per_gpu), "GPU": 1 / execution.workers_per_gpu}


def places(needs: Resources, machines: Sequence[Resources]) -> int:
    """How many such workers the machines have room for."""
    return sum(min(int(machine.get(name, 0) / count) for name, count in needs.items()) for machine in machines)


def _is_worth_ray(config: RenderConfig, device_kind: str, shards: Sequence[PlannedShard]) -> bool:
    """Whether this machine has room for two workers, and they would have enough to do."""
    here = [{"CPU": cores(), "GPU": torch.cuda.device_count()}]
    room = places(worker_needs(config.execution, device_kind, here), here)
    if config.execution.workers == 1 or min(room, len(shards)) < 2:
        return False
    photos = sum(len(shard.samples) for shard in shards)
    return photos * megapixels_per_sample(config) >= MEGAPIXELS_WORTH_RAY
