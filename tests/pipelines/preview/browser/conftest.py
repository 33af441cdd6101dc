"""A real browser: Debian's chromium, driven by playwright. Where there is none these tests are skipped, and say so.

apt-get install chromium; then `make test-browser`, or plain pytest with the `browser` extra installed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.audit.check import Criterion
from pipelines.audit.report import AuditReport
from pipelines.preview.page import write_page
from tests.pipelines.preview.stack_scene import HOSTILE, stack_sample, write_stacks

CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
OpenPage = Callable[..., Any]
DRIVER = "GL Driver Message"
"""What software GL says of its own speed when pixels are read back."""


def until(tab: Any, expression: str, seconds: float = 15) -> None:
    """Wait until a JavaScript expression holds. (playwright's own waiting needs `eval`, which the page forbids.)"""
    end = time.monotonic() + seconds
    while not tab.evaluate(expression):
        assert time.monotonic() < end, f"must come to hold within {seconds} s: {expression}"
        tab.wait_for_timeout(15)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One browser for all tests."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium (or CHROMIUM=PATH), then make test-browser")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright here: pip install '.[browser]'")
    with sync_api.sync_playwright() as playwright:
        # In a container root has no other sandbox; the page under test is our own.
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six samples: three of hostile names, one in val, one with sharpened depth, a market; an audit, rejects."""
    out = tmp_path_factory.mktemp("page") / "out"
    samples = [stack_sample(i, name=name) for i, name in enumerate(HOSTILE)]
    samples += [stack_sample(3, edges="sharpened"), stack_sample(4, split="val"), stack_sample(5, kind="market")]
    write_stacks(out, samples)
    checks = (
        Criterion("radius <b>measured</b>", "at most", 0.5, "px").measured(1.25, "<i>too large</i>", ("00000003",)),
        Criterion("light kept", "at most", 0.001, "").measured(0.0003, ""),
    )
    AuditReport(6, 6, 36, checks).write(out)
    reject = {"path": HOSTILE[0], "stage": "photo", "code": "truncated", "message": "<i>cut</i>"}
    (out / "rejects.jsonl").write_text(2 * (json.dumps(reject) + "\n"))
    return out


@pytest.fixture(scope="session")
def page_file(data_set: Path) -> Path:
    """The page with everything inside."""
    return Path(write_page(data_set, limit=200, budget_mb=4, linked=False).page)


@pytest.fixture
def visit(browser: Any, page_file: Path) -> Iterator[OpenPage]:
    """Open the page in a tab of its own; afterwards: no error, no word on the console, no request to anywhere else."""
    tabs, wrong = [], []

    def open_page(
        address: str = "",
        *,
        file: Path = page_file,
        width: int = 1440,
        height: int = 900,
        before: str = "",
        **options: Any,
    ) -> Any:
        tab = browser.new_page(viewport={"width": width, "height": height}, **options)
        tabs.append(tab)
        here = file.parent.as_uri()
        if before:
            tab.add_init_script(before)
        tab.on("console", lambda message: None if DRIVER in message.text else wrong.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
        tab.on(
            "request",
            lambda request: None if request.url.startswith(("data:", here)) else wrong.append(f"asked {request.url}"),
        )
        tab.set_default_timeout(5000)
        tab.goto(file.as_uri() + address)
        tab.wait_for_selector("html[data-ready]")
        return tab

    yield open_page
    for tab in tabs:
        tab.close()
    assert not wrong, wrong
