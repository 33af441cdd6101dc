"""train, val or test for each scene; near-duplicates share a split.

A scene's split depends on a hash of its content alone, not on the seed or on other photos. The first photo of a family
of near-duplicates decides for the family; where members of it are in the data set already, the new ones follow them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from pipelines.render.photos.near_duplicates import families
from pipelines.render.photos.photo import PhotoSource
from pipelines.render.seeds import uniform


def split_of(scene_id: str, fractions: tuple[float, float, float]) -> str:
    """train, val or test: by the scene's own hash, with these expected shares."""
    place = uniform("split", scene_id)
    train, val, _ = fractions
    if place < train:
        return "train"
    return "val" if place < train + val else "test"


def splits_of(
    photos: Sequence[PhotoSource],
    hashes: Mapping[str, str],
    assigned: Mapping[str, str],
    fractions: tuple[float, float, float],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The split of each photo by scene_id, and the conflicting splits of photos that get none.

    Args:
        hashes: perceptual hashes by scene_id, of these photos and of those in the data set.
        assigned: the splits of scenes that are in the data set already.

    Returns:
        Splits; and the conflicting splits of photos that look like scenes of several: in any split they would leak.
    """
    family_of = families(hashes)
    splits_of_family: dict[str, set[str]] = defaultdict(set)
    for scene_id, split in assigned.items():
        splits_of_family[family_of.get(scene_id, scene_id)].add(split)
    splits, conflicting = {}, {}
    for photo in photos:
        family = family_of.get(photo.scene_id, photo.scene_id)
        near = sorted({assigned[photo.scene_id]} if photo.scene_id in assigned else splits_of_family[family])
        if len(near) > 1:
            conflicting[photo.scene_id] = near
        else:
            splits[photo.scene_id] = near[0] if near else split_of(family, fractions)
    return splits, conflicting
