"""What a part found, on its way from the part's process to the page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Tables by their titles, each a list of rows by column; and what does not hold, one line each."""

    sections: Mapping[str, Sequence[Mapping[str, Any]]]
    complaints: Sequence[str] = ()

    @classmethod
    def from_records(cls, sections: Mapping[str, Sequence[Any]], complaints: Sequence[str] = ()) -> Measured:
        """Rows from dataclasses; tables without rows are left out."""
        rows = {title: [dataclasses.asdict(one) for one in records] for title, records in sections.items() if records}
        return cls(rows, tuple(complaints))

    @classmethod
    def from_text(cls, text: str) -> Measured:
        """Inverse of `to_text`."""
        return cls(**json.loads(text))

    def to_text(self) -> str:
        return json.dumps(dataclasses.asdict(self))
