from __future__ import annotations

import base64
import json

import pytest

from pipelines.pictures.data_url import data_url
from pipelines.preview.embedded import embedded_json
from tests.pipelines.preview.stack_scene import HOSTILE


@pytest.mark.parametrize("text", [*HOSTILE, "<!--", "]]>", "\u2028\u2029", "Größe 写真 \U0001f600", '\\"'])
def test_embedded_json_cannot_leave_its_script_and_keeps_its_text(text: str) -> None:
    written = embedded_json({"name": text, text: [1.5, None, True]})
    assert written.isascii()
    assert not set(written) & set("<>&\n\r")
    assert json.loads(written) == {"name": text, text: [1.5, None, True]}


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        embedded_json(float("nan"))


def test_a_data_url_holds_the_bytes() -> None:
    url = data_url("image/webp", bytes(range(256)))
    head, _, body = url.partition(",")
    assert head == "data:image/webp;base64"
    assert base64.b64decode(body) == bytes(range(256))
