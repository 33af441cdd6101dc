"""No damage of any file makes a parser raise what it does not document.

The fast test gives each parser 150 mutations; the slow one more than 100,000 to all of them together.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.mutation import Parser, parsers, undocumented

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="module")
def all_parsers() -> Iterator[list[Parser]]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as scratch:
        yield parsers(Path(scratch))


def check(all_parsers: list[Parser], count: int, seed: int) -> None:
    found = {parser.name: errors for parser in all_parsers if (errors := undocumented(parser, count, seed))}
    assert found == {}


@pytest.mark.filterwarnings("ignore")
def test_damaged_files_raise_what_is_documented(all_parsers: list[Parser]) -> None:
    check(all_parsers, 150, seed=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_many_damaged_files_raise_what_is_documented(all_parsers: list[Parser]) -> None:
    assert 2600 * len(all_parsers) >= 100_000
    check(all_parsers, 2600, seed=1)


def test_a_parser_that_leaks_is_found() -> None:
    leaky = Parser("leaky", (b"{}",), lambda content: content.decode(), (KeyError,))
    assert undocumented(leaky, 200, seed=0)
