"""The page as a whole: gallery, filters, report, names that are markup, widths, themes, pictures beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.preview.page import write_page
from tests.pipelines.preview.browser.conftest import OpenPage, until
from tests.pipelines.preview.stack_scene import HOSTILE, stack_sample, write_stacks


def test_hostile_names_are_text_everywhere(visit: OpenPage) -> None:
    tab = visit()
    assert tab.locator("#gallery .name").all_text_contents()[:3] == list(HOSTILE)
    for number, name in enumerate(HOSTILE):
        tab.evaluate(f"location.hash = '#key=0000000{number}'")
        until(tab, f"document.querySelector('#sample-name').textContent === {json.dumps(name)}")
    tab.evaluate("location.hash = '#report'")
    assert tab.locator(".rejects b").first.text_content() == HOSTILE[0]
    assert tab.locator("img[src='x'], svg[onload], [onerror]").count() == 0
    assert tab.evaluate("window.hostile") is None


def test_filters_by_text_split_kind_and_flag(visit: OpenPage) -> None:
    tab = visit()
    visible = "#gallery li:not([hidden])"
    assert tab.locator(visible).count() == 6
    tab.locator("#filter-text").fill("WALK photo")
    assert tab.locator(visible).count() == 3
    assert tab.locator("#filter-count").text_content() == "3 of 6"
    tab.locator("#filter-split").select_option("val")
    assert tab.locator(visible).locator("a").get_attribute("data-key") == "00000004"
    tab.locator("#filter-split").select_option("")
    tab.locator("#filter-flag").select_option("sharpened depth")
    assert tab.locator(visible).locator("a").get_attribute("data-key") == "00000003"
    tab.locator("#filter-flag").select_option("")
    tab.locator("#filter-text").fill("")
    tab.locator("#filter-kind").select_option("market")
    assert tab.locator(visible).locator("a").get_attribute("data-key") == "00000005"
    assert tab.locator(visible).locator(".dim").text_content() == "00000005 · train · market"
    tab.locator("#filter-text").fill("nothing of the kind")
    assert tab.locator("#gallery-empty").is_visible()


def test_the_report_shows_the_audit_and_leads_to_its_worst_samples(visit: OpenPage) -> None:
    tab = visit("#report")
    failed = tab.locator(".checks tr.bad").first
    assert "radius <b>measured</b>" in failed.text_content()
    assert "1.25" in failed.text_content()
    assert tab.locator("#to-report .count").text_content() == "1"
    failed.get_by_role("link").click()
    until(tab, "document.querySelector('#sample-place').textContent.startsWith('00000003')")
    assert "audit" in tab.locator("#sample-flags").text_content()
    tab.locator("#to-report").click()
    assert "photo/truncated" in tab.locator(".rejects h3").text_content()
    assert tab.locator(".chart svg").count() == 7


def test_a_bar_of_a_figure_leads_to_its_photos(visit: OpenPage, data_set: Path) -> None:
    """The address keeps the filter; the bar with the val sample among others holds what the labels say."""
    tab = visit("#report")
    assert tab.title().startswith("Report · ")
    assert "not audited" not in tab.locator(".verdict-line").text_content()
    assert "2 rejected" in tab.locator(".verdict-line").text_content()
    bar = tab.locator(".chart a").first
    count = int(bar.locator("title").text_content().rpartition(": ")[2])
    bar.click()
    tab.wait_for_selector("#photos-part:not([hidden])")
    shown = tab.locator("#gallery li:not([hidden])").count()
    assert 0 < shown <= count
    assert tab.locator("#filter-bar").text_content().startswith("Planes in focus, D_f: ")
    again = visit(tab.evaluate("location.hash"))
    assert again.locator("#gallery li:not([hidden])").count() == shown
    again.locator("#filter-bar").click()
    assert again.locator("#gallery li:not([hidden])").count() == 6
    assert again.evaluate("location.hash") == "#photos"


def test_a_card_shows_the_whole_picture_and_scrubs_its_focus_pull(visit: OpenPage) -> None:
    tab = visit()
    image = tab.locator("#gallery li:nth-child(4) img")
    assert image.evaluate("(image) => getComputedStyle(image).objectFit") == "contain"
    sources = []
    for share in (0.1, 0.5, 0.9):
        box = image.bounding_box()
        tab.mouse.move(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"])
        tab.mouse.move(box["x"] + share * box["width"] + 1, box["y"] + 0.5 * box["height"])
        until(tab, "document.querySelector('#gallery .pulling img')?.naturalWidth === 120")
        sources.append(image.get_attribute("src"))
    content = tab.evaluate("JSON.parse(document.getElementById('sample-00000003').textContent).pictures")
    assert sources == content[3:6]
    tab.mouse.move(1, 1)
    assert image.evaluate("(image) => image.src === image.thumb")


def test_borders_of_controls_are_seen(visit: OpenPage) -> None:
    """WCAG 1.4.11: at least 3 to 1 against the ground, in both themes."""
    for scheme in ("dark", "light"):
        tab = visit("#key=00000003", color_scheme=scheme)
        colors = tab.evaluate(
            """(() => { const s = getComputedStyle(document.querySelector('#compare'));
              return [s.borderTopColor, getComputedStyle(document.body).backgroundColor]; })()"""
        )
        levels = [luminance([int(part) for part in color[4:-1].split(",")]) for color in colors]
        assert (max(levels) + 0.05) / (min(levels) + 0.05) >= 3


def luminance(rgb: list[int]) -> float:
    linear = [v / 12.92 / 255 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("address", ["#photos", "#key=00000001&frame=1", "#report"])
def test_nothing_is_cut_off_and_nothing_overlaps(visit: OpenPage, width: int, address: str) -> None:
    tab = visit(address, width=width, height=844)
    if "key" in address:
        tab.keyboard.press("b")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert overlaps(tab) == []


def overlaps(tab: Any) -> list[str]:
    """Pairs of visible controls and texts, none inside the other, whose boxes meet; and those beyond the window."""
    return list(
        tab.evaluate(
            """() => {
              const selector =
                '.bar > *, .filters > *, #gallery a, #stage, .panel > *, .panel button, .readout div, .report > *' +
                ', .chart';
              const shown = [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility());
              const boxes = shown.map((e) => [e, e.getBoundingClientRect()]).filter(([, b]) => b.width && b.height);
              const wrong = [];
              for (const [one, a] of boxes) {
                if (a.left < -0.5 || a.right > innerWidth + 0.5) wrong.push(`${one.outerHTML} is cut off`);
                for (const [other, b] of boxes) {
                  if (one === other || one.contains(other) || other.contains(one)) continue;
                  const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                  const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                  if (across > 1 && down > 1) wrong.push(`${one.outerHTML} on ${other.outerHTML}`);
                }
              }
              return wrong;
            }"""
        )
    )


def test_dark_and_light_follow_the_system_and_the_button(visit: OpenPage) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, light = visit(color_scheme="dark"), visit(color_scheme="light")
    assert dark.evaluate(ground) == "rgb(20, 20, 20)"
    assert light.evaluate(ground) == "rgb(246, 246, 245)"
    light.locator("#theme").click()
    assert light.evaluate(ground) == "rgb(20, 20, 20)"
    assert light.locator("#theme").text_content() == "Theme: dark"
    for _ in range(5):  # a browser writes down in its own time what it remembers
        light.reload()
        light.wait_for_selector("html[data-ready]")
        if light.evaluate(ground) == "rgb(20, 20, 20)":
            break
    assert light.evaluate(ground) == "rgb(20, 20, 20)"
    light.locator("#theme").click()
    assert light.evaluate(ground) == "rgb(246, 246, 245)"


def test_controls_have_names(visit: OpenPage) -> None:
    tab = visit("#key=00000003")
    nameless = tab.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a, [tabindex="0"]')].filter(
          (e) => e.checkVisibility() && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.labels?.length
        ).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert tab.locator("#level").get_attribute("aria-valuetext").startswith("blur level")


def test_small_pictures_load_when_they_come_into_sight(visit: OpenPage, tmp_path: Path) -> None:
    out = write_stacks(tmp_path / "many", [stack_sample(i) for i in range(16)])
    file = Path(write_page(out, limit=200, budget_mb=4, linked=False).page)
    tab = visit(file=file, width=390, height=400)
    with_source = "document.querySelectorAll('#gallery img[src]').length"
    assert 0 < tab.evaluate(with_source) < 14
    tab.evaluate("scrollTo(0, document.body.scrollHeight)")
    until(tab, "document.querySelector('#gallery li:last-child img').src.startsWith('data:')")


def test_a_linked_page_shows_the_files_beside_it(visit: OpenPage, tmp_path: Path) -> None:
    out = write_stacks(tmp_path / "linked", [stack_sample(i, name=name) for i, name in enumerate(HOSTILE)])
    file = Path(write_page(out, limit=200, budget_mb=4, linked=True).page)
    tab = visit("#key=00000001&frame=3", file=file)
    until(tab, "document.querySelector('#pictures img[data-current]')?.naturalWidth === 120")
    assert "media/00000001/frame_03.jpg" in tab.locator("#pictures img[data-current]").get_attribute("src")
    codes = tab.evaluate(
        "import('preview/sample_data.js').then(m => m.loadSample('00000001', true)).then(s => [...s.map.codes])"
    )
    assert codes == stack_sample(1).disparity.ravel().tolist()
    until(tab, "document.querySelector('#sample-part').dataset.live === 'ready'", 20)  # its photo can be read
    assert tab.evaluate("window.hostile") is None


def test_paper_is_white_and_has_every_picture(visit: OpenPage, tmp_path: Path) -> None:
    """Printing loads what was never in sight, leaves out what only a screen can use, and is dark on white."""
    out = write_stacks(tmp_path / "paper", [stack_sample(i) for i in range(16)])
    file = Path(write_page(out, limit=200, budget_mb=4, linked=False).page)
    tab = visit(file=file, width=720, height=400, color_scheme="dark")
    assert tab.pdf().count(b"/Subtype /Image") == 16
    until(tab, "[...document.querySelectorAll('#gallery img')].every((image) => image.naturalWidth === 120)")
    tab.emulate_media(media="print")
    for address, gone in (("#photos", ".filters"), ("#key=00000003&frame=4", ".buttons"), ("#report", ".bar nav")):
        tab.evaluate(f"location.hash = '{address}'")
        until(tab, f"!document.querySelector('{gone}').checkVisibility()")
        colors = tab.evaluate(
            "[document.body, document.querySelector('h1')].map((e) => getComputedStyle(e))"
            ".map((style, i) => i ? style.color : style.backgroundColor)"
        )
        assert colors == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        assert tab.evaluate("document.documentElement.scrollWidth") <= 720
    tab.evaluate("location.hash = '#key=00000003&frame=4'")
    until(tab, "document.querySelector('#pictures [data-current]')?.naturalWidth === 120")
    assert tab.locator("#readout").is_visible()
