"""The page's text; what it does in a browser is tested in browser/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import UserError
from pipelines.pages.house import number
from pipelines.preview.focus_pull import FADE_STEPS, focus_pull, write_focus_pull
from pipelines.preview.media import FRAME_BYTES, OWN_BYTES, SAMPLE_BYTES
from pipelines.preview.page import write_page
from pipelines.preview.page_template import MODULES, import_map
from shards.validate import validate
from tests.pipelines.preview.stack_scene import HOSTILE, stack_sample, write_stacks

JS = Path(__file__).parents[3] / "pipelines" / "preview" / "page" / "js"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return write_stacks(tmp_path / "out", [stack_sample(i, name=name) for i, name in enumerate(HOSTILE)])


def scripts(page: str) -> dict[str, object]:
    """The embedded JSON of a page by its id."""
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def test_a_page_holds_its_samples_and_leaves_the_data_set_sound(out: Path) -> None:
    written = write_page(out, limit=200, budget_mb=2, linked=False)
    page = Path(written.page).read_text(encoding="utf-8")
    assert Path(written.page) == out / "preview" / "index.html"
    assert (written.samples, written.samples_in_set, written.checks_failed) == (3, 3, 0)
    assert written.page_bytes == len(page.encode()) < 2_000_000
    embedded = scripts(page)
    assert list(embedded) == ["sample-00000000", "sample-00000001", "sample-00000002", "page-data"]
    assert [card["name"] for card in embedded["page-data"]["cards"]] == list(HOSTILE)  # type: ignore[index]
    assert validate(out).ok
    assert "3 samples, " in written.summary()


def test_cards_name_the_kind_of_built_in_scenes(tmp_path: Path) -> None:
    out = write_stacks(tmp_path / "out", [stack_sample(0), stack_sample(1, kind="market")])
    page = Path(write_page(out, limit=200, budget_mb=2, linked=False).page).read_text(encoding="utf-8")
    embedded: dict[str, Any] = scripts(page)
    cards = embedded["page-data"]["cards"]
    assert [card["kind"] for card in cards] == ["", "market"]
    assert cards[1]["words"].endswith("market market")
    photo, market = (dict(embedded[f"sample-0000000{i}"]["facts"]) for i in range(2))
    assert market["Built-in scene"] == "market; camera yaw 0°, pitch 0°, roll 0°, f 1 long sides"
    assert "Built-in scene" not in photo


def test_nothing_in_a_page_points_anywhere_else(out: Path) -> None:
    page = Path(write_page(out, limit=200, budget_mb=2, linked=False).page).read_text(encoding="utf-8")
    outside = re.sub(r"<script type=.importmap.*?</script>", "", page, flags=re.DOTALL)
    assert set(re.findall(r'\b(?:src|href)="(?!#|data:)([^"]*)"', outside)) == set()
    assert re.search(r"default-src 'none'; .*img-src data:\"", page)
    assert "</script><script>window.hostile" not in page


def test_a_limit_is_kept_and_said(out: Path) -> None:
    written = write_page(out, limit=2, budget_mb=2, linked=False)
    assert (written.samples, written.samples_in_set) == (2, 3)
    assert "2 of 3 samples" in written.summary()


def test_a_damaged_sample_is_left_out_and_said(out: Path) -> None:
    from pipelines.preview.stored import find_stored

    member = next(m for m in find_stored(out)[0][1].members if m.field == "disparity.png")
    tar = out / "shards" / "train-000000.tar"
    content = bytearray(tar.read_bytes())
    content[member.offset : member.offset + 8] = bytes(8)
    tar.write_bytes(content)
    written = write_page(out, limit=200, budget_mb=2, linked=False)
    assert written.samples == 2
    assert written.checks_failed == 1
    assert written.left_out[0].startswith("left out 00000001: ")
    with pytest.raises(UserError, match="00000001"):
        write_focus_pull(out, "00000001")


def test_the_whole_page_keeps_within_its_budget(out: Path) -> None:
    """Labels and the page's own files are counted, too."""
    budget_mb = (OWN_BYTES + 3 * (SAMPLE_BYTES + 6 * FRAME_BYTES + 5000)) / 1e6
    page = Path(write_page(out, limit=200, budget_mb=budget_mb, linked=False).page)
    assert page.stat().st_size <= 1e6 * budget_mb
    largest = max(len(text) for text in re.findall(r"<script type=.application/json.*?</script>", page.read_text()))
    assert largest < SAMPLE_BYTES + 6 * FRAME_BYTES + 5000
    assert '"WebP 88' not in page.read_text()


def test_a_page_that_cannot_be_made_leaves_the_earlier_one(out: Path) -> None:
    before = Path(write_page(out, limit=200, budget_mb=2, linked=False).page).read_bytes()
    with pytest.raises(UserError, match="--budget-mb"):
        write_page(out, limit=200, budget_mb=0.21, linked=False)
    assert (out / "preview" / "index.html").read_bytes() == before
    assert [path.name for path in (out / "preview").iterdir()] == ["index.html"]


def test_every_module_is_in_the_import_map_and_imports_only_those() -> None:
    assert {path.stem for path in JS.glob("*.js")} == set(MODULES)
    known = set(import_map()["imports"])
    for path in JS.glob("*.js"):
        assert set(re.findall(r'from "([^"]+)"', path.read_text("utf-8"))) <= known


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.0, 0.4567, 12.34, 1234567.0)] == ["0", "0.457", "12.3", "1\u202f234\u202f567"]


def test_a_focus_pull_holds_every_plane_of_the_strongest_level() -> None:
    sample = stack_sample()
    pictures, durations = focus_pull(sample)
    held = [picture for picture, ms in zip(pictures, durations, strict=True) if ms > 200]
    for picture, frame in zip(held, (3, 4, 5, 4), strict=True):
        assert np.array_equal(picture, sample.frames[frame])
    assert len(pictures) == 4 * FADE_STEPS


def test_a_focus_pull_becomes_an_animated_gif(out: Path) -> None:
    path = write_focus_pull(out, "00000002")
    with Image.open(path) as image:
        assert (image.format, image.size) == ("GIF", (120, 80))
        assert image.n_frames > 4  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"--gif 7: .* has no such sample; its keys go from 00000000 to 00000002"):
        write_focus_pull(out, "7")
