"""`train` as a user sees it: flags, recipes, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from pipelines.__main__ import main
from pipelines.command_line import parse
from pipelines.model.networks import PATCH_PX
from pipelines.train.config import TrainConfig
from pipelines.train.recipes import RECIPES
from tests.pipelines.train.test_batches import cut_frames
from tests.shards.forgery import forge

Said = pytest.CaptureFixture[str]


def command(data: Path, out: Path, *more: str) -> list[str]:
    tiny = ("--width", "48", "--height", "32", "--batch-size", "2", "--steps", "2", "--sample-every", "0")
    return ["train", "--recipe", "tiny", "--data", str(data), "--out", str(out), "--device", "cpu", *tiny, *more]


def test_a_recipe_is_a_start_and_flags_go_on_top() -> None:
    assert parse(["train", "--recipe", "slim"]) == RECIPES["slim"]
    changed = parse(["train", "--recipe=tiny", "--data", "here", "--stack-weight", "7", "--no-flip"])
    assert (changed.dataset.data, changed.objective.stack_weight, changed.dataset.flip) == (Path("here"), 7.0, False)
    assert changed.model == "tiny"


def test_the_recipes_and_sizes_on_the_command_line_are_those_that_exist() -> None:
    hints = get_type_hints(TrainConfig)
    assert set(get_args(hints["recipe"])) == {"default", *RECIPES}
    assert set(get_args(hints["model"])) == set(PATCH_PX)
    for name, config in RECIPES.items():
        patch = PATCH_PX[config.model]
        assert config.recipe == name
        assert config.dataset.width % patch == config.dataset.height % patch == 0


def test_the_way_of_a_run(scenes: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(command(scenes, tmp_path, "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["step"], said["samples"], said["dropped"]) == (2, 4, 0)
    assert Path(said["checkpoint"]).is_dir()
    assert main(command(scenes, tmp_path)) == 0
    assert "step 2, tiny with 1.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--targets", "0"], "--targets must lie between 1 and 16; got 0"),
        (["--targets", "1", "--stack-weight", "1"], "--targets must be at least 2 with --stack-weight 1; got 1"),
        (["--targets", "4"], "at least --targets 4 planes, its groups have 3; render with more --planes"),
        (["--width", "50"], "--width and --height must be multiples of 8 px for --model tiny; got 50 and 32"),
        (["--width", "8"], "--width must lie between 32 and 4096 px; got 8"),
        (["--stack-weight", "-1"], "--stack-weight must be at least 0; got -1.0"),
        (["--stack-softness-px", "0"], "--stack-softness-px must be positive"),
        (["--depth-dropout", "1.5"], "--depth-dropout must lie in [0, 1]; got 1.5"),
        (["--least-crop", "0"], "--least-crop must lie in (0, 1]"),
        (["--learning-rate", "0"], "--learning-rate must be positive"),
        (["--ema-decay", "1"], "--ema-decay must lie in [0, 1)"),
        (["--accumulate", "0"], "--accumulate must be at least 1"),
        (["--max-steps", "0"], "--max-steps must be at least 1"),
        (["--save-every", "0"], "--save-every must be at least 1"),
        (["--split", "val"], "must hold samples of split val"),
        (["--data", "nowhere"], "name the --out folder of a render run"),
        (["--device", "cuda"], "--device cuda: torch sees no GPU here"),
    ],
)
def test_what_a_user_got_wrong_is_one_line_and_exit_code_2(
    scenes: Path, tmp_path: Path, capsys: Said, arguments: list[str], said: str
) -> None:
    assert main(command(scenes, tmp_path / "run", *arguments)) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert said in output.err
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_run_of_another_configuration_is_exit_code_2(scenes: Path, tmp_path: Path, capsys: Said) -> None:
    assert main(command(scenes, tmp_path)) == 0
    assert main(command(scenes, tmp_path, "--seed", "3", "--depth-dropout", "0")) == 2
    assert "other settings: depth_dropout was 0.2, now 0.0; seed was 0, now 3; give the" in capsys.readouterr().err


def test_a_run_that_is_going_on_is_not_disturbed(scenes: Path, tmp_path: Path, capsys: Said) -> None:
    from pipelines.runs.lock import run_lock

    (tmp_path / ".meta").mkdir()
    with run_lock(tmp_path / ".meta", force=False):
        assert main(command(scenes, tmp_path)) == 2
    assert "is in use by process" in capsys.readouterr().err


def test_damage_is_exit_code_1_and_named(own_scenes: Path, tmp_path: Path, capsys: Said) -> None:
    forge(own_scenes, "train-000000", cut_frames)
    assert main(command(own_scenes, tmp_path / "run", "--max-dropped-fraction", "0", "--steps", "4")) == 1
    assert "train-000000 00000000" in capsys.readouterr().err


def test_what_is_not_installed_is_said(scenes: Path, tmp_path: Path) -> None:
    """In another process, where accelerate cannot be found."""
    code = (
        "import sys\nsys.modules['accelerate'] = None\nfrom pipelines.__main__ import main\n"
        f"sys.exit(main({command(scenes, tmp_path)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "accelerate is not installed; pip install 'refocus-foundry[train]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", ["train", "refocus", "experiment"])
def test_help_does_not_wait_for_torch(verb: str) -> None:
    code = (
        "import sys\nfrom pipelines.__main__ import main\n"
        f"try: main([{verb!r}, '--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "print('imported', {'torch', 'accelerate', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported set()"
