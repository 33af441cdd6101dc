"""One sample in the page: what a click, a key, a slider and an address do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.pipelines.preview.browser.conftest import OpenPage, until
from tests.pipelines.preview.stack_scene import HEIGHT, SCALES_PX, WIDTH, stack_sample

SAMPLE = stack_sample(3)
VALUES = SAMPLE.disparity_values()
FRAMES = SAMPLE.record.frames


def frame(tab: Any) -> int:
    """The frame that the address names; the picture on top must be the same."""
    named = int(tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('frame')"))
    until(tab, f"document.querySelector('#pictures img[data-current]')?.dataset.index === '{named}'")
    return named


def click(tab: Any, x: float, y: float) -> None:
    box = tab.locator("#stage").bounding_box()
    tab.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def read(tab: Any, name: str) -> str:
    return str(tab.locator(f"#read-{name}").text_content())


def test_a_click_focuses_the_plane_nearest_to_the_disparity_there(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=0")
    random = np.random.default_rng(5)
    for x, y in [(0.02, 0.5), (0.98, 0.03), *random.uniform(0.05, 0.95, (6, 2))]:
        click(tab, x, y)
        column, row = (int(number) for number in read(tab, "point").split(", "))
        assert abs(column - x * WIDTH) <= 1.5
        assert abs(row - y * HEIGHT) <= 1.5
        expected = min(range(3), key=lambda i: abs(FRAMES[i].focus_disparity - VALUES[row, column]))
        assert frame(tab) == expected
        assert float(read(tab, "disparity")) == pytest.approx(VALUES[row, column], abs=6e-5)


def test_disparity_in_the_page_has_the_bits_of_the_data_set(visit: OpenPage) -> None:
    tab = visit()
    codes = tab.evaluate(
        "import('preview/sample_data.js').then(m => m.loadSample('00000003')).then(s => s.map.codes.join())"
    )
    assert np.array_equal(np.array(codes.split(","), int).reshape(HEIGHT, WIDTH), SAMPLE.disparity)


def test_the_blur_slider_changes_the_level_and_keeps_the_plane(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=1")
    tab.locator("#level").fill("1")
    assert frame(tab) == 4
    assert read(tab, "level") == f"{FRAMES[4].blur_level:.2f} %"
    assert read(tab, "scale") == f"{FRAMES[4].blur_scale_px:.2f} px"
    tab.locator("#plane").fill("2")
    assert frame(tab) == 5
    assert read(tab, "focus") == f"{FRAMES[5].focus_disparity:.4f}"


def test_the_keyboard_alone_goes_all_the_way(visit: OpenPage) -> None:
    tab = visit()
    tab.locator("#filter-flag").focus()
    tab.keyboard.press("Tab")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.activeElement.dataset.key") == "00000003"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#stage:focus")
    assert frame(tab) == 4  # the middle plane at the strongest blur
    for key, expected in (("ArrowRight", 5), ("ArrowRight", 5), ("ArrowDown", 2), ("ArrowLeft", 1), ("ArrowUp", 4)):
        tab.keyboard.press(key)
        assert frame(tab) == expected
    for _ in range(20):
        tab.keyboard.press("Shift+ArrowLeft")  # the point goes into the far band; the frame stays
    assert frame(tab) == 4
    tab.keyboard.press("Enter")
    assert frame(tab) == 3
    tab.keyboard.press(".")
    until(tab, "location.hash.includes('00000004')")
    until(tab, "document.querySelector('#sample-name').textContent.includes('4')")  # opening takes its time
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#photos-part:not([hidden])")
    assert tab.evaluate("document.activeElement.dataset.key") == "00000004"


def test_an_address_leads_to_sample_and_frame(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=5")
    assert frame(tab) == 5
    assert tab.locator("#sample-name").text_content() == "walk/photo 3.jpg"
    tab.evaluate("location.hash = '#key=00000004&frame=2'")
    until(tab, "document.querySelector('#sample-name').textContent.includes('4')")
    assert frame(tab) == 2
    tab.go_back()
    until(tab, "document.querySelector('#sample-name').textContent.includes('3')")


@pytest.mark.parametrize("address", ["#key=99999999", "#key=%3Cimg%20src=x%20onerror=window.hostile=1%3E"])
def test_an_address_of_no_sample_is_said(visit: OpenPage, address: str) -> None:
    tab = visit(address)
    assert "has no sample" in tab.locator("#notice").text_content()
    assert tab.evaluate("window.hostile") is None
    assert tab.locator("#photos-part").is_visible()


def test_a_frame_that_does_not_exist_shows_one_that_does(visit: OpenPage) -> None:
    assert frame(visit("#key=00000003&frame=99")) == 4


def test_the_circle_has_the_labeled_radius_in_displayed_pixels(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=3")
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.4 * box["height"])
    column, row = (int(number) for number in read(tab, "point").split(", "))
    radius_px = SCALES_PX[1] * abs(VALUES[row, column] - FRAMES[3].focus_disparity)
    circle = tab.locator("#blur-circle").bounding_box()
    stroke = 1.5
    assert circle["width"] - stroke == pytest.approx(2 * radius_px * box["width"] / WIDTH, abs=1)
    assert circle["x"] + circle["width"] / 2 == pytest.approx(box["x"] + 0.8 * box["width"], abs=1)
    assert tab.locator("#blur-text").text_content() == f"r {radius_px:.1f} px"
    assert read(tab, "radius") == f"{radius_px:.1f} px in front"
    assert read(tab, "screen") == f"{radius_px * box['width'] / WIDTH:.1f} px"


def overlay(tab: Any) -> np.ndarray:
    """RGBA of the overlay's canvas."""
    shape = tab.evaluate("[document.querySelector('#overlay').height, document.querySelector('#overlay').width]")
    data = tab.evaluate(
        """(canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join())(
          document.querySelector('#overlay')
        )"""
    )
    return np.array(data.split(","), int).reshape(*shape, 4)


def test_overlays_follow_from_disparity_and_labels(visit: OpenPage) -> None:
    """s = K (D - D_f): warm where positive, cool where negative; the band is what `in_focus_fraction` counts."""
    tab = visit("#key=00000003&frame=4")
    tab.keyboard.press("b")
    blur = overlay(tab)
    signed = SCALES_PX[1] * (VALUES - FRAMES[4].focus_disparity)
    clear = np.abs(signed) > 0.2
    assert np.array_equal((blur[..., 0] > blur[..., 2])[clear], (signed > 0)[clear])
    strength = 185 * np.sqrt(np.minimum(1, np.abs(signed) / max(f.radius_max_px for f in FRAMES)))
    assert np.abs(blur[..., 3] - strength).max() <= 1
    tab.keyboard.press("f")
    band = overlay(tab)
    in_focus = band[..., 1] > 100
    assert in_focus.mean() == pytest.approx(FRAMES[4].in_focus_fraction, abs=1e-9)
    assert np.array_equal(in_focus, np.abs(signed) <= 1)
    tab.keyboard.press("d")
    brightness = overlay(tab)[..., :3].sum(axis=2)
    assert brightness[:, :40].max() < brightness[:, 40:80].min() < brightness[:, 80:].min()
    tab.keyboard.press("d")
    assert not tab.locator("#overlay").is_visible()


def test_holding_shows_all_in_focus(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=4")
    current = "document.querySelector('#pictures img[data-current]')?.dataset.index"
    tab.keyboard.down("a")
    until(tab, f"{current} === 'photo'")
    assert tab.locator("#comparing").is_visible()
    tab.keyboard.up("a")
    until(tab, f"{current} === '4'")
    tab.locator("#compare").hover()
    tab.mouse.down()
    until(tab, f"{current} === 'photo'")
    tab.mouse.up()
    until(tab, f"{current} === '4'")
    assert frame(tab) == 4


def test_frames_fade_into_each_other_unless_motion_is_unwanted(visit: OpenPage) -> None:
    durations = []
    for motion in ("no-preference", "reduce"):
        tab = visit("#key=00000003&frame=4", reduced_motion=motion)
        frame(tab)
        durations.append(
            tab.evaluate("getComputedStyle(document.querySelector('#pictures img.shown')).transitionDuration")
        )
        tab.keyboard.press("ArrowLeft")
        until(tab, "document.querySelectorAll('#pictures img.shown').length === 1")
        assert tab.evaluate("document.querySelector('#pictures img.shown').dataset.index") == "3"
    assert durations == ["0.16s", "0s"]


@pytest.mark.parametrize("width", [390, 1440])
def test_the_read_out_does_not_jump(visit: OpenPage, width: int) -> None:
    """Whatever the figures: rows stay where they are, names begin and figures end at the same places."""
    tab = visit("#key=00000003&frame=3", width=width)
    box = tab.locator("#stage").bounding_box()
    places = set()
    for x in (0.05, 0.4, 0.95):
        tab.mouse.move(box["x"] + x * box["width"], box["y"] + 0.5 * box["height"])
        places.add(
            tab.evaluate(
                """[...document.querySelectorAll('.readout div')].map((row) => [
                  row.getBoundingClientRect().top, row.getBoundingClientRect().bottom,
                  row.firstChild.getBoundingClientRect().left, row.lastChild.getBoundingClientRect().right,
                ]).join()"""
            )
        )
    assert len(places) == 1


def test_a_tap_on_a_phone_focuses(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=3", width=390, height=844, has_touch=True, is_mobile=True)
    box = tab.locator("#stage").bounding_box()
    tab.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    assert frame(tab) == 5
