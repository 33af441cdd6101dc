"""One sample in the page: what a click, a key, a slider and an address do."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pipelines.preview.browser.conftest import OpenPage, until
from tests.pipelines.preview.stack_scene import HEIGHT, SCALES_PX, WIDTH, stack_sample

SAMPLE = stack_sample(3)
VALUES = SAMPLE.disparity_values()
FRAMES = SAMPLE.record.frames


READY = "document.querySelector('#sample-part').dataset.live === 'ready'"


def frame(tab: Any) -> int:
    """The frame that the address names; the picture on top must be the same."""
    named = int(tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('frame')"))
    until(tab, f"document.querySelector('#pictures [data-current]')?.dataset.index === '{named}'")
    return named


def click(tab: Any, x: float, y: float) -> None:
    box = tab.locator("#stage").bounding_box()
    tab.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def read(tab: Any, name: str) -> str:
    return str(tab.locator(f"#read-{name}").text_content())


def test_a_click_focuses_at_the_disparity_there(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=0", reduced_motion="reduce")
    until(tab, READY, 20)
    random = np.random.default_rng(5)
    for x, y in [(0.02, 0.5), (0.98, 0.03), *random.uniform(0.05, 0.95, (4, 2))]:
        click(tab, x, y)
        column, row = (int(number) for number in read(tab, "point").split(", "))
        assert abs(column - x * WIDTH) <= 1.5
        assert abs(row - y * HEIGHT) <= 1.5
        assert float(read(tab, "disparity")) == pytest.approx(VALUES[row, column], abs=6e-5)
        # a plane less than 0.02 px of blur away is the stored one
        assert float(read(tab, "focus")) == pytest.approx(VALUES[row, column], abs=0.02 / SCALES_PX[0] + 1e-4)


def test_disparity_in_the_page_has_the_bits_of_the_data_set(visit: OpenPage) -> None:
    tab = visit()
    codes = tab.evaluate(
        "import('preview/sample_data.js').then(m => m.loadSample('00000003')).then(s => s.map.codes.join())"
    )
    assert np.array_equal(np.array(codes.split(","), int).reshape(HEIGHT, WIDTH), SAMPLE.disparity)


def test_sliders_set_any_lens_and_snap_to_stored_values(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=1")
    until(tab, READY, 20)
    far, near = VALUES.min(), VALUES.max()

    def step(value: float) -> int:
        return round(200 * (value - far) / (near - far))

    tab.locator("#plane").fill(str(step(FRAMES[2].focus_disparity) - 1))
    until(tab, "location.hash.endsWith('frame=2')")
    assert read(tab, "focus") == f"{FRAMES[2].focus_disparity:.4f}"
    between = step((FRAMES[1].focus_disparity + FRAMES[2].focus_disparity) / 2)
    tab.locator("#plane").fill(str(between))
    until(tab, "location.hash.includes('focus=')")
    assert float(read(tab, "focus")) == pytest.approx(far + (near - far) * between / 200, abs=1e-4)
    tab.locator("#plane").fill(str(step(FRAMES[1].focus_disparity)))
    least, most = SCALES_PX[0] / 3, SCALES_PX[1] * 1.6
    tab.locator("#level").fill(str(round(200 * np.log(SCALES_PX[1] / least) / np.log(most / least))))
    until(tab, "location.hash.endsWith('frame=4')")
    assert read(tab, "scale") == f"{SCALES_PX[1]:.2f} px"


def test_ticks_of_the_focus_slider_lie_where_its_thumb_stops(visit: OpenPage) -> None:
    """The thumb's middle travels from half its width to the slider's width less that."""
    tab = visit("#key=00000003&frame=5")
    slider, thumb_px = tab.locator("#plane").bounding_box(), 16
    share = float(tab.locator("#plane").input_value()) / 200
    thumb = slider["x"] + thumb_px / 2 + share * (slider["width"] - thumb_px)
    tick = tab.locator("#focus-scale .plane").last.bounding_box()
    assert tick["x"] + tick["width"] / 2 == pytest.approx(thumb, abs=1.5)
    band = tab.locator("#focus-scale .band").bounding_box()
    half = (slider["width"] - thumb_px) / SCALES_PX[1] / (VALUES.max() - VALUES.min())
    right = slider["x"] + slider["width"] - thumb_px / 2
    assert band["x"] == pytest.approx(thumb - half, abs=1.5)
    assert band["x"] + band["width"] == pytest.approx(min(right, thumb + half), abs=1.5)


def test_the_wheel_zooms_and_keeps_the_place_under_the_cursor(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=4")
    box = tab.locator("#stage").bounding_box()
    x, y = box["x"] + 0.704 * box["width"], box["y"] + 0.306 * box["height"]  # the middle of a pixel
    tab.mouse.move(x, y)
    before = read(tab, "point")
    tab.locator("#plane").focus()  # the wheel is the stage's wherever the keys go
    tab.mouse.wheel(0, -600)
    until(tab, "document.querySelector('#stage').classList.contains('zoomed')")
    tab.mouse.move(x + 1, y)
    tab.mouse.move(x, y)
    assert read(tab, "point") == before
    assert tab.evaluate("document.querySelector('#view').classList.contains('pixelated')")
    tab.mouse.down()
    tab.mouse.move(x - 90, y, steps=3)
    tab.mouse.up()
    frame(tab)  # dragging moves the picture and focuses nowhere
    tab.mouse.move(x - 91, y)
    tab.mouse.move(x - 90, y)
    assert read(tab, "point") == before
    tab.locator("#stage").focus()
    tab.keyboard.press("1")
    assert tab.locator("#zoom-text").text_content() == "100 %"
    tab.keyboard.press("Escape")
    assert not tab.evaluate("document.querySelector('#stage').classList.contains('zoomed')")


def test_a_divider_lies_between_any_two_pictures(visit: OpenPage) -> None:
    tab = visit("#key=00000003&frame=4")
    tab.locator("#beside").select_option("photo")
    cut = "getComputedStyle(document.querySelector('#pictures .beside')).clipPath"
    assert tab.evaluate(cut) == "inset(0px 50% 0px 0px)"
    assert tab.locator("#left-name").text_content() == "all in focus"
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.2 * box["height"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.2 * box["height"], steps=3)
    tab.mouse.up()
    right = float(tab.evaluate(cut).split()[1].removesuffix("%"))
    assert right == pytest.approx(75, abs=0.5)
    assert frame(tab) == 4
    tab.locator("#divider").focus()
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#divider").get_attribute("aria-valuenow") == "27"
    tab.locator("#beside").select_option("level:0")
    assert tab.evaluate("document.querySelector('#pictures .beside').dataset.beside") == "1"
    until(tab, READY, 20)
    tab.locator("#show").select_option("live")
    until(tab, "document.querySelector('#pictures [data-current]').dataset.index === 'live'", 20)
    assert tab.locator("#right-name").text_content() == "live preview"


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
    until(tab, READY, 20)
    tab.keyboard.press("Enter")
    column, row = (int(number) for number in read(tab, "point").split(", "))
    assert column < WIDTH / 3
    until(tab, f"Math.abs(document.querySelector('#read-focus').textContent - {VALUES[row, column]}) < 0.0023", 20)
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
    current = "document.querySelector('#pictures [data-current]')?.dataset.index"
    tab.keyboard.down("a")
    until(tab, f"{current} === 'photo'")
    assert tab.locator("#right-name").text_content() == "all in focus"
    assert tab.evaluate("getComputedStyle(document.querySelector('#marks')).visibility") == "hidden"
    tab.keyboard.up("a")
    until(tab, f"{current} === '4'")
    tab.locator("#compare").hover()
    tab.mouse.down()
    until(tab, f"{current} === 'photo'")
    tab.mouse.up()
    until(tab, f"{current} === '4'")
    assert frame(tab) == 4


def test_the_loupe_enlarges_the_compared_pictures_around_the_point(visit: OpenPage) -> None:
    """Squares of four screen pixels, the point's in the middle; without a divider the sharp photo is compared."""
    tab = visit("#key=00000003&frame=4")
    box = tab.locator("#stage").bounding_box()
    tab.mouse.move(box["x"] + 0.42 * box["width"], box["y"] + 0.35 * box["height"])
    tab.keyboard.down("l")
    for beside, left, name in (("", SAMPLE.aif, "all in focus"), ("level:0", SAMPLE.frames[1], "data set, frame 1")):
        tab.locator("#beside").select_option(beside)
        column, row = (int(number) for number in read(tab, "point").split(", "))
        assert tab.locator("#loupe figcaption").all_text_contents() == [name, "data set, frame 4"]
        until(tab, "[...document.querySelectorAll('#pictures img')].every((image) => image.complete)")
        for pane, picture in zip(panes(tab), (left, SAMPLE.frames[4]), strict=True):
            middle = pane[len(pane) // 2 - 30 : len(pane) // 2 + 30, len(pane) // 2 - 30 : len(pane) // 2 + 30]
            inside = picture[row - 4 : row + 5, column - 4 : column + 5].astype(int)
            errors = [
                np.abs(np.repeat(np.repeat(inside, 4, 0), 4, 1)[:30, :30] - middle[y : y + 30, x : x + 30]).mean()
                for y in range(16)
                for x in range(16)
            ]
            assert min(errors) < 8, errors  # what WebP costs; elsewhere the pictures differ by tens
    tab.keyboard.up("l")
    assert not tab.locator("#loupe").is_visible()
    tab.locator("#magnify").hover()
    tab.mouse.down()
    assert tab.locator("#loupe").is_visible()
    tab.mouse.up()
    assert not tab.locator("#loupe").is_visible()


def panes(tab: Any) -> list[np.ndarray]:
    """RGB of the loupe's canvases."""
    urls = tab.evaluate("[...document.querySelectorAll('#loupe canvas')].map((canvas) => canvas.toDataURL())")
    files = [io.BytesIO(base64.b64decode(url.partition(",")[2])) for url in urls]
    return [np.asarray(Image.open(file).convert("RGB")).astype(int) for file in files]


def test_frames_fade_into_each_other_unless_motion_is_unwanted(visit: OpenPage) -> None:
    durations = []
    for motion in ("no-preference", "reduce"):
        tab = visit("#key=00000003&frame=4", reduced_motion=motion)
        frame(tab)
        durations.append(
            tab.evaluate("getComputedStyle(document.querySelector('#pictures .shown')).transitionDuration")
        )
        tab.keyboard.press("ArrowLeft")
        until(tab, "document.querySelectorAll('#pictures .shown').length === 1")
        assert tab.evaluate("document.querySelector('#pictures .shown').dataset.index") == "3"
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
    until(tab, READY, 20)
    box = tab.locator("#stage").bounding_box()
    tab.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    there = VALUES[int(0.5 * HEIGHT), int(0.9 * WIDTH)]
    until(tab, f"Math.abs(document.querySelector('#read-focus').textContent - {there}) < 0.01", 20)
    small = tab.evaluate(
        """() => [...document.querySelectorAll('button, select, input, summary, .steps a')].filter(
          (e) => e.checkVisibility() && e.getBoundingClientRect().height < 44).map((e) => e.outerHTML)"""
    )
    assert small == []
