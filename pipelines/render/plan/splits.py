"""train, val or test for each scene; near-duplicates and the photos of a group share a split.

A scene's split depends on a hash of its content alone, not on the seed or on other photos. The first photo of a family
decides for the family; where members of it are in the data set already, the new ones follow them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pipelines.render.photos.near_duplicates import families, sequence_links
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.seeds import uniform
from shards.record import SPLITS

LARGE_FAMILY = 1 / 5
"""Share of the photos from which on a family decides what a split holds."""


def split_of(scene_id: str, fractions: tuple[float, float, float]) -> str:
    """train, val or test: by the scene's own hash, with these expected shares."""
    place = uniform("split", scene_id)
    train, val, _ = fractions
    if place < train:
        return "train"
    return "val" if place < train + val else "test"


def families_of(photos: Sequence[PhotoSource], hashes: Mapping[str, str]) -> dict[str, str]:
    """scene_id -> the smallest scene_id of its family, for all photos of a data set.

    A family hangs together by near-duplicates, by neighbors in a folder that look alike, and by groups.

    Args:
        hashes: perceptual hashes by scene_id; none when near-duplicates are not looked for.
    """
    known = {photo.scene_id: hashes[photo.scene_id] for photo in photos if photo.scene_id in hashes}
    alone = {photo.scene_id: photo.scene_id for photo in photos}
    return alone | families(known, [*sequence_links(photos, known), *_group_links(photos)])


def splits_of(
    photos: Sequence[PhotoSource],
    family_of: Mapping[str, str],
    assigned: Mapping[str, str],
    fractions: tuple[float, float, float],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The split of each photo by scene_id, and the conflicting splits of photos that get none.

    Args:
        family_of: of these photos and of those in the data set, see `families_of`.
        assigned: the splits of scenes that are in the data set already.

    Returns:
        Splits; and the conflicting splits of photos whose family has scenes in several: in any split they would leak.
    """
    splits_of_family: dict[str, set[str]] = defaultdict(set)
    for scene_id, split in assigned.items():
        splits_of_family[family_of[scene_id]].add(split)
    splits, conflicting = {}, {}
    for photo in photos:
        family = family_of[photo.scene_id]
        near = sorted({assigned[photo.scene_id]} if photo.scene_id in assigned else splits_of_family[family])
        if len(near) > 1:
            conflicting[photo.scene_id] = near
        else:
            splits[photo.scene_id] = near[0] if near else split_of(family, fractions)
    return splits, conflicting


def split_warnings(
    photos: Sequence[PhotoSource],
    family_of: Mapping[str, str],
    splits: Mapping[str, str],
    fractions: tuple[float, float, float],
) -> list[str]:
    """One line for each split that has a share and no photo, and for a family with a fifth of the photos or more."""
    warnings = []
    for split, share in zip(SPLITS, fractions, strict=True):
        if share > 0 and split not in splits.values():
            warnings.append(
                f"split {split} has a share of {share:g} and none of the {len(photos)} photos; "
                "add photos or change --split-fractions"
            )
    members = Counter(family_of[photo.scene_id] for photo in photos)
    for family, count in members.most_common(1):
        if count > 1 and count >= LARGE_FAMILY * len(photos):
            first, second = [photo.name for photo in photos if family_of[photo.scene_id] == family][:2]
            warnings.append(
                f"{count} of the {len(photos)} photos look alike or are of one group, so all are in {splits[family]}: "
                f"{first}, {second}{', ...' if count > 2 else ''}; add other photos"
            )
    return warnings


def _group_links(photos: Iterable[PhotoSource]) -> list[tuple[str, str]]:
    """Each photo of a group with the group's first."""
    first: dict[str, str] = {}
    return [(first.setdefault(photo.group, photo.scene_id), photo.scene_id) for photo in photos if photo.group]
