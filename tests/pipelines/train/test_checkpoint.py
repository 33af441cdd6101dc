from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState, read_settings
from pipelines.model.ema import averaged
from pipelines.train.checkpoint import begin_or_resume, load_checkpoint, remove_old_checkpoints, save_checkpoint

Parts = tuple[nn.Module, nn.Module, torch.optim.Optimizer]
STATE = TrainingState(step=7, batches=14, samples=28, dropped=1, blur_level_min=2.0, blur_level_max=9.0)


def parts(seed: int, steps: int = 3) -> Parts:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    average = averaged(model, 0.9)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(steps):
        model(torch.randn(5, 4)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(model)
    return model, average, optimizer


def test_everything_comes_back(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    model, average, optimizer = parts(0)
    path = save_checkpoint(folder, model, average, optimizer, STATE)
    assert path == folder.latest() == tmp_path / "checkpoints" / "00000007"
    other, other_average, other_optimizer = parts(1, steps=1)
    assert load_checkpoint(path, other, other_average, other_optimizer) == STATE
    for one, two in ((model, other), (average, other_average)):
        for name, value in one.state_dict().items():
            assert torch.equal(value, two.state_dict()[name]), name
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        for moment, value in optimizer.state[mine].items():
            assert torch.equal(value, other_optimizer.state[theirs][moment]), moment


def test_an_unfinished_checkpoint_is_none(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    (folder.checkpoints / ".00000009.tmp").mkdir(parents=True)
    assert folder.latest() is None
    for step in (3, 5, 7):
        save_checkpoint(folder, *parts(0), TrainingState(step=step))
    remove_old_checkpoints(folder, 2)
    assert sorted(path.name for path in folder.checkpoints.iterdir()) == ["00000005", "00000007"]


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = save_checkpoint(RunFolder(tmp_path), *parts(0), STATE)
    weights = path / "average.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"average.safetensors cannot be read .*remove this checkpoint"):
        load_checkpoint(path, *parts(1))
    (path / "state.json").write_text("{}x")
    path = save_checkpoint(RunFolder(tmp_path), *parts(0), STATE)
    (path / "state.json").write_text("nothing")
    with pytest.raises(UserError, match=r"state.json cannot be read"):
        load_checkpoint(path, *parts(1))


def test_weights_of_another_model_are_named(tmp_path: Path) -> None:
    path = save_checkpoint(RunFolder(tmp_path), *parts(0), STATE)
    model = nn.Sequential(nn.Linear(4, 9), nn.Linear(9, 2))
    with pytest.raises(UserError, match=r"must hold the weights that its config.json promises: .*0\.weight"):
        load_checkpoint(path, model, averaged(model, 0.9), torch.optim.AdamW(model.parameters()))


def test_other_settings_are_named_one_by_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin_or_resume(folder, {"seed": 0, "model": "tiny", "width": 96})
    begin_or_resume(folder, {"seed": 0, "model": "tiny", "width": 96})
    with pytest.raises(UserError, match=r"other settings: model was tiny, now slim; seed was 0, now 4; give the old"):
        begin_or_resume(folder, {"seed": 4, "model": "slim", "width": 96})
    assert read_settings(folder.run)["seed"] == 0


def test_a_folder_that_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must be the --out folder of a train run; it has no config.json"):
        read_settings(tmp_path)
    RunFolder(tmp_path).config.write_text("[1]")
    with pytest.raises(UserError, match=r"config.json cannot be read \(it must be a JSON object, got list\)"):
        read_settings(tmp_path)
