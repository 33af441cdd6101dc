"""The record that every verb returns: one way to a summary, to JSON and to an exit code."""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any


class VerbResult(ABC):
    """Base of the results of verbs, which are frozen dataclasses."""

    @abstractmethod
    def summary(self) -> str:
        """Lines for people."""

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json`."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @property
    def exit_code(self) -> int:
        """0 when all went well; the codes are listed in pipelines/command_line.py."""
        return 0
