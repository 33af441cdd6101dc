"""The rows of a list of photos: .csv and .tsv, .jsonl, .parquet. One photo a row, with its labels.

A list has a column `path`, and may have those of LABELS. Names of columns are compared without case and without blanks
around them; other columns are left alone.
"""

import csv
import difflib
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipelines.errors import UserError, one_line
from shards.foreign_file import read_foreign
from shards.foreign_parquet import ForeignParquet
from shards.storage import StoragePath

LABELS = ("license", "author", "source_url", "group", "focus_points")
COLUMNS = ("path", *LABELS)
MAX_LIST_BYTES = 1 << 30
MAX_ROWS = 10**7
_SEPARATORS = ",;\t"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NEARLY = 0.75  # difflib's ratio: `licenses`, `authors`, `source url`

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListRow:
    """A row: where it stands, its texts by column (stripped, "" for none), and what is wrong with it ("": nothing)."""

    place: str  # `line 3`
    cells: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    def __post_init__(self) -> None:
        if not (self.problem or self.cells.get("path")):
            object.__setattr__(self, "problem", "`path` is empty; fill it in or remove the row")


def is_list(path: StoragePath) -> bool:
    """Whether the suffix is that of a list."""
    return path.suffix.lower() in _READERS


def read_list(path: StoragePath) -> list[ListRow]:
    """The rows of a list; empty ones are left out.

    Raises UserError when the file is none of its kind, has no column `path`, or has no rows; OSError when it cannot be
    read.
    """
    kind, read = _READERS[path.suffix.lower()]
    content = read_foreign(path, max_bytes=MAX_LIST_BYTES)
    try:
        rows = list(read(f"--photos {path}", content))
    except UserError:
        raise
    except Exception as error:  # whatever a parser of foreign bytes raises
        raise UserError(f"--photos {path} must be a {kind} ({one_line(error)}); save it so") from error
    if not rows:
        raise UserError(f"--photos {path} lists no photos; each row needs a `path`")
    return rows


def _csv_rows(subject: str, content: bytes) -> Iterator[ListRow]:
    text = content.decode("utf-16" if content[:2] in _UTF_16_MARKS else "utf-8-sig")
    lines = (line for line in _csv_lines(text) if any(cell.strip() for cell in line[1]))
    _, names = next(lines, ("", []))
    columns = _columns(subject, names) if names else {}
    for place, row in lines:
        if any(cell.strip() for cell in row[len(names) :]):
            problem = f"it has {len(row)} fields, the header {len(names)}; quote fields that hold the separator"
            yield ListRow(place, problem=problem)
        else:
            yield ListRow(place, {name: row[i].strip() for name, i in columns.items() if i < len(row)})


def _csv_lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """The fields of each row, with its place; strict, since a quote without end would swallow the rows behind it."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), skipinitialspace=True, strict=True)
    try:
        for row in rows:
            yield f"line {rows.line_num}", row
    except csv.Error as error:
        raise ValueError(f"line {rows.line_num}: {error}") from error


def _separator(text: str) -> str:
    """The separator with which the header has a column `path`, else the one that occurs in it most often."""
    header = next(iter(text.lstrip().splitlines()), "")
    return max(_SEPARATORS, key=lambda one: ("path" in map(_normalized, header.split(one)), header.count(one)))


def _json_rows(subject: str, content: bytes) -> Iterator[ListRow]:
    """One JSON object a line."""
    rows = [
        (f"line {number}", _object(line))
        for number, line in enumerate(content.decode("utf-8-sig").split("\n"), start=1)
        if line.strip()
    ]
    columns = _columns(subject, dict.fromkeys(name for _, row in rows if isinstance(row, dict) for name in row))
    for place, found in rows:
        if isinstance(found, dict):
            yield _typed_row(place, columns, list(found.items()))
        else:
            yield ListRow(place, problem=found)


def _object(line: str) -> dict[str, object] | str:
    """A line's JSON object, or what is wrong with it."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return f"it must be JSON ({one_line(error)})"
    return row if isinstance(row, dict) else "it must be a JSON object"


def _parquet_rows(subject: str, content: bytes) -> Iterator[ListRow]:
    table = ForeignParquet(io.BytesIO(content))
    if table.count > MAX_ROWS:
        raise ValueError(f"it may have {MAX_ROWS} rows at most, has {table.count}; split it")
    columns = _columns(subject, table.names)
    for number, row in enumerate(table.rows([table.names[i] for i in columns.values()])):
        yield _typed_row(f"row {number}", columns, [(name, row.get(name)) for name in table.names])


def _typed_row(place: str, columns: dict[str, int], row: Sequence[tuple[str, object]]) -> ListRow:
    """A row whose cells have types: texts, numbers and nothing are texts; all else is a problem."""
    cells = {}
    for name, value in row:
        column = _normalized(name)
        if column not in columns or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ListRow(place, problem=f"`{column}` must be text, is of type {type(value).__name__}")
        cells[column] = str(value).strip()
    return ListRow(place, cells)


def _columns(subject: str, names: Iterable[str]) -> dict[str, int]:
    """The place of each column that is read. Warns of names that nearly match one."""
    found: dict[str, int] = {}
    others = []
    for number, name in enumerate(names):
        column = _normalized(name)
        if column in found:
            raise UserError(f"{subject} must have each column once, has two called `{column}`; remove one")
        if column in COLUMNS:
            found[column] = number
        else:
            others.append(column)
    if "path" not in found:
        likely = difflib.get_close_matches("path", others, 1, cutoff=0.5)
        hint = f"; rename `{likely[0]}`" if likely else ""
        raise UserError(f"{subject} must have a column `path`, its columns are {[*found, *others]}{hint}")
    for other in others:
        for column in difflib.get_close_matches(other, [name for name in COLUMNS if name not in found], 1, _NEARLY):
            _log.warning("%s: column `%s` is not read; did you mean `%s`?", subject, other, column)
    return found


def _normalized(name: str) -> str:
    return name.strip().strip('"').strip().casefold()


_Reader = Callable[[str, bytes], Iterator[ListRow]]
_READERS: dict[str, tuple[str, _Reader]] = {
    ".csv": ("CSV in UTF-8", _csv_rows),
    ".tsv": ("CSV in UTF-8", _csv_rows),
    ".jsonl": ("JSON Lines file in UTF-8", _json_rows),
    ".parquet": ("Parquet file", _parquet_rows),
}
LIST_SUFFIXES = tuple(_READERS)
