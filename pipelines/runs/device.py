"""The device that `--device auto|cpu|cuda` stands for on this machine, and the CPU threads of torch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from pipelines.errors import UserError


def resolve_device(device: str, *, is_elsewhere: bool = False) -> Literal["cpu", "cuda"]:
    """cpu or cuda; `auto` takes a GPU where torch sees one.

    Raises UserError for cuda without a GPU, unless the GPUs are those of other machines.
    """
    has_gpu = torch.cuda.is_available() or (is_elsewhere and device == "cuda")
    if device == "cuda" and not has_gpu:
        raise UserError("--device cuda: torch sees no GPU here; see `refocus-foundry doctor`, or use --device cpu")
    return "cuda" if has_gpu and device != "cpu" else "cpu"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Within the block torch has this many CPU threads, afterwards as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
