"""Checks of labels and depth alone: empty planes, coverage, a radius cap, levels of depth, scenes in two splits."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, combinations
from statistics import fmean, median

import numpy as np
import numpy.typing as npt

from pipelines.audit.check import Check, Criterion, worst
from pipelines.audit.label_facts import FrameFacts, LabelFacts
from pipelines.render.photos.near_duplicates import near_pairs

EMPTY_PLANES = Criterion("empty planes", "at most", 0.05, "share of frames")
COVERAGE = Criterion("coverage", "at least", 0.25, "of an even share")
RADIUS_CAP = Criterion("radius cap", "at most", 0.10, "share of groups")
DEPTH_LEVELS = Criterion("depth levels", "at most", 0.05, "share of samples")
UNKNOWN_DEPTH = Criterion("unknown depth", "at most", 0.25, "share of a sample's pixels, the worst")
TWIN_PLANES = Criterion("twin planes", "at most", 0.05, "share of samples")
SPLITS = Criterion("splits", "at most", 0.0, "pairs")

LEAST_APART_PX = 1.0
"""Planes whose blur differs by less, at a sample's middle level, are one plane rendered twice."""
EMPTY_BAND = 0.01
"""A plane shows nothing in focus when fewer than 1 % of the pixels lie within 1/32 of the depth range."""
QUANTILE_CELLS, LEVEL_CELLS = 4, 3
FRAMES_PER_CELL = 8  # with fewer on average a cell may be empty by chance
CAP_TOLERANCE = 1e-3
FEWEST_GROUPS = 20  # with fewer a single group exceeds the bound


def label_checks(facts: Sequence[LabelFacts], *, is_drawn: bool = True) -> list[Check]:
    """Every check of labels and depth, in the order of the report; `facts`: those of all samples.

    is_drawn: planes and blur were drawn for each scene; a camera's stack has the same for all, as it should.
    """
    checks = [
        _empty_planes(facts),
        _coverage(facts),
        _radius_cap(facts),
        _depth_levels(facts),
        _twin_planes(facts),
        _unknown_depth(facts),
        _splits(facts),
    ]
    of_draw = () if is_drawn else (EMPTY_PLANES, COVERAGE, RADIUS_CAP, TWIN_PLANES)
    return [
        check.criterion.not_run("planes and f-numbers are the camera's") if check.criterion in of_draw else check
        for check in checks
    ]


def _empty_planes(facts: Sequence[LabelFacts]) -> Check:
    """Share of the frames that are focused where hardly anything is: the result of planes uniform in disparity."""
    empty = {sample.name: fmean(f.band_share < EMPTY_BAND for f in sample.frames) for sample in facts}
    frames = [frame for sample in facts for frame in sample.frames]
    counts, edges = np.histogram([f.in_focus for f in frames], bins=10, range=(0.0, 1.0))
    return EMPTY_PLANES.measured(
        fmean(f.band_share < EMPTY_BAND for f in frames),
        "focused where less than 1 % of the pixels lie within 1/32 of the depth range",
        worst(empty),
        {"in_focus_histogram": {"edges": [round(float(e), 3) for e in edges], "frames": [int(c) for c in counts]}},
    )


def _twin_planes(facts: Sequence[LabelFacts]) -> Check:
    """Share of the samples with two planes that cannot be told apart at the middle blur level."""
    close = {s.name: 1.0 / max(s.planes_apart_px, 1e-3) for s in facts if s.planes_apart_px < LEAST_APART_PX}
    note = f"two planes less than {LEAST_APART_PX:g} px of blur apart at the middle level"
    return TWIN_PLANES.measured(len(close) / len(facts), note, worst(close))


def _unknown_depth(facts: Sequence[LabelFacts]) -> Check:
    """The largest share of a sample's pixels whose depth is not known: what is rendered there is a guess."""
    unknown = {s.name: s.unknown_share for s in facts if s.unknown_share > 0}
    mean = fmean(s.unknown_share for s in facts)
    note = f"{len(unknown)} of {len(facts)} samples have pixels of unknown depth; {mean:.2%} of all pixels"
    return UNKNOWN_DEPTH.measured(max(unknown.values(), default=0.0), note, worst(unknown))


def _coverage(facts: Sequence[LabelFacts]) -> Check:
    """Frames in the emptiest cell of plane quantile × blur level, relative to even coverage.

    Blur levels are divided at the data set's own terciles, which are the same for every convention of K.
    """
    frames = [frame for sample in facts for frame in sample.frames]
    cells = QUANTILE_CELLS * LEVEL_CELLS
    if len(frames) < FRAMES_PER_CELL * cells:
        return COVERAGE.not_run(f"needs {FRAMES_PER_CELL * cells} frames, got {len(frames)}")
    table = _coverage_table(frames)
    row, column = np.unravel_index(int(table.argmin()), table.shape)
    place = f"plane quantiles {row / QUANTILE_CELLS:.2f} to {(row + 1) / QUANTILE_CELLS:.2f}, blur tercile {column + 1}"
    return COVERAGE.measured(
        float(table.min() * cells / len(frames)),
        f"emptiest cell of plane quantile x blur level: {place}",
        details={"frames_by_quantile_and_level": table.astype(int).tolist()},
    )


def _coverage_table(frames: Sequence[FrameFacts]) -> npt.NDArray[np.float64]:
    quantile = np.array([f.plane_quantile for f in frames])
    level = np.array([f.scale_level for f in frames])
    # By rank, ties in order: equal levels fill all terciles, and are left to the check of the radius cap
    tercile = np.argsort(np.argsort(level, kind="stable"), kind="stable") * LEVEL_CELLS // len(frames)
    row = (quantile * QUANTILE_CELLS).astype(int).clip(0, QUANTILE_CELLS - 1)
    table = np.zeros((QUANTILE_CELLS, LEVEL_CELLS))
    np.add.at(table, (row, tercile), 1)
    return table


def _radius_cap(facts: Sequence[LabelFacts]) -> Check:
    """Share of the stacking groups that have the commonest blur: large for a cap, or for a single K."""
    groups = {(s.name, f.group): f.scale_level for s in facts for f in s.frames}
    radii = {(s.name, f.group, round(f.plane_quantile, 4)): f.radius_max_level for s in facts for f in s.frames}
    if len(groups) < FEWEST_GROUPS:
        return RADIUS_CAP.not_run(f"needs {FEWEST_GROUPS} stacking groups, got {len(groups)}")
    by_level, by_radius = (_commonest(list(values.values())) for values in (groups, radii))
    share, value, quantity = max((*by_level, "blur level"), (*by_radius, "largest radius"))
    values = groups if quantity == "blur level" else radii
    at_cap = Counter(key[0] for key, v in values.items() if abs(v - value) <= CAP_TOLERANCE * value)
    keys = worst({key: float(count) for key, count in at_cap.items()}) if share > RADIUS_CAP.bound else ()
    return RADIUS_CAP.measured(share, f"commonest {quantity}: {value:.3g} % of the long side", keys)


def _commonest(values: Sequence[float]) -> tuple[float, float]:
    """Share of the values within CAP_TOLERANCE above the commonest one, and that value."""
    ordered = np.sort(values)
    above = np.searchsorted(ordered, ordered * (1 + CAP_TOLERANCE), side="right")
    counts = above - np.arange(len(ordered))
    return float(counts.max() / len(ordered)), float(ordered[int(counts.argmax())])


def _depth_levels(facts: Sequence[LabelFacts]) -> Check:
    """Share of the samples whose depth has 8 bits or fewer: its steps become rings in the blur."""
    banded = {s.name: 1.0 / s.depth_levels for s in facts if s.is_banded}
    levels = [s.depth_levels for s in facts]
    return DEPTH_LEVELS.measured(
        len(banded) / len(facts),
        f"depth that climbs in stairs, 256 levels or fewer; fewest levels here {min(levels)}",
        worst(banded),
        {"fewest": min(levels), "median": float(median(levels))},
    )


def _splits(facts: Sequence[LabelFacts]) -> Check:
    """Pairs of samples in two splits with the same scene, the same photo, or photos that are near-duplicates."""
    if len({s.split for s in facts}) < 2:
        return SPLITS.not_run("there is only one split")
    pairs = dict.fromkeys(_near_duplicates(facts), "look")
    for reason, field in (("photo", "photo_sha256"), ("scene", "scene")):  # the plainest last
        members: dict[str, list[LabelFacts]] = defaultdict(list)
        for sample in facts:
            members[getattr(sample, field)].append(sample)
        for value, same in members.items():
            pairs |= {(a.name, b.name): reason for a, b in combinations(same, 2) if value and a.split != b.split}
    named = Counter(name for pair in pairs for name in pair)
    reasons = ", ".join(f"{count} by {reason}" for reason, count in sorted(Counter(pairs.values()).items())) or "none"
    return SPLITS.measured(
        float(len(pairs)),
        f"the same scene in two splits: {reasons}",
        worst({name: float(count) for name, count in named.items()}),
        {"pairs": [[*pair, reason] for pair, reason in sorted(pairs.items())[:20]]},
    )


def _near_duplicates(facts: Sequence[LabelFacts]) -> set[tuple[str, str]]:
    """Pairs of samples in two splits whose photos are near-duplicates, in the order of `facts`."""
    hashes = np.array([int(s.photo_hash, 16) for s in facts], np.uint64)
    split = np.unique([s.split for s in facts], return_inverse=True)[1]
    pieces = (zip(a.tolist(), b.tolist(), strict=True) for a, b in near_pairs(hashes, split))
    return {(facts[min(pair)].name, facts[max(pair)].name) for pair in chain.from_iterable(pieces)}
