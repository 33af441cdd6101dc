"""Whole training runs: the same bits again after a break, whoever computes them, and what stops a run."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipelines.errors import UserError
from pipelines.train import step as train_step
from pipelines.train.config import OptimizerConfig, TrainConfig
from pipelines.train.run import train
from pipelines.train.step import learning_rate
from tests.pipelines.train.test_batches import cut_frames
from tests.pipelines.train.tiny_run import tiny_config
from tests.shards.forgery import forge

Tensors = dict[str, torch.Tensor]


def trained(config: TrainConfig) -> tuple[Tensors, dict[str, Any]]:
    """Train; all tensors of the last checkpoint, by file and name, and its state."""
    checkpoint = Path(train(config).checkpoint)
    tensors = {
        f"{file}/{name}": value
        for file in ("weights", "average", "optimizer")
        for name, value in load_file(checkpoint / f"{file}.safetensors").items()
    }
    return tensors, json.loads((checkpoint / "state.json").read_text())


def assert_same_bits(one: Tensors, other: Tensors) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture(scope="module")
def straight(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tensors, dict[str, Any]]:
    """Eight steps without a break: over five samples, two at a time, that is from one epoch into the third."""
    return trained(tiny_config(scenes, tmp_path_factory.mktemp("straight"), steps=8))


@pytest.mark.parametrize("breaks", [(4,), (1, 5)])
def test_a_run_with_breaks_is_bit_for_bit_the_run_without(
    straight: tuple[Tensors, dict[str, Any]], scenes: Path, tmp_path: Path, breaks: tuple[int, ...]
) -> None:
    for step in breaks:
        result = train(tiny_config(scenes, tmp_path, steps=8, max_steps=step))
        assert result.step == step
    tensors, state = trained(tiny_config(scenes, tmp_path, steps=8))
    assert_same_bits(tensors, straight[0])
    assert state == straight[1]
    assert (state["step"], state["batches"], state["samples"]) == (8, 8, 16)


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    straight: tuple[Tensors, dict[str, Any]], scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in step 5 with a checkpoint of step 3: steps 3 and 4 are done again."""
    plain = train_step.losses

    def until_killed(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 6:
            raise MemoryError
        return plain(*arguments)

    calls: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(train_step, "losses", until_killed)
        with pytest.raises(MemoryError):
            train(tiny_config(scenes, tmp_path, steps=8, save_every=3))
    assert (tmp_path / "checkpoints" / "00000003").is_dir()
    tensors, state = trained(tiny_config(scenes, tmp_path, steps=8, save_every=3))
    assert_same_bits(tensors, straight[0])
    assert state == straight[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_step_saves_and_says_so(
    straight: tuple[Tensors, dict[str, Any]],
    scenes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    plain = train_step.losses
    calls: list[int] = []

    def signalled(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(number)
        return plain(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(train_step, "losses", signalled)
        with pytest.raises(UserError, match="interrupted, with a checkpoint; the same command resumes") as caught:
            train(tiny_config(scenes, tmp_path, steps=8))
    assert caught.value.exit_code == 128 + number
    assert (tmp_path / "checkpoints" / "00000003").is_dir()
    assert_same_bits(trained(tiny_config(scenes, tmp_path, steps=8))[0], straight[0])


def test_two_batches_accumulated_are_one_of_twice_the_size(scenes: Path, tmp_path: Path) -> None:
    """Gradients are the same up to the order of sums; Adam then divides by their size, and enlarges their last bits."""
    changes: dict[str, Any] = {"least_crop": 1.0, "steps": 3, "max_steps": 1}
    once, _ = trained(tiny_config(scenes, tmp_path / "once", batch_size=4, **changes))
    twice, state = trained(tiny_config(scenes, tmp_path / "twice", batch_size=2, accumulate=2, **changes))
    assert (state["step"], state["batches"]) == (1, 2)
    # The first moment after one step is a tenth of the gradient, shortened alike in both.
    moments = [name for name in once if name.endswith("/exp_avg")]
    assert len(moments) > 50
    for name in moments:
        torch.testing.assert_close(twice[name], once[name], atol=1e-6, rtol=1e-4)


def test_the_stacking_weight_changes_the_run_and_the_recording_does_not(
    straight: tuple[Tensors, dict[str, Any]], scenes: Path, tmp_path: Path
) -> None:
    recorded, _ = trained(tiny_config(scenes, tmp_path / "a", steps=8, save_every=3, log_every=2, sample_every=8))
    assert_same_bits(recorded, straight[0])
    free, _ = trained(tiny_config(scenes, tmp_path / "b", steps=8, max_steps=2, stack_weight=0.0))
    assert free.keys() == straight[0].keys()
    bound, _ = trained(tiny_config(scenes, tmp_path / "c", steps=8, max_steps=2, stack_weight=4.0))
    assert any(not torch.equal(free[name], value) for name, value in bound.items())


def test_scalars_and_pictures_are_written(scenes: Path, tmp_path: Path) -> None:
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(tiny_config(scenes, tmp_path, steps=4, sample_every=2))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert {"loss/flow", "loss/stack", "loss/total", "optimizer/gradient_norm"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("loss/flow")] == [1, 2, 3, 4]
    assert all(event.value > 0 for event in events.Scalars("loss/flow"))
    assert [event.step for event in events.Images("refocused")] == [2, 4]
    with Image.open(tmp_path / "pictures" / "00000004.png") as picture:
        assert np.asarray(picture).std() > 20


def test_weights_and_biases_gets_the_same_scalars(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[tuple[int, set[str]]] = []

    class Tracker:
        def __init__(self, project: str, **settings: Any) -> None:
            assert (project, settings["resume"]) == ("refocus", "allow")

        def start(self) -> None: ...
        def finish(self) -> None: ...
        def store_init_configuration(self, values: dict[str, Any]) -> None:
            assert values["optimizer"]["steps"] == 2

        def log(self, values: dict[str, float], step: int) -> None:
            logged.append((step, set(values)))

        log_images = log

    config = tiny_config(scenes, tmp_path, steps=2, sample_every=2, wandb="refocus")
    monkeypatch.setattr("pipelines.train.recording.is_wandb_available", lambda: False)
    with pytest.raises(UserError, match="--wandb refocus needs the package wandb; pip install wandb"):
        train(config)
    monkeypatch.setattr("pipelines.train.recording.is_wandb_available", lambda: True)
    monkeypatch.setattr("pipelines.train.recording.WandBTracker", Tracker)
    train(config)
    assert [step for step, _ in logged] == [1, 2, 2]
    assert "loss/flow" in logged[0][1]
    assert logged[2][1] == {"refocused"}


def test_a_corrupt_sample_is_skipped_and_counted(own_scenes: Path, tmp_path: Path) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    result = train(tiny_config(own_scenes, tmp_path / "run", steps=6, max_dropped_fraction=0.5))
    assert (result.step, result.samples) == (6, 12)
    assert result.dropped >= 2
    assert f"{result.dropped} damaged samples skipped" in result.summary()


def test_too_many_corrupt_samples_stop_the_run(own_scenes: Path, tmp_path: Path) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    with pytest.raises(UserError, match=r"at most --max-dropped-fraction 0\.01 .*train-000000 00000000 .*verify"):
        train(tiny_config(own_scenes, tmp_path / "run", steps=6))


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_samples(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_config(scenes, tmp_path, steps=6, max_steps=2))
    before = (tmp_path / "checkpoints" / "00000002" / "weights.safetensors").read_bytes()
    plain = train_step.losses

    def broken(model: Any, batch: Any, objective: Any) -> Any:
        batch.targets[0] = float("nan")
        keys.extend(batch.keys)
        return plain(model, batch, objective)

    keys: list[str] = []
    monkeypatch.setattr(train_step, "losses", broken)
    with pytest.raises(UserError, match="must be finite, got nan in step 2 with samples") as caught:
        train(tiny_config(scenes, tmp_path, steps=6))
    assert ", ".join(keys) in str(caught.value)
    assert caught.value.exit_code == 1
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["00000002"]
    assert (tmp_path / "checkpoints" / "00000002" / "weights.safetensors").read_bytes() == before


def test_another_configuration_does_not_resume(scenes: Path, tmp_path: Path) -> None:
    train(tiny_config(scenes, tmp_path, steps=2, max_steps=1))
    with pytest.raises(UserError, match=r"other settings: learning_rate was 0\.001, now 0\.002; stack_weight was 0\.0"):
        train(tiny_config(scenes, tmp_path, steps=2, learning_rate=2e-3, stack_weight=4.0))


def test_a_finished_run_stays_as_it_is(scenes: Path, tmp_path: Path) -> None:
    config = tiny_config(scenes, tmp_path, steps=2)
    first = trained(config)
    again = trained(config)
    assert_same_bits(first[0], again[0])


def test_a_picture_that_is_not_whole_patches_is_refused(scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="multiples of 8 px for --model tiny; got 50 and 32, try 48 and 32"):
        train(tiny_config(scenes, tmp_path, width=50))


def test_the_learning_rate_climbs_and_falls() -> None:
    config = OptimizerConfig(steps=110, learning_rate=1.0, warmup_steps=10)
    rates = [learning_rate(step, config) for step in range(110)]
    assert rates[0] == 0.1
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert 0 < rates[109] < 0.001
    assert all(later <= earlier for earlier, later in pairwise(rates[10:]))


def test_a_warm_start_takes_the_averaged_weights_and_nothing_else(scenes: Path, tmp_path: Path) -> None:
    from pipelines.model.checkpoint import RunFolder
    from pipelines.model.initial_weights import load_initial_weights
    from pipelines.model.networks import new_network

    before, _ = trained(tiny_config(scenes, tmp_path / "a", steps=3, max_steps=2))
    warm = tiny_config(scenes, tmp_path / "b", steps=3, max_steps=1, learning_rate=1e-9, init_weights=tmp_path / "a")
    after, state = trained(warm)
    assert state["step"] == 1
    assert int(after["optimizer/patch_embed.weight/step"]) == 1
    for name in ("patch_embed.weight", "edit_conv.weight"):
        torch.testing.assert_close(after[f"weights/{name}"], before[f"average/module.{name}"], rtol=0, atol=1e-7)
    file = tmp_path / "a" / "checkpoints" / "00000002" / "weights.safetensors"
    model = new_network("tiny", "frame")
    load_initial_weights(file, model)
    assert torch.equal(model.state_dict()["patch_embed.weight"], before["weights/patch_embed.weight"])
    with pytest.raises(UserError, match=r"--init-weights .*weights.safetensors must hold the weights of --model"):
        load_initial_weights(file, new_network("unet-tiny", "frame"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"must hold a checkpoint or be a \.safetensors file"):
        load_initial_weights(tmp_path / "empty", model)
    with pytest.raises(UserError, match=r"other settings: init_weights was .*/a, now absent"):
        train(tiny_config(scenes, tmp_path / "b", steps=3, learning_rate=1e-9))
    assert RunFolder(tmp_path / "b").latest() == tmp_path / "b" / "checkpoints" / "00000001"
