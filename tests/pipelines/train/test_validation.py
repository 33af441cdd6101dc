"""Scores on held-out scenes during training: the same items every time, and nothing in training changed by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from pipelines.errors import UserError
from pipelines.model.checkpoint import RunFolder, TrainingState, load_averaged
from pipelines.model.condition import Condition
from pipelines.train.checkpoint import read_best, save_best
from pipelines.train.run import train
from pipelines.train.validation import Validation, ValidationScores, open_validation
from tests.pipelines.train.test_run import assert_same_bits, trained
from tests.pipelines.train.tiny_run import tiny_config


class Mixture(nn.Module):
    """The reference with a share of the truth in it, which the test gives."""

    share = 0.0
    truth: torch.Tensor

    def forward(self, noisy: torch.Tensor, time: torch.Tensor, condition: Condition) -> torch.Tensor:
        if not self.share:
            return condition.reference
        return condition.reference + self.share * (self.truth - condition.reference)


def validation(scenes: Path, out: Path, **changes: Any) -> Validation:
    """Of photos from frames; the fixture has one split, and nothing here depends on which."""
    config = tiny_config(scenes, out, validation_items=4, aif_share=0.0, predict="photo", noise="none", **changes)
    return Validation(config, "train")


def scores(of: Validation, model: nn.Module) -> ValidationScores:
    return of.scores(model, Accelerator(cpu=True))


def test_a_share_of_the_truth_is_that_share_recovered(scenes: Path, tmp_path: Path) -> None:
    one, model = validation(scenes, tmp_path, batch_size=4), Mixture()
    unchanged = scores(one, model)
    assert unchanged.recovered_share == 0.0
    assert unchanged.psnr_in_focus > unchanged.psnr > unchanged.psnr_defocused > 10
    model.truth, model.share = one.batch(0).aif, 0.5
    half = scores(one, model)
    assert half.recovered_share == pytest.approx(0.5, abs=0.01)  # of pictures in 8 bits
    assert half.psnr == pytest.approx(unchanged.psnr + 6.02, abs=0.3)
    model.share = 1.0
    assert scores(one, model).loss == pytest.approx(0.0, abs=1e-4)


def test_items_are_the_same_whatever_seed_and_batch(scenes: Path, tmp_path: Path) -> None:
    one = scores(validation(scenes, tmp_path), Mixture())
    other = scores(validation(scenes, tmp_path, seed=5, batch_size=3), Mixture())
    assert other.known() == pytest.approx(one.known(), rel=1e-5)
    assert "recovered_share" in one.known()


def test_validating_changes_no_weight_and_keeps_the_best(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses 3, 1, 2, 1.5, with a break between: the second is the best, and what refocuses."""
    losses, plain = iter([3.0, 1.0, 2.0, 1.5]), Validation.scores
    monkeypatch.setattr(Validation, "scores", lambda *arguments: replace(plain(*arguments), loss=next(losses)))
    monkeypatch.setattr("pipelines.train.run.open_validation", lambda config: Validation(config, "train"))
    config = tiny_config(scenes, tmp_path / "a", steps=4, validate_every=1, validation_items=2)
    train(replace(config, max_steps=2))
    tensors, _ = trained(config)
    folder = RunFolder(config.out)
    assert [path.name for path in folder.checkpoints.glob("best*")] == ["best-00000002"]
    assert {"split": "train", "items": 2, "loss": 1.0}.items() <= read_best(folder).items()
    assert load_averaged(config.out)[1].steps == 2
    monkeypatch.undo()
    without = replace(config, out=tmp_path / "b")
    assert_same_bits(trained(without)[0], tensors)
    assert load_averaged(without.out)[1].steps == 4


def test_another_validation_begins_anew(scenes: Path, tmp_path: Path) -> None:
    """A best of other items says nothing of these."""
    folder, average = RunFolder(tmp_path), nn.Linear(2, 2)
    save_best(folder, average, TrainingState(step=9), {"split": "val", "items": 2, "loss": 0.1})
    path = save_best(folder, average, TrainingState(step=5), {"split": "val", "items": 3, "loss": 0.7})
    assert [path] == list(folder.checkpoints.iterdir())
    (path / "validation.json").write_text("{")
    assert read_best(folder) == {}


def test_which_split(scenes: Path, tmp_path: Path) -> None:
    assert open_validation(tiny_config(scenes, tmp_path)) is None
    for split, said in (("val", "--validation-split val: .*must hold samples of split val"), ("test", "split test")):
        with pytest.raises(UserError, match=said):
            open_validation(tiny_config(scenes, tmp_path, validation_split=split))
    with pytest.raises(UserError, match="must differ from --split, which is trained on; got val for both"):
        open_validation(tiny_config(scenes, tmp_path, validation_split="val", split="val"))
