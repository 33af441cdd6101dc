"""Commands of the documentation: lines of code blocks, and code spans that begin with the name of a program.

A block without a language holds commands, one a line; a line that is indented goes on with the command before it.
`[--flag VALUE]` may be left out, `a|b` is a choice, `...` stands for the arguments of the command above.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
PROGRAM = re.compile(
    r"(?:\.venv/bin/)?(?:refocus-foundry|make|pip|pipx|python3?|pytest|git|pre-commit|hf|uv|docker|apt-get) \S"
    r"|\.ci/run$|curl |wget |export \w+="
)
OPTION = re.compile(r"\s\[(--[^\]]+)\]")
CHOICE = re.compile(r"[\w-]+(?:\|[\w-]+)+")


@dataclass(frozen=True)
class Fence:
    """A code block: page and line of its first line, language, text."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Block:
    """Commands that a reader gives one after the other."""

    place: str
    commands: tuple[str, ...]


def fences() -> list[Fence]:
    """All code blocks of all pages."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text("utf-8")
        found += [Fence(page, text.count("\n", 0, m.start()) + 2, m[1], m[2]) for m in FENCE.finditer(text)]
    return found


def command_lines(text: str) -> list[str]:
    """The commands of a block, without comments."""
    lines: list[str] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        line = re.sub(r"(^|\s+)#.*", "", line).rstrip()
        if line.startswith(" ") and lines:
            lines[-1] += f" {line.strip()}"
        elif line:
            lines.append(line)
    return lines


def blocks() -> list[Block]:
    """Blocks of commands, then the commands in running text that stand in no block, each once."""
    found = [Block(f"{f.page}:{f.line}", tuple(command_lines(f.text))) for f in fences() if f.language in ("", "sh")]
    known = {command for block in found for command in block.commands}
    for page in PAGES:
        for span in SPAN.findall(FENCE.sub("", (ROOT / page).read_text("utf-8"))):
            command = " ".join(span.split())
            if PROGRAM.match(command) and command not in known:
                known.add(command)
                found.append(Block(f"{page}: {command}", (command,)))
    return found


def variants(command: str) -> list[str]:
    """The command without its options, then with each of them alone; of each, one a choice. N is 2."""
    command = re.sub(r"(--[\w-]+) N\b", r"\1 2", command)
    plain = OPTION.sub("", command)
    lines = [plain, *(f"{plain} {option}" for option in OPTION.findall(command))]
    return list(dict.fromkeys(one for line in lines for one in _chosen(line)))


def _chosen(command: str) -> list[str]:
    match = CHOICE.search(command)
    if not match:
        return [command]
    before, after = command[: match.start()], command[match.end() :]
    return [one for choice in match[0].split("|") for one in _chosen(f"{before}{choice}{after}")]


def words(command: str) -> list[str]:
    """As the shell parts them."""
    return [str(Path(word).expanduser()) if word.startswith("~/") else word for word in shlex.split(command)]
