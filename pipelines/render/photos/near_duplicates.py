"""Photos that show nearly the same: resized, compressed, slightly cropped copies, bursts, and the frames of a pan.

Each photo has a 64-bit perceptual hash (signs of the lowest 8 x 8 DCT coefficients of its luminance). Two photos are
near-duplicates when their hashes differ in at most MAX_DISTANCE bits; photos that follow each other in one folder also
when they differ in at most MAX_NEIGHBOR_DISTANCE. A family is a connected component of such pairs.

Measured on three photos and 24 built-in scenes (2026-11-25): JPEG at quality 30, half size, gray, 1 % cropped from
every side, brightness x 1.2 and contrast x 1.25 stay within 6 bits; different scenes are 20 bits apart or more. In
pans over three photos and 12 built-in scenes (2026-11-29), frames that overlap by 97 % with the next are 8 bits apart
in the median and 18 at most: at 6 bits each of the 15 pans breaks, at 16 one, at 20 none.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, combinations, pairwise

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.render.photos.decode import FORMATS, open_header
from pipelines.render.photos.exif import orientation_of, turned_upright
from pipelines.render.photos.photo import PhotoSource, read_photo

MAX_DISTANCE = 6
"""Bits. With 6 of 64 different, two of the eight bytes are equal: that is how pairs are found without trying all."""
MAX_NEIGHBOR_DISTANCE = 20
"""Bits, of photos that follow each other. Random hashes are 32 bits apart with a standard deviation of 4: three in a
thousand unrelated neighbors share a split without need, which costs nothing."""
_DRAFT_PX = 128  # a JPEG decodes to a fraction of its size for next to nothing; the hash looks at 32 x 32
_THREADS = min(16, 2 * (os.cpu_count() or 1))


def perceptual_hashes(photos: Iterable[PhotoSource]) -> dict[str, str]:
    """16 hex digits for each scene_id; none for built-in scenes and for files that do not decode."""
    files = [photo for photo in photos if not photo.is_builtin]
    with ThreadPoolExecutor(_THREADS) as threads:
        hashes = threads.map(_hash_of_file, files)
        return {photo.scene_id: found for photo, found in zip(files, hashes, strict=True) if found}


def families(hashes: Mapping[str, str], links: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """scene_id -> the smallest scene_id of its family; a photo without near-duplicates is its own family.

    Args:
        hashes: perceptual hashes by scene_id.
        links: pairs of scenes that are known to belong together, with a hash or without.
    """
    links = list(links)
    scenes = sorted({*hashes, *chain.from_iterable(links)})
    place = {scene: number for number, scene in enumerate(scenes)}
    hashed = np.array([place[scene] for scene in hashes], np.int64)
    values = np.array([int(text, 16) for text in hashes.values()], np.uint64)
    linked = np.array([(place[a], place[b]) for a, b in links], np.int64).reshape(-1, 2).T
    # A node for each scene and, behind them, one for each component of equal and near hashes.
    first = np.concatenate([hashed, linked[0]])
    second = np.concatenate([len(scenes) + _components(values), linked[1]])
    component = merged(np.arange(len(scenes) + len(hashes)), first, second)
    head: dict[int, str] = {}
    return {scene: head.setdefault(int(component[number]), scene) for number, scene in enumerate(scenes)}


def sequence_links(photos: Iterable[PhotoSource], hashes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of photos that follow each other in their folder and differ in at most MAX_NEIGHBOR_DISTANCE bits.

    Numbers in names count as numbers: `f9.jpg` comes before `f10.jpg`.
    """
    in_order = sorted((photo for photo in photos if photo.scene_id in hashes), key=lambda photo: _sequence(photo.name))
    return [
        (a.scene_id, b.scene_id)
        for a, b in pairwise(in_order)
        if a.name.rpartition("/")[0] == b.name.rpartition("/")[0]
        and (int(hashes[a.scene_id], 16) ^ int(hashes[b.scene_id], 16)).bit_count() <= MAX_NEIGHBOR_DISTANCE
    ]


def near_pairs(hashes: NDArray[np.uint64], labels: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Indices of all pairs with different labels that differ in at most MAX_DISTANCE bits: two arrays, piece by piece.

    No piece is longer than `hashes`, so memory stays linear however many pairs there are. A pair may come more than
    once. The caller may merge labels between the pieces; pairs whose labels became equal are not compared any more.

    If at most 6 of 64 bits differ, at least two of the eight bytes agree. So for each of the 28 choices of two bytes
    only those hashes are compared that agree in them: of n random hashes n^2 / 4681 pairs.
    """
    octets = hashes[:, None] >> (8 * np.arange(8, dtype=np.uint64)) & np.uint64(255)  # [n, 8]
    for i, j in combinations(range(8), 2):
        key = (octets[:, i] << np.uint64(8) | octets[:, j]).astype(np.int64)
        order = np.lexsort((labels, key))
        run, run_end = _runs(key[order][None])  # of equal keys
        _, block_end = _runs(np.stack([key, labels])[:, order])  # of equal labels in them
        places, step = _in_mixed_runs(np.arange(len(hashes)), run, labels[order]), 0
        while len(places := places[block_end[places] + step < run_end[places]]):
            first, second = order[places], order[block_end[places] + step]
            step += 1
            near = np.bitwise_count(hashes[first] ^ hashes[second]) <= MAX_DISTANCE
            near &= labels[first] != labels[second]
            if near.any():
                yield first[near], second[near]
                places = _in_mixed_runs(places, run, labels[order])


def merged(labels: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """The labels after each `first` and its `second` have got one label."""
    links = coo_array((np.ones(len(first), bool), (labels[first], labels[second])), shape=(len(labels),) * 2)
    return connected_components(links, directed=False)[1][labels].astype(np.int64)


def _components(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The number of each hash's family, below the number of hashes."""
    distinct, place = np.unique(hashes, return_inverse=True)
    labels = np.arange(len(distinct))
    for first, second in near_pairs(distinct, labels):
        labels[:] = merged(labels, first, second)
    return labels[place]


def _runs(keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For sorted keys [k, n]: the number of each place's run of equal columns, and the place behind that run."""
    begins = np.append(True, (np.diff(keys, axis=1) != 0).any(axis=0))[: keys.shape[1]]
    run = np.cumsum(begins) - 1
    return run, np.append(np.flatnonzero(begins), keys.shape[1])[run + 1]


def _in_mixed_runs(places: NDArray[np.int64], run: NDArray[np.int64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those places whose run holds more than one label."""
    if not len(places):
        return places
    begins = np.flatnonzero(np.diff(run, prepend=-1))
    mixed = np.minimum.reduceat(labels, begins) != np.maximum.reduceat(labels, begins)
    return places[mixed[run[places]]]


def _sequence(name: str) -> tuple[str, list[tuple[int, str]]]:
    """Sorts names by folder, then by their numbers and texts."""
    folder, _, file = name.rpartition("/")
    numbers = ((part.lstrip("0"), part) for part in re.findall(r"[0-9]+|[^0-9]+", file))
    return folder, [(len(digits), digits) if part[0] in "0123456789" else (-1, part) for digits, part in numbers]


def perceptual_hash(image: Image.Image) -> str:
    """Perceptual hash of an image, 16 hex digits."""
    return str(imagehash.phash(image.convert("L")))


def _hash_of_file(photo: PhotoSource) -> str:
    # Hostile bytes raise nearly anything. The decoder rejects such a photo later, with the reason.
    try:
        image = open_header(read_photo(photo), FORMATS)
        image.draft("L", (_DRAFT_PX, _DRAFT_PX))
        gray = turned_upright(np.asarray(image.convert("L")), orientation_of(image, []))
        return perceptual_hash(Image.fromarray(gray))
    except Exception:
        return ""
