"""Every code of a rejection is explained, in the docs and on the console alike."""

from __future__ import annotations

import ast
from pathlib import Path

from pipelines.render.reject_reasons import REASONS, left_out_lines, table

ROOT = Path(__file__).parents[3]
STAGES = {"STAGE": "vet", "PLAN_STAGE": "plan"}
MADE_ELSEWHERE = {"photo/missing", "photo/too_large", "photo/unreadable", "depth/missing", "depth/unreadable"}
"""Of `rejecting`, which has no literal."""


def raised_codes() -> set[str]:
    """`stage/code` of every `Rejection(...)` in the sources whose code is written there."""
    found = set()
    for path in (ROOT / "pipelines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Rejection", "_rejection"):
                words = [word_of(argument) for argument in node.args]
                stage, code = ("photo", words[0]) if node.func.id == "_rejection" else words[:2]  # type: ignore
                stages = [stage] if stage else ["photo", "depth"]  # of `open_image`, for both
                found |= {f"{stage}/{code}" for stage in stages if code}
    return found


def word_of(argument: ast.expr) -> str:
    return argument.value if isinstance(argument, ast.Constant) else STAGES.get(getattr(argument, "id", ""), "")


def test_every_code_that_is_raised_has_its_reason() -> None:
    raised = raised_codes() | MADE_ELSEWHERE
    assert len(raised) > 30
    assert raised - set(REASONS) == set()


def test_every_reason_belongs_to_a_code_that_is_raised() -> None:
    assert set(REASONS) - raised_codes() - MADE_ELSEWHERE == {
        "photo/name",
        "photo/label",
    }  # of a variable


def test_the_docs_have_the_table() -> None:
    page = (ROOT / "docs" / "vetting.md").read_text("utf-8")
    assert "\n".join(table()) in page


def test_the_console_counts_in_the_words_of_the_docs() -> None:
    lines = left_out_lines({"photo/truncated": 3, "vet/not_all_in_focus": 9}, 340)
    assert lines[0] == "12 of 340 photos left out: 9 too blurred (docs/vetting.md), 3 cut short"
    assert lines[1:] == ["  too blurred: --max-blurred 1 takes all", "  cut short: copy or download it again"]
    assert left_out_lines({}, 340) == []
    assert "2 for other reasons" in left_out_lines({"new/code": 2}, 3)[0]
