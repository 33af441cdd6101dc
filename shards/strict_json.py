"""Canonical JSON: equal data gives equal bytes, and values are read with exact types.

Readers that infer a schema from the first samples (Hugging Face `datasets`) freeze what they see there: a float
once written as `1` turns every later 2.75 into 2, a null makes the column fail. Hence floats are always floats,
nothing is null, NaN or infinite, and the keys are always the same ones, sorted.
"""

import functools
import json
import numbers
import sys
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from .complaint import FieldError, FieldTypeError

MAX_JSON_BYTES = 64 << 20  # a marker of 10,000 samples has about 5 MiB
MAX_TEXT_CHARS = 4096
_LARGEST = sys.float_info.max
_EXACT_INT = 1 << 53
_PLAIN = (str, int, float)
_KINDS: dict[type[Any], dict[str, Any]] = {}
_PLAIN_KINDS: dict[type[Any], dict[str, Any]] = {}

Record = TypeVar("Record")


def canonical(value: object) -> bytes:
    """Plain Python data as UTF-8 JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def parse_object(data: bytes, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The JSON object that these bytes encode.

    Raises:
        ValueError: not UTF-8, not JSON, not an object, too long, too deep, a key twice, NaN or Infinity.
    """
    if len(data) > max_bytes:
        raise ValueError(f"must have at most {max_bytes} bytes, got {len(data)}")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("must not be nested this deeply") from None
    except ValueError as error:
        raise ValueError(f"must be valid JSON, got an error: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object, got {type(value).__name__}")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not allowed")


def coerce_fields(record: object) -> None:
    """Convert every str, int, float or tuple field of a frozen record to its exact type, in place.

    A numpy number becomes the Python number it stands for; text, None, bool and non-finite values are refused.

    Raises:
        FieldError, FieldTypeError: naming the field, the requirement and the value found.
    """
    for name, kind in _plain_types(type(record)).items():
        value = getattr(record, name)
        if not _is_exact(value, kind):
            object.__setattr__(record, name, _coerced(name, value, kind))


def build_record(record: type[Record], data: object, *, within: str = "") -> Record:
    """A record of plain fields from a JSON object that has exactly its keys and types.

    Raises:
        FieldError, FieldTypeError: a key too many or too few, or a value of another type (1 is no float); the key
            stands behind `within`.
    """
    try:
        return record(**require_types(data, _field_types(record)))
    except FieldError as error:
        raise error.within(within) from None


def require_types(data: object, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a JSON object that must have exactly the keys and types of `kinds`; lists become tuples."""
    checked = require_keys(data, kinds)
    return {name: _require_type(name, checked[name], kind) for name, kind in kinds.items()}


def require_keys(data: object, names: Iterable[str]) -> Mapping[str, Any]:
    """`data`, which must be a JSON object with exactly these keys; else raises FieldError."""
    if not isinstance(data, Mapping):
        raise FieldTypeError("*", f"must be a JSON object, got {type(data).__name__}")
    missing, extra = sorted(set(names) - set(data)), sorted(set(data) - set(names))
    if missing:
        raise FieldError(missing[0], f"must be there, got keys without {', '.join(missing)}")
    if extra:
        raise FieldError(extra[0], f"must not be there, got unknown keys {', '.join(extra)}")
    return data


def _field_types(record: type[Any]) -> dict[str, Any]:
    if record not in _KINDS:  # evaluating annotations is slow, and a manifest has as many rows as samples
        _KINDS[record] = typing.get_type_hints(record)
    return _KINDS[record]


def _plain_types(record: type[Any]) -> dict[str, Any]:
    if record not in _PLAIN_KINDS:
        kinds = _field_types(record)
        _PLAIN_KINDS[record] = {n: kind for n, kind in kinds.items() if kind in _PLAIN or _item_kind(kind) in _PLAIN}
    return _PLAIN_KINDS[record]


@functools.cache
def _item_kind(kind: Any) -> Any:
    """`int` for `tuple[int, ...]`, None for anything else."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None


def _is_exact(value: Any, kind: Any) -> bool:
    """Whether a value needs neither conversion nor a closer look: nearly all do not, and there are many."""
    if type(value) is tuple:
        item = _item_kind(kind)
        return item is not None and all(_is_exact(element, item) for element in value)
    if type(value) is not kind:
        return False
    if kind is str:
        return len(value) <= MAX_TEXT_CHARS and value.isascii()
    return value != 0 and -_LARGEST <= value <= _LARGEST if kind is float else -_EXACT_INT <= value <= _EXACT_INT


def _require_type(name: str, value: Any, kind: Any) -> Any:
    if type(value) is kind:
        return value
    item = _item_kind(kind)
    if item is not None:
        if type(value) is not list:
            raise FieldTypeError(name, f"must be a list, got {type(value).__name__} {_short(value)}")
        if set(map(type, value)) <= {item}:
            return tuple(value)
        return tuple(_require_type(f"{name}[{i}]", element, item) for i, element in enumerate(value))
    raise FieldTypeError(name, f"must be a JSON {kind.__name__}, got {type(value).__name__} {_short(value)}")


def _coerced(name: str, value: Any, kind: Any) -> Any:
    item = _item_kind(kind)
    if item is not None:
        if not isinstance(value, (tuple, list)):
            raise FieldTypeError(name, f"must be a sequence, got {type(value).__name__} {_short(value)}")
        return tuple(_coerced(f"{name}[{i}]", element, item) for i, element in enumerate(value))
    wanted: Any = {str: str, int: numbers.Integral, float: numbers.Real}[kind]
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise FieldTypeError(name, f"must be a {kind.__name__}, got {type(value).__name__} {_short(value)}")
    return check_text(name, value) if kind is str else _number(name, kind(value))


def check_text(name: str, value: str) -> str:
    """The text. Raises FieldError when it is too long for a label, or UTF-8 cannot write it."""
    if len(value) > MAX_TEXT_CHARS:
        raise FieldError(name, f"must have at most {MAX_TEXT_CHARS} characters, got {len(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # a file name of undecodable bytes arrives as lone surrogates
        raise FieldError(name, f"must be text that UTF-8 can write, got {value!a}") from None
    return value


def _number(name: str, value: int | float) -> int | float:
    if not -_LARGEST <= value <= _LARGEST:  # false for NaN; an int may have any number of digits
        raise FieldError(name, f"must be finite, got {_short(value)}")
    return value + 0 if value == 0 else value  # -0.0 + 0 is 0.0: one way to write zero


def _short(value: object) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of more digits than Python writes
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
