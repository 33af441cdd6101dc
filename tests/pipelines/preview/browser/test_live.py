"""The live preview: what the browser draws against what the renderer stored, the rack focus, no WebGL2."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.pictures.lens_gallery import heart_pupil
from pipelines.preview.page import write_page
from shards import Sample
from tests.pipelines.preview.browser.conftest import OpenPage, until
from tests.pipelines.preview.live_stacks import LENSES, live_sample
from tests.pipelines.preview.stack_scene import HEIGHT, WIDTH, write_stacks

BOUND_DB = 29.0
"""Measured in software GL, far and near planes in turn: 30.3 (cat-eye) to 32.3 dB (fringes); the photo has 18 to 24."""
GAIN_DB = 6.0
"""By so much at least the live picture is nearer to the stored frame than the photo is; measured: 7.8 or more."""
DRAW = """async ([key, lens]) => {
  const { loadSample } = await import("preview/sample_data.js");
  const { LiveScene } = await import("preview/live_scene.js");
  const { LiveRenderer } = await import("preview/live_renderer.js");
  globalThis.drawn ??= LiveRenderer.on(document.createElement("canvas"));
  drawn.open(await LiveScene.of(await loadSample(key)));
  await drawn.draw(lens);
  return btoa(String.fromCharCode(...drawn.pixels()));
}"""
WITHOUT_WEBGL = "HTMLCanvasElement.prototype.getContext = ((get) => function (kind, ...rest) {" + (
    " return kind === 'webgl2' ? null : get.call(this, kind, ...rest); })(HTMLCanvasElement.prototype.getContext)"
)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    """One sample for each kind of lens."""
    return [live_sample(i, aperture) for i, aperture in enumerate(LENSES.values())]


@pytest.fixture(scope="module")
def live_page(samples: list[Sample], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = write_stacks(tmp_path_factory.mktemp("live") / "out", samples)
    return Path(write_page(out, limit=200, budget_mb=8, linked=False, mask=heart_pupil()).page)


@pytest.fixture
def live_tab(visit: OpenPage, live_page: Path) -> Any:
    """The page at the middle plane of the disc's sample, the live preview ready."""
    tab = visit("#key=00000000&frame=4", file=live_page)
    until(tab, "document.querySelector('#sample-part').dataset.live === 'ready'", 20)
    return tab


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((one.astype(float) - other) ** 2).mean()))


def test_live_pictures_agree_with_stored_frames(visit: OpenPage, live_page: Path, samples: list[Sample]) -> None:
    """Through every kind of lens: a pupil that is turned or mirrored costs decibels."""
    tab = visit(file=live_page)
    tab.set_default_timeout(60000)
    for number, sample in enumerate(samples):
        frame = (3, 5)[number % 2]
        labels = sample.record.frames[frame]
        lens = {"focus": labels.focus_disparity, "scale": labels.blur_scale_px}
        text = tab.evaluate(DRAW, [sample.key, lens])
        live = np.frombuffer(base64.b64decode(text), np.uint8).reshape(HEIGHT, WIDTH, 4)[..., :3]
        near, sharp = psnr_db(live, sample.frames[frame]), psnr_db(sample.aif, sample.frames[frame])
        print(f"{list(LENSES)[number]}: {near:.1f} dB, photo {sharp:.1f} dB")
        assert near >= max(BOUND_DB, sharp + GAIN_DB), (list(LENSES)[number], near, sharp)


def test_a_click_racks_the_focus_to_the_disparity_there(live_tab: Any, samples: list[Sample]) -> None:
    """Live on the way, from plane to plane without a jump; the end is the pixel's disparity itself."""
    values = samples[0].disparity_values()
    box = live_tab.locator("#stage").bounding_box()
    live_tab.mouse.click(box["x"] + 0.15 * box["width"], box["y"] + 0.8 * box["height"])
    until(live_tab, "document.querySelector('#pictures [data-current]')?.dataset.index === 'live'")
    until(live_tab, "location.hash.includes('focus=')", 20)
    focus = float(live_tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('focus')"))
    assert focus == pytest.approx(values[int(0.8 * HEIGHT), int(0.15 * WIDTH)], abs=2e-5)
    assert live_tab.locator("#right-name").text_content() == "live preview"
    live_tab.keyboard.press("ArrowRight")  # the next stored plane: its frame fades in
    until(live_tab, "document.querySelector('#pictures [data-current]')?.dataset.index === '4'")
    assert live_tab.locator("#right-name").is_hidden()


def test_without_webgl2_the_nearest_stored_frame_is_shown(visit: OpenPage, live_page: Path) -> None:
    tab = visit("#key=00000000&frame=4", file=live_page, before=WITHOUT_WEBGL)
    until(tab, "document.querySelector('#sample-part').dataset.live === 'none'")
    box = tab.locator("#stage").bounding_box()
    tab.mouse.click(box["x"] + 0.15 * box["width"], box["y"] + 0.8 * box["height"])
    until(tab, "location.hash.endsWith('frame=3')")
    until(tab, "document.querySelector('#pictures [data-current]')?.dataset.index === '3'")


def test_motion_that_is_unwanted_is_left_out(visit: OpenPage, live_page: Path) -> None:
    tab = visit("#key=00000000&frame=4", file=live_page, reduced_motion="reduce")
    until(tab, "document.querySelector('#sample-part').dataset.live === 'ready'", 20)
    box = tab.locator("#stage").bounding_box()
    tab.mouse.click(box["x"] + 0.15 * box["width"], box["y"] + 0.8 * box["height"])
    assert tab.evaluate("location.hash.includes('focus=')")  # at once


def test_a_lens_of_the_address_is_drawn(visit: OpenPage, live_page: Path) -> None:
    tab = visit("#key=00000000&focus=0.3&blur=4", file=live_page)
    until(tab, "document.querySelector('#pictures [data-current]')?.dataset.index === 'live'", 20)
    assert tab.locator("#read-focus").text_content() == "0.3000"
    assert tab.locator("#read-scale").text_content() == f"{4 * WIDTH / 100:.2f} px"
