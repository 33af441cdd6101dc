"""train, val or test for each scene; near-duplicates and the photos of a group share a split.

A scene's split depends on a hash of its content alone, not on the seed or on other photos. The first photo of a family
decides for the family; where members of it are in the data set already, the new ones follow them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.render.photos.near_duplicates import families, group_links, sequence_links
from pipelines.render.photos.table import PhotoTable
from pipelines.render.seeds import uniform
from pipelines.runs.disk import counted
from shards.record import SPLITS

UNASSIGNED = -1
"""Instead of an index in SPLITS."""
LARGE_FAMILY = 1 / 5
"""Share of the photos from which on a family decides what a split holds."""


def split_of(scene_id: str, fractions: tuple[float, float, float]) -> str:
    """train, val or test: by the scene's own hash, with these expected shares."""
    place = uniform("split", scene_id)
    train, val, _ = fractions
    if place < train:
        return "train"
    return "val" if place < train + val else "test"


def families_of(photos: PhotoTable) -> NDArray[np.int64]:
    """For each photo the index of its family's head, the one with the smallest scene_id. [n]

    A family hangs together by near-duplicates, by neighbors in a folder that look alike, and by groups. A photo without
    a perceptual hash has no near-duplicates.
    """
    hashes, has_hash = photos.near_hashes, photos.has_near_hash
    links = np.concatenate([sequence_links(photos.names, hashes, has_hash), group_links(photos.groups)])
    return families(photos.scene_ids, hashes, has_hash, links)


def splits_of(
    photos: PhotoTable,
    new: NDArray[np.int64],
    family_of: NDArray[np.int64],
    assigned: NDArray[np.int8],
    fractions: tuple[float, float, float],
) -> tuple[NDArray[np.int8], dict[int, list[str]]]:
    """The splits of photos that are to be planned.

    Args:
        photos: these and those in the data set.
        new: [m], indices of those that are to be planned.
        family_of: [n], see `families_of`.
        assigned: [n], indices in SPLITS of photos that are in the data set already, else UNASSIGNED.

    Returns:
        [m], an index in SPLITS each, or UNASSIGNED for photos whose family has scenes in several splits: in any they
        would leak. And the splits of such a family, by index of the photo.
    """
    has_split = assigned != UNASSIGNED
    bits = np.where(has_split, 1 << np.maximum(assigned, 0), 0).astype(np.uint8)  # [n], of one split each
    of_family = np.zeros(len(photos), np.uint8)
    np.bitwise_or.at(of_family, family_of, bits)
    near = np.where(has_split[new], bits[new], of_family[family_of[new]])  # [m]
    splits = np.full(len(new), UNASSIGNED, np.int8)
    for split in range(len(SPLITS)):
        splits[near == 1 << split] = split
    free, ids = near == 0, photos.scene_ids
    heads, head_of = np.unique(family_of[new[free]], return_inverse=True)
    drawn = [SPLITS.index(split_of(f"{ids[head]:016x}", fractions)) for head in heads]
    splits[free] = np.array(drawn, np.int8)[head_of] if drawn else UNASSIGNED
    several = np.flatnonzero(np.bitwise_count(near) > 1).tolist()
    names = sorted((split, 1 << i) for i, split in enumerate(SPLITS))
    return splits, {int(new[i]): [split for split, bit in names if near[i] & bit] for i in several}


def split_warnings(
    names: Sequence[str],
    family_of: NDArray[np.int64],
    splits: NDArray[np.int8],
    fractions: tuple[float, float, float],
) -> list[str]:
    """One line for the splits that have a share and no photo, and one for a family with a fifth of the photos or more.

    Args:
        names, family_of, splits: of all photos; those that are UNASSIGNED do not count.
    """
    planned = np.flatnonzero(splits != UNASSIGNED)
    warnings = []
    shares = enumerate(zip(SPLITS, fractions, strict=True))
    if empty := [split for index, (split, share) in shares if share > 0 and not (splits == index).any()]:
        among = f"none of the {counted(len(planned), 'photo')} is in {' or '.join(empty)}"
        warnings.append(f"{among}; add photos or change --split-fractions")
    members = np.bincount(family_of[planned], minlength=1)
    family, count = int(members.argmax()), int(members.max())
    if count > 1 and count >= LARGE_FAMILY * len(planned):
        first, second = [names[i] for i in planned[family_of[planned] == family][:2]]
        warnings.append(
            f"{count} of the {len(planned)} photos look alike or are of one group, so all are in "
            f"{SPLITS[splits[planned[family_of[planned] == family][0]]]}: "
            f"{first}, {second}{', ...' if count > 2 else ''}; add other photos"
        )
    return warnings
