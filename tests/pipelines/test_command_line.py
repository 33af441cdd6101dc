"""What a user sees: stdout, stderr, exit codes."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from pipelines import verify
from pipelines.__main__ import main
from pipelines.command_line import EXTRAS, VERBS, parse
from pipelines.render.config import RenderConfig
from pipelines.render.recipes import RECIPES
from pipelines.runs.verb_result import VerbResult

Said = pytest.CaptureFixture[str]


def flags(config: RenderConfig) -> list[str]:
    """The command that means this tiny configuration."""
    return [
        *("render", "--photos", config.source.photos, "--depth", "sidecar", "--out", str(config.out)),
        *("--long-side", "88", "--planes", "2", "--levels", "2", "--blur-level-max", "3", "--samples-per-shard", "2"),
        *("--split-fractions", "1", "0", "0", "--device", "cpu", "--offline", "--max-blurred", "1"),
    ]


def test_flags_mean_the_configuration(tiny_config: RenderConfig) -> None:
    assert parse(flags(tiny_config)) == tiny_config


def test_a_recipe_is_a_start_and_flags_go_on_top() -> None:
    assert parse(["render", "--recipe", "demo"]) == RECIPES["demo"]
    changed = parse(["render", "--recipe=demo", "--out", "elsewhere", "--planes", "3", "--executor", "inline"])
    assert (changed.out, changed.stack.planes, changed.execution.executor) == (Path("elsewhere"), 3, "inline")
    assert changed.source == RECIPES["demo"].source


def test_the_recipes_on_the_command_line_are_those_that_exist() -> None:
    assert set(get_args(get_type_hints(RenderConfig)["recipe"])) == {"default", *RECIPES}
    assert all(recipe.recipe == name for name, recipe in RECIPES.items())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_function_of_its_record(verb: str) -> None:
    module, _, name = VERBS[verb].function.partition(":")
    hints = get_type_hints(getattr(importlib.import_module(module), name))
    assert hints["config"] is VERBS[verb].config
    assert all(issubclass(kind, VerbResult) for kind in get_args(hints["return"]) or [hints["return"]])


def test_verbs_that_ask_for_no_extra_load_without_any() -> None:
    """In a process of its own, where the packages of extras cannot be imported."""
    asking = {"benchmark", "train", "experiment", "validate"}
    modules = [verb.function.partition(":")[0] for name, verb in VERBS.items() if name not in asking]
    code = f"import sys, importlib; sys.modules.update(dict.fromkeys({list(EXTRAS)}))\n"
    code += f"for name in {modules}: importlib.import_module(name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("module", "extra"), [("mitsuba", "validate"), ("accelerate.state", "train")])
def test_a_missing_extra_is_one_line_for_every_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, module: str, extra: str
) -> None:
    def missing(config: object) -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    monkeypatch.setattr(verify, "rewrite_card", missing)
    assert main(["card", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said == f"refocus-foundry: {module} is not installed; pip install 'refocus-foundry[{extra}]'\n"


def test_a_verb_of_several_extras_names_them_all(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    def missing(config: object) -> None:
        raise ModuleNotFoundError("No module named 'torchmetrics'", name="torchmetrics")

    monkeypatch.setattr("pipelines.validate.run.run", missing)
    assert main(["validate"]) == 2
    assert capsys.readouterr().err.endswith("pip install 'refocus-foundry[validate]'\n")


def test_a_missing_module_of_no_extra_is_our_own_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(config: object) -> None:
        raise ModuleNotFoundError("No module named 'pipelines.gone'", name="pipelines.gone")

    monkeypatch.setattr(verify, "rewrite_card", missing)
    with pytest.raises(ModuleNotFoundError):
        main(["card", str(tmp_path)])


def test_the_way_of_a_data_set(tiny_config: RenderConfig, capsys: Said) -> None:
    """render, verify, preview, card: results on stdout, exit code 0."""
    assert main([*flags(tiny_config), "--json"]) == 0
    rendered = json.loads(capsys.readouterr().out)
    assert (rendered["samples"], rendered["frames"], rendered["rejected"]) == (5, 20, 0)
    assert main(["verify", str(tiny_config.out), "--json"]) == 0
    verified = json.loads(capsys.readouterr().out)
    assert (verified["samples"], verified["shards"], verified["frames"], verified["complaints"]) == (5, 3, 20, [])
    assert main(["preview", str(tiny_config.out), "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert (page["page"], page["samples"]) == (str(tiny_config.out / "preview" / "index.html"), 5)
    assert Path(page["page"]).stat().st_size == page["page_bytes"]
    assert main(["preview", str(tiny_config.out), "--sheets", "--limit", "2", "--json"]) == 0
    pictures = json.loads(capsys.readouterr().out)["pictures"]
    assert [Path(picture).name for picture in pictures] == ["00000000.png", "00000001.png"]
    assert all(Path(picture).is_file() for picture in pictures)
    assert main(["card", str(tiny_config.out)]) == 0
    assert capsys.readouterr().out.strip() == str(tiny_config.out / "README.md")
    assert main(["card", str(tiny_config.out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"card": str(tiny_config.out / "README.md")}
    assert main(["verify", str(tiny_config.out)]) == 0
    assert capsys.readouterr().out == f"{tiny_config.out}: 5 samples, 20 frames, 3 shards; sound\n"


def test_without_json_a_run_says_what_it_made(tiny_config: RenderConfig, capsys: Said) -> None:
    assert main(flags(tiny_config)) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert re.fullmatch(rf"{tiny_config.out}: 5 samples, 20 frames, 3 shards, \d.*[kM]B", lines[0])
    assert re.fullmatch(r"5 photos in \d+ s, [\d.e-]+ s each: .*render.*", lines[1])
    assert lines[-1].startswith(f"next: refocus-foundry preview {tiny_config.out} ")
    assert said.err == ""  # no terminal, no bar


def test_a_dry_run_says_what_it_would_make(tiny_config: RenderConfig, capsys: Said) -> None:
    assert main([*flags(tiny_config), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shards"] == 3
    assert main([*flags(tiny_config), "--dry-run"]) == 0
    assert "5 train, 0 val, 0 test samples, 20 frames, 3 shards" in capsys.readouterr().out
    assert not tiny_config.out.exists()


def test_a_run_and_a_dry_run_with_nothing_left_say_so(tiny_config: RenderConfig, capsys: Said) -> None:
    small = ["--min-short-side", "4096", "--max-reject-fraction", "1"]
    assert main([*flags(tiny_config), *small, "--dry-run"]) == 3
    assert capsys.readouterr().out.endswith("\nno sample would be left\n")
    assert main([*flags(tiny_config), *small]) == 3
    said = capsys.readouterr().out
    assert "5 of 5 photos left out: 5 smaller than wanted" in said
    assert (
        said.splitlines()[-1] == f"no sample is left; {tiny_config.out}/rejects.jsonl names each photo and the reason"
    )


def test_damage_is_exit_code_4_and_named(finished: RenderConfig, capsys: Said) -> None:
    tar = finished.out / "shards" / "train-000001.tar"
    content = bytearray(tar.read_bytes())
    content[len(content) // 2] ^= 1
    tar.write_bytes(content)
    assert main(["verify", str(finished.out)]) == 4
    complaints = capsys.readouterr().out
    assert "train-000001 0000000" in complaints
    assert "complaints: " in complaints.splitlines()[-1]
    assert main(["verify", str(finished.out), "--json"]) == 4
    assert {entry["shard"] for entry in json.loads(capsys.readouterr().out)["complaints"]} == {"train-000001"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--photos", "{empty}"], "no photos in {empty}"),
        (["--photos", "{out}/nowhere"], "nowhere does not exist"),
        (["--photos", ""], "--photos must name a folder"),
        (["--photos", "builtin:0"], "a count of scenes >= 1"),
        (["--planes", "1"], "--planes must lie between 2 and 16 (a stacking group needs 2); got 1"),
        (["--planes", "16", "--levels", "16"], "--planes times --levels must be at most 100; got 256"),
        (
            ["--blur-level-min", "5"],
            "--blur-level-min and --blur-level-max must be 0 < min < max <= 25; got 5.0 and 3.0",
        ),
        (["--split-fractions", "1", "1", "0"], "--split-fractions must be three shares"),
        (["--long-side", "8"], "--long-side must lie between"),
        (["--workers", "0"], "--workers must be auto or at least 1; got 0"),
        (["--limit", "0"], "--limit must be at least 1; got 0"),
        (["--max-reject-fraction", "2"], "--max-reject-fraction must lie in [0, 1]; got 2.0"),
        (["--depth", "no/such-model"], "fetch-depth DIR --model no/such-model"),
        (["--depth-dir", "{out}/nowhere"], "--depth-dir {out}/nowhere must be a folder"),
    ],
)
def test_what_a_user_got_wrong_is_one_line_and_exit_code_2(
    tiny_config: RenderConfig, tmp_path: Path, capsys: Said, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"{empty}": str(tmp_path / "empty"), "{out}": str(tiny_config.out)}
    for placeholder, path in places.items():
        arguments = [argument.replace(placeholder, path) for argument in arguments]
        said = said.replace(placeholder, path)
    assert main([*flags(tiny_config), *arguments]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert output.err.startswith("refocus-foundry: ")
    assert said in output.err
    assert not tiny_config.out.exists()


def test_settings_that_differ_from_the_folders_are_exit_code_2(finished: RenderConfig, capsys: Said) -> None:
    assert main([*flags(finished), "--seed", "4"]) == 2
    error = capsys.readouterr().err
    assert "was begun with other settings: seed was 0, now 4;" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], "--limit must be at least 1; got 0"),
        (["--budget-mb", "nan"], "--budget-mb must be at least 1; got nan"),
        (["--linked", "--sheets"], "--linked and --sheets must not be given together"),
        (["--sheets", "--gif", "00000000"], "--sheets and --gif must not be given together"),
        (["--gif", "77"], "--gif 77: {out} has no such sample; its keys go from 00000000 to 00000004"),
    ],
)
def test_what_preview_cannot_do_is_one_line(
    finished: RenderConfig, capsys: Said, arguments: list[str], said: str
) -> None:
    assert main(["preview", str(finished.out), *arguments]) == 2
    error = capsys.readouterr().err
    assert said.replace("{out}", str(finished.out)) in error
    assert len(error.splitlines()) == 1


def test_preview_says_where_its_pictures_are(finished: RenderConfig, capsys: Said) -> None:
    assert main(["preview", str(finished.out)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{finished.out / 'preview' / 'index.html'}: 5 samples, ")
    assert said.err == ""  # no terminal, no bar
    assert main(["preview", str(finished.out), "--sheets"]) == 0
    assert "5 contact sheets in" in capsys.readouterr().out
    assert main(["preview", str(finished.out), "--gif", "00000003"]) == 0
    assert capsys.readouterr().out.strip() == str(finished.out / "preview" / "00000003.gif")
    assert main(["preview", str(finished.out), "--linked", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["linked"] is True
    assert (finished.out / "preview" / "media" / "00000004" / "frame_03.jpg").is_file()


@pytest.mark.parametrize("verb", ["verify", "preview", "card"])
def test_a_folder_that_is_no_data_set_is_said(tmp_path: Path, capsys: Said, verb: str) -> None:
    assert main([verb, str(tmp_path)]) == 2
    assert "is no data set; name the --out folder of a render run" in capsys.readouterr().err
    assert main([verb, str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_is_one_line(tiny_config: RenderConfig, capsys: Said) -> None:
    tiny_config.out.parent.joinpath("file").write_text("")
    arguments = [
        str(tiny_config.out.parent / "file" / "out") if a == str(tiny_config.out) else a for a in flags(tiny_config)
    ]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "Not a directory; name a folder that exists or can be made" in error
    assert len(error.splitlines()) == 1


def test_a_signal_is_one_line_and_its_exit_code(
    tiny_config: RenderConfig, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from pipelines.render import run

    monkeypatch.setattr(run, "remove_stale_temporaries", lambda out: signal.raise_signal(signal.SIGTERM))
    assert main(flags(tiny_config)) == 143
    assert "interrupted; finished shards are kept" in capsys.readouterr().err


def test_help_does_not_wait_for_torch_or_ray() -> None:
    """As `python -m pipelines`: nothing that takes seconds is imported before a verb runs."""
    code = (
        "import sys\nfrom pipelines.__main__ import main\n"
        "try: main(['render', '--help'])\nexcept SystemExit as end: assert end.code == 0\n"
        "print('imported', {'torch', 'ray', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--blur-level-max" in done.stdout
    assert done.stdout.splitlines()[-1] == "imported set()"
