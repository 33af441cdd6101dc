from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards import FieldError, FieldTypeError
from shards.strict_json import MAX_TEXT_CHARS, build_record, canonical, coerce_fields, parse_object


@dataclass(frozen=True)
class Line:
    name: str
    count: int
    weight: float
    series: tuple[float, ...]

    def __post_init__(self) -> None:
        coerce_fields(self)


PLAIN = {"name": "a", "count": 2, "weight": 1.0, "series": [0.5, 2.0]}


@given(
    st.dictionaries(st.text(), st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text()))
)
def test_canonical_bytes_are_the_same_in_any_order_of_keys_and_read_back(content: dict[str, object]) -> None:
    backwards = dict(reversed(content.items()))
    try:
        data = canonical(content)
    except UnicodeEncodeError:  # lone surrogates: no UTF-8 text
        return
    assert data == canonical(backwards)
    assert json.loads(data) == content


def test_floats_are_written_as_floats_and_text_as_itself() -> None:
    assert canonical({"b": 1.0, "a": "Größe"}) == '{"a":"Größe","b":1.0}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_canonical_refuses_what_json_cannot_say(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": value})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[1]", "must be a JSON object, got list"),
        (b'{"a":NaN}', "NaN is not allowed"),
        (b'{"a":-Infinity}', "-Infinity is not allowed"),
        (b'{"a":1,"a":2}', "a key appears twice"),
        (b'{"a":', "must be valid JSON"),
        (b"\xff", "must be valid JSON"),
        (b'{"a":' * 100_000, "must not be nested this deeply"),
        (b" " * 101 + b"{}", "must have at most 100 bytes"),
    ],
)
def test_parse_refuses(data: bytes, message: str) -> None:
    limit = 100 if data.startswith(b" ") else 1 << 20
    with pytest.raises(ValueError, match=message):
        parse_object(data, max_bytes=limit)


def test_build_reads_what_canonical_wrote() -> None:
    line = build_record(Line, PLAIN)
    assert line == Line("a", 2, 1.0, (0.5, 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 1}, "weight must be a JSON float, got int 1"),
        ({"count": 2.0}, "count must be a JSON int, got float"),
        ({"count": True}, "count must be a JSON int, got bool"),
        ({"name": None}, "name must be a JSON str, got NoneType"),
        ({"series": 1.0}, "series must be a list, got float"),
        ({"series": [0.5, 2]}, r"series\[1\] must be a JSON float, got int 2"),
        ({"weight": 1e999}, "weight must be finite, got inf"),
        ({"extra": 1}, "extra must not be there"),
    ],
)
def test_build_takes_exactly_its_types(change: dict[str, object], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        build_record(Line, PLAIN | change)


def test_build_names_a_missing_key() -> None:
    with pytest.raises(FieldError, match="weight must be there"):
        build_record(Line, {name: value for name, value in PLAIN.items() if name != "weight"})


def test_coercion_turns_numpy_numbers_into_python_numbers() -> None:
    line = Line("a", np.int32(3), np.float32(0.5), [np.float64(1.5)])  # type: ignore[arg-type]
    assert (type(line.count), type(line.weight), type(line.series[0])) == (int, float, float)
    assert line == Line("a", 3, 0.5, (1.5,))


def test_zero_has_one_way_to_be_written() -> None:
    assert repr(Line("a", 0, -0.0, ()).weight) == "0.0"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"count": 1.5}, FieldTypeError, "count must be a int, got float 1.5"),
        ({"weight": "1"}, FieldTypeError, "weight must be a float, got str '1'"),
        ({"weight": True}, FieldTypeError, "weight must be a float, got bool"),
        ({"name": "x" * (MAX_TEXT_CHARS + 1)}, FieldError, "name must have at most"),
        ({"name": "bad\udcff"}, FieldError, "name must be text that UTF-8 can write"),
        ({"weight": float("nan")}, FieldError, "weight must be finite, got nan"),
    ],
)
def test_coercion_refuses(change: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Line(**{**PLAIN, **change})  # type: ignore[arg-type]
