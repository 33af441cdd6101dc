"""Summary of the licenses of photos and depth weights for the users of a data set."""

import re
from dataclasses import dataclass

from .summary import DataSetSummary

# Depth models whose weights may not be used commercially; users must judge what that means for maps made with them.
_NON_COMMERCIAL_WEIGHTS = ("depth-anything-v2-base", "depth-anything-v2-large")
# Licenses of photos that have an identifier on the hub; any other is "other", never a guess.
_HUB_NAMES = {
    name: name.lower()
    for name in ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-3.0", "MIT", "Apache-2.0", "Unlicense")
}
OTHER = "other"
SYNTHETIC_DEPTH = "synthetic:"
"""Begin of a record's disparity source where depth is made up; the shape follows."""
SYNTHETIC_SHAPES = ("flat", "gradient", "center")
# The parts of a Creative Commons name, however it is written: CC-BY-NC-4.0, "CC BY-NC-ND 2.0", cc-by-nc-sa.
_NON_COMMERCIAL, _NO_DERIVATIVES, _SHARE_ALIKE = (re.compile(rf"\b{part}\b", re.I) for part in ("NC", "ND", "SA"))


@dataclass(frozen=True)
class LicenseSummary:
    """The licenses of all samples, summarized.

    Attributes:
        name: the license of all photos as the hub spells it; `other` if there are several or weights restrict use.
        photos: number of samples by the license of their photo; "" where none was stated.
        warnings: one sentence each, to read before publishing or using the data set.
    """

    name: str
    photos: dict[str, int]
    warnings: tuple[str, ...]


def summarize_licenses(summary: DataSetSummary) -> LicenseSummary:
    """The summary for these samples. Names are compared as written; nothing is guessed."""
    photos = dict(sorted(summary.licenses.items()))
    weights = sorted({source for _, source, _ in summary.disparity_sources if _restricted(source)})
    warnings = [
        *_warning(photos, "", "state no license: find out before you share them"),
        *_warning(photos, _NO_DERIVATIVES, "allow no derivatives, which blurred frames are: leave them out to share"),
        *_warning(photos, _NON_COMMERCIAL, "are for non-commercial use only"),
        *_warning(photos, _SHARE_ALIKE, "ask for the same license on what is made of them"),
        *_made_up_depth(summary),
        *(f"The weights of {source} are licensed for non-commercial use only." for source in weights),
    ]
    only = next(iter(photos)) if len(photos) == 1 else ""
    return LicenseSummary(OTHER if weights else _HUB_NAMES.get(only, OTHER), photos, tuple(warnings))


def _made_up_depth(summary: DataSetSummary) -> list[str]:
    """A sentence on samples of synthetic depth: nothing in them is at the distance that their labels say."""
    made_up = {SYNTHETIC_DEPTH + shape for shape in SYNTHETIC_SHAPES}
    count = sum(number for (_, source, _), number in summary.disparity_sources.items() if source in made_up)
    what = "have synthetic depth, a shape that knows nothing of the photo: for trials, not for training"
    return [f"{count} of {summary.samples} samples {what}."] if count else []


def _restricted(source: str) -> bool:
    return any(name in source.lower() for name in _NON_COMMERCIAL_WEIGHTS)


def _warning(photos: dict[str, int], part: str | re.Pattern[str], what: str) -> list[str]:
    """A sentence on the number of photos whose license has this part; "" matches photos without one."""
    holds = (lambda name: not name) if isinstance(part, str) else part.search
    count = sum(number for name, number in photos.items() if holds(name.replace("_", "-")))
    return [f"{count} of {sum(photos.values())} photos {what}."] if count else []
