"""What the command line answers: to every typing error of docs/commands.md, and to a request for help."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.__main__ import main
from pipelines.command_line import VERBS, parse
from pipelines.usage.examples import EXAMPLES
from pipelines.usage.flags import REQUIRED, flags_of
from pipelines.usage.help import verb_help

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
ANSWERS = re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize(("typed", "answer"), ANSWERS)
def test_a_typing_error_is_answered_as_the_page_says(
    typed: str, answer: str, capsys: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(typed)) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"refocus-foundry: {answer}")
    assert (said.out, len(said.err.splitlines()), list(tmp_path.iterdir())) == ("", 1, [])


def test_the_page_has_answers() -> None:
    assert len(ANSWERS) >= 20


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_what_must_be_given_first_and_three_commands_that_parse(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("my/model-folder", "my/answers", "one", "two", "out/one", "out/two"):
        Path(folder).mkdir(parents=True)
    Path("fields.yaml").touch()
    assert len(set(EXAMPLES[verb])) == 3
    for example in EXAMPLES[verb]:
        assert isinstance(parse([verb, *shlex.split(example)]), VERBS[verb].config)
    flags = flags_of(VERBS[verb].config)
    page = verb_help(f"refocus-foundry {verb}", VERBS[verb].config, flags, [f"refocus-foundry {verb}"])
    assert not re.search(r"None|True|False|[{}]", page)
    body = page[page.index("Examples:") :]
    place = {flag: re.search(rf"\n  {flag.name}\s", body) for flag in flags}
    assert None not in place.values()
    must = [found.start() for flag, found in place.items() if found and flag.default is REQUIRED]
    may = [found.start() for flag, found in place.items() if found and flag.default is not REQUIRED]
    assert max(must, default=0) < min(may)


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_has_help_and_a_switch_that_is_on_says_what_it_leaves_out(verb: str) -> None:
    flags = flags_of(VERBS[verb].config)
    assert [flag.name for flag in flags if not flag.help] == []
    assert [flag.name for flag in flags if flag.default is True and "(default: " not in flag.help] == []


@pytest.mark.parametrize("arguments", [["render", "--help"], ["--help"], ["--tyro-print-completion", "bash"]])
def test_a_reader_that_goes_is_no_error(arguments: list[str]) -> None:
    code = "import sys; from pipelines.__main__ import main; sys.exit(main(sys.argv[1:]))"
    pipe = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert pipe.stdout
    assert pipe.stderr
    pipe.stdout.close()
    assert (pipe.stderr.read(), pipe.wait()) == (b"", 141)


def test_quiet_and_verbose(capsys: Said, tmp_path: Path) -> None:
    """-v shows where an error arose, -q and the default do not."""
    for words, is_traced in ((["-v"], True), (["-q"], False), ([], False)):
        assert main(["card", str(tmp_path), *words]) == 2
        assert ("Traceback" in capsys.readouterr().err) == is_traced


def test_the_version_and_help_are_results(capsys: Said) -> None:
    for arguments, begin in ((["--version"], "refocus-foundry 0"), (["help"], "usage: refocus-foundry VERB")):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert capsys.readouterr().out.startswith(begin)
