"""train, val or test for each scene: by its content alone, with everything that looks like it.

A scene's split hangs on a hash of its content, so it is the same whatever else is in the data set and whatever its
seed. Near-duplicates go together, by the hash of the first of their family; where some of a family are in the data set
already, the others follow them.
"""

from __future__ import annotations

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
    settled: Mapping[str, str],
    fractions: tuple[float, float, float],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The split of each photo by scene_id, and the photos that have none.

    Args:
        hashes: perceptual hashes by scene_id, of these photos and of those in the data set.
        settled: the splits of scenes that are in the data set already.

    Returns:
        Splits; and for photos that look like scenes of several splits, those splits: wherever such a photo went, it
        would leak.
    """
    head = families(hashes)
    splits_of_family: dict[str, set[str]] = defaultdict(set)
    for scene_id, split in settled.items():
        splits_of_family[head.get(scene_id, scene_id)].add(split)
    assigned, torn = {}, {}
    for photo in photos:
        family = head.get(photo.scene_id, photo.scene_id)
        near = sorted({settled[photo.scene_id]} if photo.scene_id in settled else splits_of_family[family])
        if len(near) > 1:
            torn[photo.scene_id] = near
        else:
            assigned[photo.scene_id] = near[0] if near else split_of(family, fractions)
    return assigned, torn
