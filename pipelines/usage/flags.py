"""The flags of a verb, read from its configuration record: names, kinds, defaults and help.

Every name, type, default and docstring is written once, in the record; groups are the records within it.
"""

import ast
import dataclasses
import inspect
import operator
import textwrap
import types
from dataclasses import MISSING, dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from tyro.conf import Positional
from tyro.constructors import PrimitiveConstructorSpec

REQUIRED: Any = MISSING
_POSITIONAL = get_args(Positional[int])[1]
_METAVARS = {int: "N", float: "X", str: "TEXT", Path: "PATH"}
_NUMBERS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Flag:
    """One flag, or one positional argument.

    Attributes:
        name: `--long-side`, `--no-flip` for a switch that is on, or `PHOTO` for a positional argument.
        kind: its type, without None.
        default: the value when it is left out; REQUIRED when it must be given.
        help: what it means.
        group: name of the record that holds it; empty for the verb's own record.
        metavar: the form of its value; empty for a switch.
    """

    name: str
    kind: Any
    default: Any
    help: str
    group: str
    metavar: str

    @property
    def is_positional(self) -> bool:
        return not self.name.startswith("-")

    @property
    def is_switch(self) -> bool:
        return self.kind is bool

    @property
    def values(self) -> tuple[int, float]:
        """Fewest and most words that follow the flag."""
        if self.is_switch:
            return 0, 0
        if get_origin(self.kind) is not tuple:
            return 1, 1
        members = get_args(self.kind)
        return (0, float("inf")) if members[-1] is ... else (len(members), len(members))

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it accepts, beside numbers."""
        return tuple(str(word) for kind in _members(self.kind) for word in _literal(kind))

    @property
    def must_be(self) -> str:
        """What a value must be, in words; empty when every word will do."""
        kinds = _members(self.kind)
        if not all(kind in _NUMBERS or get_origin(kind) is Literal for kind in kinds):
            return ""
        return _listed([*self.words, *(_NUMBERS[kind] for kind in kinds if kind in _NUMBERS)])

    def accepts(self, word: str) -> bool:
        """Whether one word is a value of the flag."""
        if not self.must_be or word in self.words:
            return True
        return any(_is_number(kind, word) for kind in _members(self.kind) if kind in _NUMBERS)


def flags_of(record: type[Any], defaults: Any = None, group: str = "") -> list[Flag]:
    """The flags of a record and of the records within it; `defaults` is a record that stands for those left out."""
    hints = get_type_hints(record, include_extras=True)
    docs = _docstrings(record)
    flags: list[Flag] = []
    nested: list[Flag] = []
    for field in dataclasses.fields(record):
        default = _default(field) if defaults is None else getattr(defaults, field.name)
        kind, extras = _bare(hints[field.name])
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            nested += flags_of(kind, None if default is REQUIRED else default, field.name)
            continue
        name, is_positional = field.name.replace("_", "-"), _POSITIONAL in extras
        if not is_positional:
            name = f"--no-{name}" if kind is bool and default is True else f"--{name}"
        specs = [extra for extra in extras if isinstance(extra, PrimitiveConstructorSpec)]
        metavar = specs[0].metavar if specs else _metavar(kind)
        name = name.upper() if is_positional else name
        flags.append(Flag(name, kind, default, docs.get(field.name, ""), group, metavar))
    return flags + nested


def group_titles(record: type[Any]) -> dict[str, str]:
    """Name of each record within a record -> the first line of its docstring."""
    kinds = {name: _bare(hint)[0] for name, hint in get_type_hints(record, include_extras=True).items()}
    return {n: (inspect.getdoc(k) or "").splitlines()[0] for n, k in kinds.items() if dataclasses.is_dataclass(k)}


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _bare(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without None and annotations, and the annotations."""
    if get_origin(hint) is Annotated:
        kind, *extras = get_args(hint)
        bare, more = _bare(kind)
        return bare, (*extras, *more)
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not type(None)]
        if len(kinds) == 1:
            return _bare(kinds[0])
        return reduce(operator.or_, kinds), ()
    return hint, ()


def _members(kind: Any) -> tuple[Any, ...]:
    """The types that one word may have."""
    if get_origin(kind) is tuple:
        kind = get_args(kind)[0]
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _literal(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


def _metavar(kind: Any) -> str:
    if kind is bool:
        return ""
    one = "|".join(
        part
        for member in _members(kind)
        for part in ([str(word) for word in _literal(member)] or [_METAVARS.get(member, "TEXT")])
    )
    members = get_args(kind) if get_origin(kind) is tuple else ()
    if members and members[-1] is ...:
        return f"{one} ..."
    return " ".join([one] * max(1, len(members)))


def _is_number(kind: Any, word: str) -> bool:
    try:
        kind(word)
    except ValueError:
        return False
    return True


def _listed(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _docstrings(record: type[Any]) -> dict[str, str]:
    """The string below each field in the source of a record, in one line."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in pairwise(body.body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = below.value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[field.target.id] = " ".join(text.value.split())
    return found
