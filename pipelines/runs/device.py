"""The device that `--device auto|cpu|cuda` stands for on this machine."""

from typing import Literal

import torch

from pipelines.errors import UserError


def resolve_device(device: str) -> Literal["cpu", "cuda"]:
    """cpu or cuda; `auto` takes a GPU where torch sees one. Raises UserError for cuda without a GPU."""
    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch sees no GPU here; see `refocus-foundry doctor`, or use --device cpu")
    return "cuda" if has_gpu and device != "cpu" else "cpu"
