"""Data inside a page: JSON that cannot end the script element it stands in, and bytes as data URLs."""

from __future__ import annotations

import base64
import json

_MARKUP = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def embedded_json(value: object) -> str:
    """JSON in ASCII without `<`, `>` and `&`: safe in a script element, and a valid JavaScript expression.

    All letters beyond ASCII are escaped, so U+2028 and U+2029, line ends to older JavaScript, never appear.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.translate(_MARKUP)  # outside of strings JSON has none of the three


def data_url(media_type: str, data: bytes) -> str:
    """The bytes as a URL that needs no request."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
