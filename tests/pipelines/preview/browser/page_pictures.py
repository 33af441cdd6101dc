"""The pictures of the page in the README: docs/page.webp, and the film of live refocus, docs/refocus.webp.

`make pictures` renders a built-in scene, makes its page, large and small, and runs this for each. The film is the page
itself, driven by a clock that stands still while the software GL draws: none of its pictures is dropped or coarse.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.pipelines.preview.browser.conftest import CHROMIUM, until

KEY, FRAME = "00000006", 8
LANTERN, TOWN, TABLE = (0.525, 0.17), (0.37, 0.55), (0.2, 0.8)
CLOCK = """
  let now = 0;
  const queue = [];
  performance.now = () => now;
  globalThis.requestAnimationFrame = (act) => queue.push(act);
  const go = (ms) => { now += ms; queue.splice(0).forEach((act) => act(now)); };
  globalThis.clock = { go, waits: () => queue.length > 0 };
"""
STEP_MS, GLIDE_MS, REST_MS = 40, 400, 1100
PATIENCE_S = 600  # of a busy machine, for one picture
FILM_WIDTH, QUALITY = 840, 62


def place(tab: Page, share: tuple[float, float]) -> tuple[float, float]:
    box = tab.locator("#stage").bounding_box()
    assert box is not None
    return box["x"] + share[0] * box["width"], box["y"] + share[1] * box["height"]


def shot(tab: Page, width: int) -> Image.Image:
    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    return picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)


def still(tab: Page) -> Image.Image:
    """A stored frame, the labeled radius at the pointer."""
    tab.mouse.move(*place(tab, LANTERN))
    tab.wait_for_timeout(500)
    return shot(tab, 1440)


def film(tab: Page) -> tuple[list[Image.Image], list[int]]:
    """Three clicks, each with its glide: pictures and their milliseconds."""
    pictures, durations = [], []
    for share in (LANTERN, TABLE, TOWN):
        before = tab.evaluate("location.hash")
        tab.mouse.click(*place(tab, share))
        for _ in range(GLIDE_MS // STEP_MS):
            until(tab, "clock.waits()", PATIENCE_S)
            tab.evaluate(f"clock.go({STEP_MS})")
            until(tab, f"clock.waits() || location.hash !== '{before}'", PATIENCE_S)
            tab.wait_for_timeout(250)  # what fades in, fades by the screen's clock
            pictures.append(shot(tab, FILM_WIDTH))
            durations.append(STEP_MS)
        until(tab, f"location.hash !== '{before}'", PATIENCE_S)
        tab.wait_for_timeout(4000)  # the refined picture
        pictures.append(shot(tab, FILM_WIDTH))
        durations.append(REST_MS)
    return pictures, durations


def opened(browser: Any, page: Path, before: str = "") -> Page:
    size: Any = {"width": 1200, "height": 640}
    tab: Page = browser.new_page(viewport=size, device_scale_factor=1.2, color_scheme="dark")
    if before:
        tab.add_init_script(before)
    tab.goto(f"{page.resolve().as_uri()}#key={KEY}&frame={FRAME}")
    until(tab, "document.querySelector('#sample-part').dataset.live === 'ready'", 120)
    tab.evaluate("document.activeElement.blur()")  # no ring around what the keyboard would act on
    return tab


def main(kind: str, page: Path, file: Path) -> None:
    """Write the `still` or the `film`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        if kind == "still":
            still(opened(browser, page)).save(file, quality=80, method=6)
        else:
            (first, *rest), durations = film(opened(browser, page, CLOCK))
            first.save(file, save_all=True, append_images=rest, duration=durations, loop=0, quality=QUALITY, method=4)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
