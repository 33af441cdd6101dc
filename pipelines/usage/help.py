"""The help of the program and of a verb: usage, three examples, what must be given, then the rest by group."""

import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.usage.flags import REQUIRED, Flag, group_titles

_COLUMN = 26
_ALWAYS = (
    ("-h, --help", "Show this help."),
    ("-q, --quiet", "No progress and no notes: warnings, errors and the result alone."),
    ("-v, --verbose", "More notes, those of libraries, too, and where in the code an error arose."),
)


def verb_help(command: str, record: type[Any], flags: Sequence[Flag], examples: Sequence[str]) -> str:
    """The page of `command --help`."""
    required = [flag for flag in flags if flag.default is REQUIRED]
    optional = [flag for flag in flags if flag.default is not REQUIRED]
    sections = [
        f"usage: {' '.join([command, *map(_invocation, required), *(['[flags]'] if optional else [])])}",
        _wrapped(" ".join((record.__doc__ or "").split())),
        "\n".join(["Examples:", *(f"  {example}" for example in examples)]),
    ]
    if required:
        sections.append(_rows("Required:", ((_invocation(flag), flag.help) for flag in required)))
    titles = group_titles(record)
    groups = dict.fromkeys(flag.group for flag in optional if flag.group)
    for group in [*groups, ""]:
        rows = [(_invocation(flag), _with_default(flag)) for flag in optional if flag.group == group]
        title = f"{group.capitalize()}: {titles[group]}" if group else "Others:"
        sections.append(_rows(title, rows if group else [*rows, *_ALWAYS]))
    return "\n\n".join(sections)


def program_help(program: str, about: str, verbs: Mapping[str, str], examples: Sequence[str]) -> str:
    """The page of `program --help`; `verbs` are names with a sentence each."""
    return "\n\n".join(
        [
            f"usage: {program} VERB [flags]",
            about,
            "\n".join(["Examples:", *(f"  {example}" for example in examples)]),
            _rows("Verbs:", verbs.items(), column=13),
            _rows("Always:", [*_ALWAYS, ("--version", "The version.")]),
            f"`{program} VERB --help` shows the flags of a verb. Completion by the shell: docs/commands.md.",
        ]
    )


def _invocation(flag: Flag) -> str:
    return flag.name if flag.is_positional or flag.is_switch else f"{flag.name} {flag.metavar}"


def _with_default(flag: Flag) -> str:
    default = flag.default
    is_here = isinstance(default, Path) and default.is_absolute()  # of this installation: the help names it
    if isinstance(default, bool) or default is None or default in ("", ()) or is_here:
        return flag.help
    text = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"{flag.help} [{text}]"


def _rows(title: str, rows: Iterable[tuple[str, str]], column: int = _COLUMN) -> str:
    lines = [_wrapped(title)]
    for name, text in rows:
        begin = f"  {name}"
        if len(begin) + 2 > column:
            lines.append(begin)
            begin = ""
        lines.append(_wrapped(text, begin.ljust(column), " " * column))
    return "\n".join(lines)


_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def _wrapped(text: str, first: str = "", later: str = "") -> str:
    return "\n".join(textwrap.wrap(text, _width(), initial_indent=first, subsequent_indent=later, **_WORDS))


def _width() -> int:
    return min(shutil.get_terminal_size((100, 24)).columns, 100)
