"""Pictures inside a page."""

import base64


def data_url(media_type: str, data: bytes) -> str:
    """The bytes as a URL that needs no request."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
