"""What fingers do, as a touchscreen sends them: two zoom, one that rests on a card pulls its focus."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipelines.preview.browser.conftest import OpenPage, until

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}
Places = list[tuple[float, float]]


class Fingers:
    """Fingers on a tab's screen."""

    def __init__(self, tab: Any) -> None:
        self._tab, self._screen = tab, tab.context.new_cdp_session(tab)

    def _send(self, kind: str, places: Places) -> None:
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        self._screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def put(self, places: Places) -> None:
        self._send("touchStart", places)

    def move(self, before: Places, after: Places, steps: int = 8) -> None:
        """In steps, as a screen reports them."""
        for step in range(1, steps + 1):
            share = step / steps
            self._send("touchMove", [_between(a, b, share) for a, b in zip(before, after, strict=True)])
            self._tab.wait_for_timeout(16)

    def lift(self) -> None:
        self._send("touchEnd", [])


def _between(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
    return a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0)], ids=["across", "down"])
def test_two_fingers_zoom_and_keep_the_place_between_them(visit: OpenPage, direction: tuple[float, float]) -> None:
    tab = visit("#key=00000003&frame=4", **PHONE)
    fingers, box = Fingers(tab), tab.locator("#stage").bounding_box()
    middle = box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"]

    def around(reach_px: float) -> Places:
        return [tuple(m + side * reach_px * d for m, d in zip(middle, direction, strict=True)) for side in (-1, 1)]

    fingers.put(around(20))
    fingers.move(around(20), around(60))
    view = tab.locator("#view").bounding_box()
    assert view["width"] / box["width"] == pytest.approx(3, rel=0.15)  # the first step may be taken as a slip
    assert (middle[0] - view["x"]) / view["width"] == pytest.approx(0.7, abs=0.01)
    assert (middle[1] - view["y"]) / view["height"] == pytest.approx(0.4, abs=0.01)
    fingers.move(around(60), around(10))
    fingers.lift()
    assert not tab.evaluate("document.querySelector('#stage').classList.contains('zoomed')")
    assert tab.evaluate("location.hash").endswith("frame=4")  # fingers that zoom focus nowhere
    assert tab.evaluate("visualViewport.scale === 1 && scrollY === 0")  # the picture was zoomed, not the page


def test_a_finger_that_rests_on_a_card_pulls_its_focus(visit: OpenPage) -> None:
    tab = visit(**PHONE)
    fingers, image = Fingers(tab), tab.locator("#gallery li:nth-child(4) img")
    image.scroll_into_view_if_needed()
    box, scrolled = image.bounding_box(), tab.evaluate("scrollY")
    places = [(box["x"] + share * box["width"], box["y"] + 0.5 * box["height"]) for share in (0.1, 0.5, 0.9)]
    content = tab.evaluate("JSON.parse(document.getElementById('sample-00000003').textContent).pictures")
    shown = "document.querySelector('#gallery .pulling img')?.src"
    fingers.put(places[:1])
    assert tab.evaluate(shown) is None
    for before, now, picture in zip([places[0], *places], places, content[3:6], strict=False):
        fingers.move([before], [now])
        until(tab, f"{shown} === {picture!r}")
    fingers.lift()
    assert image.evaluate("(image) => image.src === image.thumb")
    assert tab.evaluate("location.hash") in ("", "#photos")  # its release opens nothing
    assert tab.evaluate("scrollY") == scrolled
    tab.touchscreen.tap(*places[1])
    until(tab, "location.hash.includes('00000003')")


def test_a_finger_that_moves_at_once_scrolls(visit: OpenPage) -> None:
    tab = visit(**{**PHONE, "height": 300})
    fingers, box = Fingers(tab), tab.locator("#gallery li:nth-child(1) img").bounding_box()
    start = (box["x"] + 20, box["y"] + 100)
    fingers.put([start])
    fingers.move([start], [(start[0], start[1] - 90)])
    fingers.lift()
    until(tab, "scrollY > 40")
    assert tab.locator(".pulling").count() == 0
