"""The option `--allow-skips REGEX`: a skip whose reason does not match is a failure.

Without it a test that lacks a browser, photos or a GPU is skipped, so `make test` passes on any laptop. `.ci/run` gives
it, since there a skip means that a check has stopped running and nobody was told.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Generator, Iterator

import jaxtyping
import pytest

Report = pytest.TestReport | pytest.CollectReport


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--allow-skips", metavar="REGEX", help="fail on a skip whose reason does not match")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Collect garbage once, then exempt what is left: pytest collects five times more, seconds each beside torch and
    Ray, and xdist interrupts a worker that takes more than five seconds to end (`Exception ignored ...
    KeyboardInterrupt`)."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_on_skip(report, item.config.getoption("--allow-skips"))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_on_skip(report, collector.config.getoption("--allow-skips"))
    return report


def fail_on_skip(report: Report, allowed: str | None) -> None:
    """Turn a skip (or an expected failure) whose reason does not match `allowed` into a failure."""
    if allowed is None or not report.skipped:
        return
    reason = vars(report).pop("wasxfail", None) or report.longrepr[2]
    if not re.search(allowed, reason):
        report.outcome = "failed"
        report.longrepr = f"skipped, which --allow-skips {allowed!r} does not allow: {reason}"


@pytest.fixture
def as_in_production() -> Iterator[None]:
    """Without the tests' shape and type checks: what a user gets told must come from the code itself."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
