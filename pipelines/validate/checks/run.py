"""All checks, one after the other: `python -m pipelines.validate.checks.run [--json FILE]` prints the table alone."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import tyro

from pipelines.validate.checks.check import Check, markdown
from pipelines.validate.checks.contour_lines import contour_lines
from pipelines.validate.checks.dense_range import LARGEST_RADII_PX, focus_planes, labels_between_bins
from pipelines.validate.checks.known_layers import checks_of, known_layers
from pipelines.validate.checks.robustness import broken_cut_outs, seconds_of_large_radius
from pipelines.validate.checks.slopes import SLOPES, light_on_slope
from pipelines.validate.checks.spot_profile import WHITES, focus_pull
from pipelines.validate.checks.spots_in_range import spots_in_range
from pipelines.validate.checks.stack_context import alone_against_stack
from simulator import RENDERER_VERSION
from simulator.scenes.catalog import KINDS

LOG = logging.getLogger(__name__)


def all_checks(kinds: tuple[str, ...] = KINDS) -> Iterator[Check]:
    """Every check, as it is measured. `kinds`: the built-in scenes used."""
    yield seconds_of_large_radius()
    yield broken_cut_outs()
    for white in WHITES:
        yield from focus_pull(white)
    for slope in SLOPES:
        yield light_on_slope(slope)
    for radius in LARGEST_RADII_PX:
        yield from labels_between_bins(radius)
        yield from focus_planes(radius)
        yield from spots_in_range(radius)
    for kind in kinds:
        yield alone_against_stack(kind)
        yield contour_lines(kind)
        yield from checks_of(known_layers(kind))


def logged(checks: Iterator[Check]) -> Iterator[Check]:
    """The same, with a line in the log for each."""
    for check in checks:
        LOG.info("%s: %.3g %s, %s", check.what, check.value, check.unit, "met" if check.met else "missed")
        yield check


def main(
    file: Annotated[Path | None, tyro.conf.arg(name="json")] = None, kinds: tuple[str, ...] = KINDS, threads: int = 2
) -> None:
    """Measure, print the table, and write the numbers into a file where asked to."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(threads)
    checks = list(logged(all_checks(kinds)))
    if file:
        numbers = {"renderer": RENDERER_VERSION, "checks": {check.what: check.to_json() for check in checks}}
        file.write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    print(markdown(checks))


if __name__ == "__main__":
    tyro.cli(main)
