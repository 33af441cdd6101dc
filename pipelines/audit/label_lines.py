"""Lines that need no frame: empty planes, coverage, a cap on the radius, levels of depth, scenes in two splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
import numpy.typing as npt

from pipelines.audit.label_facts import FrameFacts, SampleFacts
from pipelines.audit.line import Line, not_run, worst

EMPTY_BAND = 0.01
"""A plane within whose 1/32 of the depth range fewer than 1 % of the pixels lie shows nothing in focus."""
EMPTY_PLANES_BOUND = 0.05
QUANTILE_CELLS, LEVEL_CELLS = 4, 3
FRAMES_A_CELL = 8  # fewer on average, and a cell may be empty by chance
COVERAGE_BOUND = 0.25
CAP_TOLERANCE = 1e-3
CAP_BOUND = 0.10
LEAST_GROUPS = 20  # fewer, and one group alone is more than the bound
BANDED_BOUND = 0.05
SAME_LOOK_BITS = 4
_BITS_OF_BYTE = np.array([byte.bit_count() for byte in range(256)])


def label_lines(facts: Sequence[SampleFacts]) -> list[Line]:
    """All of them."""
    return [empty_planes(facts), coverage(facts), radius_cap(facts), depth_levels(facts), splits(facts)]


def empty_planes(facts: Sequence[SampleFacts]) -> Line:
    """Share of the frames that are focused where hardly anything is: what planes uniform in disparity lead to."""
    empty = {sample.name: fmean(f.band_share < EMPTY_BAND for f in sample.frames) for sample in facts}
    frames = [frame for sample in facts for frame in sample.frames]
    counts, edges = np.histogram([f.in_focus for f in frames], bins=10, range=(0.0, 1.0))
    return Line(
        "empty planes",
        fmean(f.band_share < EMPTY_BAND for f in frames),
        EMPTY_PLANES_BOUND,
        "at most",
        "share of frames",
        "focused where less than 1 % of the pixels lie within 1/32 of the depth range",
        worst(empty),
        {"in_focus_histogram": {"edges": [round(float(e), 3) for e in edges], "frames": [int(c) for c in counts]}},
    )


def coverage(facts: Sequence[SampleFacts]) -> Line:
    """Frames in the emptiest cell of plane quantile × blur level, as a share of what even coverage would put there.

    The cells of the blur level are the data set's own terciles, so that a K of one convention or another is no matter.
    """
    frames = [frame for sample in facts for frame in sample.frames]
    cells, unit = QUANTILE_CELLS * LEVEL_CELLS, "of an even share"
    if len(frames) < FRAMES_A_CELL * cells:
        reason = f"needs {FRAMES_A_CELL * cells} frames, got {len(frames)}"
        return not_run("coverage", COVERAGE_BOUND, "at least", unit, reason)
    table = _coverage_table(frames)
    row, column = np.unravel_index(int(table.argmin()), table.shape)
    place = f"plane quantiles {row / QUANTILE_CELLS:.2f} to {(row + 1) / QUANTILE_CELLS:.2f}, blur tercile {column + 1}"
    return Line(
        "coverage",
        float(table.min() * cells / len(frames)),
        COVERAGE_BOUND,
        "at least",
        unit,
        f"emptiest cell of plane quantile x blur level: {place}",
        details={"frames_by_quantile_and_level": table.astype(int).tolist()},
    )


def _coverage_table(frames: Sequence[FrameFacts]) -> npt.NDArray[np.float64]:
    quantile = np.array([f.plane_quantile for f in frames])
    level = np.array([f.scale_level for f in frames])
    # By rank, ties in order: levels that are all one still fill their cells, and are radius_cap's business.
    tercile = np.argsort(np.argsort(level, kind="stable"), kind="stable") * LEVEL_CELLS // len(frames)
    row = (quantile * QUANTILE_CELLS).astype(int).clip(0, QUANTILE_CELLS - 1)
    table = np.zeros((QUANTILE_CELLS, LEVEL_CELLS))
    np.add.at(table, (row, tercile), 1)
    return table


def radius_cap(facts: Sequence[SampleFacts]) -> Line:
    """Share of the stacking groups that have the commonest blur: a cap, or one K for all."""
    name, unit = "radius cap", "share of groups"
    groups = {(s.name, f.group): f.scale_level for s in facts for f in s.frames}
    radii = {(s.name, f.group, round(f.plane_quantile, 4)): f.radius_max_level for s in facts for f in s.frames}
    if len(groups) < LEAST_GROUPS:
        return not_run(name, CAP_BOUND, "at most", unit, f"needs {LEAST_GROUPS} stacking groups, got {len(groups)}")
    by_level, by_radius = (_commonest(list(values.values())) for values in (groups, radii))
    share, value, what = max((*by_level, "blur level"), (*by_radius, "largest radius"))
    values = groups if what == "blur level" else radii
    at_cap = Counter(key[0] for key, v in values.items() if abs(v - value) <= CAP_TOLERANCE * value)
    return Line(
        name,
        share,
        CAP_BOUND,
        "at most",
        unit,
        f"commonest {what}: {value:.3g} % of the long side",
        worst({key: float(count) for key, count in at_cap.items()}) if share > CAP_BOUND else (),
    )


def _commonest(values: Sequence[float]) -> tuple[float, float]:
    """Share of the values within CAP_TOLERANCE of the commonest one, and that one."""
    ordered = np.sort(values)
    above = np.searchsorted(ordered, ordered * (1 + CAP_TOLERANCE), side="right")
    counts = above - np.arange(len(ordered))
    return float(counts.max() / len(ordered)), float(ordered[int(counts.argmax())])


def depth_levels(facts: Sequence[SampleFacts]) -> Line:
    """Share of the samples whose depth is in 8 bits: its stairs become rings in the blur."""
    banded = {s.name: 1.0 / s.depth_levels for s in facts if s.is_banded}
    return Line(
        "depth levels",
        len(banded) / len(facts),
        BANDED_BOUND,
        "at most",
        "share of samples",
        f"depth that climbs in stairs, 256 levels or fewer; fewest levels here {min(s.depth_levels for s in facts)}",
        worst(banded),
        {"fewest": min(s.depth_levels for s in facts), "median": float(np.median([s.depth_levels for s in facts]))},
    )


def splits(facts: Sequence[SampleFacts]) -> Line:
    """Scenes that are in two splits: by id, by the photo's hash, and by its look (difference hash, 4 bits of 64)."""
    if len({s.split for s in facts}) < 2:
        return not_run("splits", 0.0, "at most", "pairs", "there is one split alone")
    pairs: dict[tuple[str, str], str] = {}
    for why, field in (("photo", "photo_sha256"), ("scene", "scene")):  # the scene last: it is the plainer reason
        members: dict[str, list[SampleFacts]] = defaultdict(list)
        for sample in facts:
            members[getattr(sample, field)].append(sample)
        for value, same in members.items():
            pairs.update({(a.name, b.name): why for a, b in combinations(same, 2) if value and a.split != b.split})
    pairs |= {pair: "look" for pair in _alike(facts) if pair not in pairs}
    named = Counter(name for pair in pairs for name in pair)
    reasons = Counter(pairs.values())
    said = ", ".join(f"{count} by {why}" for why, count in sorted(reasons.items())) or "none"
    return Line(
        "splits",
        float(len(pairs)),
        0.0,
        "at most",
        "pairs",
        f"the same scene in two splits: {said}",
        worst({name: float(count) for name, count in named.items()}),
        {"pairs": [[*pair, why] for pair, why in sorted(pairs.items())[:20]]},
    )


def _alike(facts: Sequence[SampleFacts]) -> list[tuple[str, str]]:
    """Pairs over splits whose photos look alike. A look of hardly any bits, a wall or a sky, is no evidence."""
    telling = [s for s in facts if 8 <= s.look.bit_count() <= 56]
    look = np.array([list(s.look.to_bytes(8, "big")) for s in telling], np.uint8).reshape(-1, 8)
    split = np.array([s.split for s in telling])
    found = []
    for i, sample in enumerate(telling):
        alike = _BITS_OF_BYTE[look[i + 1 :] ^ look[i]].sum(axis=1) <= SAME_LOOK_BITS
        others = np.flatnonzero(alike & (split[i + 1 :] != split[i]))
        found += [(sample.name, telling[i + 1 + int(j)].name) for j in others]
    return found
