"""JSON inside a page, which cannot end the script element that holds it."""

from jinja2.utils import htmlsafe_json_dumps


def embedded_json(value: object) -> str:
    """JSON in ASCII without `<`, `>`, `&` and `'`: safe in a script element, and a valid JavaScript expression."""
    return str(htmlsafe_json_dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")))
