"""Markdown tables for terminals and documentation."""

from collections.abc import Sequence


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, no line end after the last row. Every row must have as many cells as the head."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, cells, widths))} |" for cells in (head, *rows)]
    return "\n".join([lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]])
