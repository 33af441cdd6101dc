"""Several processes, as `torchrun` and `accelerate launch` start them, over gloo on the CPU."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import multiprocessing

from pipelines.train.config import TrainConfig
from pipelines.train.run import train
from tests.pipelines.train.test_batches import cut_frames
from tests.pipelines.train.tiny_run import tiny_config
from tests.shards.forgery import forge

PROCESSES = 2
LIMIT_S = 120


def _one_of_two(rank: int, port: int, config: TrainConfig) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(PROCESSES),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        OMP_NUM_THREADS="1",
    )
    torch.set_num_threads(1)
    try:
        train(config)
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def in_two_processes(config: TrainConfig) -> dict[str, torch.Tensor]:
    """Train; the last checkpoint's weights. Ends what it started, whatever happens, and fails when that hangs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = multiprocessing.spawn(_one_of_two, (port, config), nprocs=PROCESSES, join=False)
    assert started is not None
    try:
        last = time.monotonic() + LIMIT_S
        while not started.join(timeout=1):  # one process done is not all; raises what a process raised
            assert time.monotonic() < last, f"two processes must be done within {LIMIT_S} s"
    finally:
        for process in started.processes:
            if process.is_alive():
                process.kill()
            process.join()
    return weights(config)


def weights(config: TrainConfig) -> dict[str, torch.Tensor]:
    latest = max((config.out / "checkpoints").iterdir())
    return load_file(latest / "weights.safetensors")


def test_two_processes_are_one_with_twice_the_batch(scenes: Path, tmp_path: Path) -> None:
    """Four steps over five samples in shards of 2, 2 and 1: nobody hangs, and the weights are the same.

    Sums come in another order, and Adam divides by the gradient's size: where a gradient is hardly more than rounding,
    its step may differ. Four steps of at most 1e-3 move a weight by up to 3e-3; the mean difference must be below a
    thousandth of that, and no weight may be off by more than a tenth of it.
    """
    one = tiny_config(scenes, tmp_path / "one", steps=4, batch_size=4)
    train(one)
    two = in_two_processes(tiny_config(scenes, tmp_path / "two", steps=4, batch_size=2))
    differences = torch.cat([(two[name] - value).abs().flatten() for name, value in weights(one).items()])
    assert float(differences.mean()) < 3e-6
    assert float(differences.max()) < 3e-4


@pytest.mark.slow
def test_a_corrupt_sample_on_one_rank_does_not_hang_the_other(own_scenes: Path, tmp_path: Path) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    in_two_processes(tiny_config(own_scenes, tmp_path / "run", steps=5, max_dropped_fraction=0.9))


@pytest.mark.slow
def test_too_much_damage_stops_both(own_scenes: Path, tmp_path: Path) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    with pytest.raises(Exception, match="max-dropped-fraction"):
        in_two_processes(tiny_config(own_scenes, tmp_path / "run", steps=5))
