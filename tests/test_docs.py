"""README and docs name only what is there: files, modules, make targets, verbs, flags, extras, links.

What is read: code spans, code blocks and links of every page. The tree of docs/architecture.md is read line by line.
"""

from __future__ import annotations

import configparser
import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from pipelines.command_line import parse
from tests.documentation.commands import FENCE

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]
IN_THE_PAST = {"CHANGELOG.md"}  # names what there was, too
OURS = ("simulator", "shards", "pipelines", "tests", "docs")
NOT_OURS = {
    *("--allow-skips", "--tyro-write-completion", "--extra-index-url"),  # flags of other programs
    *("--photo", "--flip"),  # typing errors that docs/commands.md answers
    "--version",  # of no verb
}
BRITISH = re.compile(
    r"\b\w*(?:colour|centre|centring|licence|neighbour|behaviour|labell|travell|modell|catalogue|grey|learnt|spelt"
    r"|(?:normal|real|organ|optim|quant|recogn|minim|maxim)is(?:e|ed|es|ing|ation))\w*|\b\w*metres?\b",
    re.IGNORECASE,
)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PATH = re.compile(rf"(?<![\w./-])((?:[\w.-]+/)*[\w.-]+\.py|(?:{'|'.join(OURS)})/[\w./-]*)")
DOTTED = re.compile(r"(?<![\w./-])((?:simulator|shards|pipelines)(?:\.\w+)+)")
VERB = re.compile(r"refocus-foundry ([a-z][a-z-]*)\b([^|#\n]*)")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


def text(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def blocks(page: str) -> list[str]:
    return [body for _, body in FENCE.findall(text(page))]


def code(page: str) -> list[str]:
    """Code spans, and the lines of code blocks."""
    prose = FENCE.sub("", text(page))
    return SPAN.findall(prose) + [line for block in blocks(page) for line in block.splitlines()]


@cache
def files() -> frozenset[str]:
    """Files and folders of the repository, without what programs leave behind."""
    found = [path for folder in OURS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
    return frozenset(path.relative_to(ROOT).as_posix() for path in [*found, *ROOT.glob("*.*")]) | set(OURS)


@cache
def flags(verb: str) -> frozenset[str]:
    with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
        parse([verb, "--help"])
    return frozenset(FLAG.findall(shown.getvalue()))


@cache
def verbs() -> tuple[str, ...]:
    from pipelines.command_line import VERBS

    return tuple(VERBS)


def missing_paths(page: str) -> Iterator[str]:
    """A path must be there, seen from the root, from the page, or as the end of some file's path."""
    for piece in code(page):
        for path in PATH.findall(piece):
            from_page = (Path(page).parent / path).as_posix()
            ends = any(name.endswith(f"/{path}") for name in files())
            if not (path.rstrip("/") in files() or from_page in files() or ends):
                yield path


def missing_names(page: str) -> Iterator[str]:
    """`package.module.name` must be importable."""
    for piece in code(page):
        for name in DOTTED.findall(piece):
            module, _, attribute = name.rpartition(".")
            with contextlib.suppress(ImportError):
                if hasattr(importlib.import_module(module), attribute):
                    continue
            try:
                importlib.import_module(name)
            except ImportError:
                yield name


def missing_targets(page: str) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for piece in code(page):
        yield from (name for name in re.findall(r"(?:^|\W)make ([a-z][a-z-]*)", piece) if name not in targets)


def missing_flags(page: str) -> Iterator[str]:
    """Of a verb where the line names one, else of any verb."""
    every = frozenset().union(*map(flags, verbs())) | NOT_OURS
    for piece in code(page):
        match = VERB.search(piece)
        if match and match[1] not in verbs():
            yield f"refocus-foundry {match[1]}"
            continue
        known = flags(match[1]) if match else every
        here = match[2] if match else piece
        yield from (f"{piece.strip()}: {flag}" for flag in FLAG.findall(here) if flag not in known)


def missing_extras(page: str) -> Iterator[str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    extras = set(parser["options.extras_require"])
    for piece in code(page):
        for names in re.findall(r"(?:\.|refocus-foundry)\[([a-z,]+)\]", piece):
            yield from (name for name in names.split(",") if name not in extras)


def test_the_readme_lists_every_extra() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    listed = set(re.findall(r"refocus-foundry\[([a-z0-9]+)\]", text("README.md")))
    assert set(parser["options.extras_require"]) <= listed


def test_every_verb_is_a_make_target_of_the_same_name() -> None:
    assert set(verbs()) <= set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def missing_links(page: str) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", text(page))):
        if "://" not in target and not (ROOT / page).parent.joinpath(target).exists():
            yield target


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "missing", [missing_paths, missing_names, missing_targets, missing_flags, missing_extras, missing_links]
)
def test_a_page_names_only_what_is_there(page: str, missing) -> None:
    if page not in IN_THE_PAST or missing is missing_links:
        assert list(missing(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_american_spelling(page: str) -> None:
    prose = SPAN.sub("", FENCE.sub("", text(page)))
    assert BRITISH.findall(prose) == []


def test_american_spelling_of_code() -> None:
    suffixes = {".py", ".js", ".html", ".css", ".j2"}
    paths = [ROOT / path for path in files() if Path(path).suffix in suffixes and path != "tests/test_docs.py"]
    assert len(paths) > 100
    assert {path: found for path in paths if (found := BRITISH.findall(path.read_text("utf-8")))} == {}


def test_every_page_is_linked_from_the_index() -> None:
    linked = set(LINK.findall(text("docs/index.md")))
    assert {Path(page).name for page in PAGES if page.startswith("docs/")} - {"index.md"} <= linked


def tree_lines() -> list[tuple[int, str]]:
    """Depth and name of each line of the tree: two blanks a floor, the name up to the description."""
    (tree,) = [block for block in blocks("docs/architecture.md") if block.startswith("simulator/")]
    rows = []
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        rows.append((indent // 2, line.split()[0]))
    return rows


def test_the_tree_of_the_docs_is_the_tree() -> None:
    """Every line names a folder or file that is there, and every folder of the three packages has a line."""
    above: list[str] = []
    named = set()
    for depth, name in tree_lines():
        above = [*above[:depth], name.rstrip("/")]
        named.add("/".join(above))
    assert sorted(named - files()) == []
    folders = {
        str(Path(f).parent)
        for f in files()
        if f.endswith(".py") and f.startswith(("simulator/", "pipelines/", "shards/"))
    }
    assert sorted(folders - named) == []


def test_the_drawing_of_the_architecture_names_folders_and_records_that_are_there() -> None:
    drawing = text("docs/architecture.svg")
    folders = {name for title in re.findall(r'class="t">([^<]+)<', drawing) for name in re.findall(r"(\w+)/", title)}
    assert sorted(folders - {Path(name).name for name in files() if "." not in name}) == []
    code = "\n".join(text(name) for name in files() if name.endswith(".py"))
    records = {
        name for label in re.findall(r'class="r"[^>]*>([^<]+)<', drawing) for name in re.findall("[A-Z]\\w+", label)
    }
    assert len(records) > 5
    assert sorted(name for name in records if f"class {name}" not in code) == []
