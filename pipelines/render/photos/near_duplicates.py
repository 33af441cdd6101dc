"""Photos that show nearly the same: resized, compressed, slightly cropped copies, and bursts.

Each photo has a 64-bit perceptual hash (signs of the lowest 8 x 8 DCT coefficients of its luminance). Two photos are
near-duplicates when their hashes differ in at most MAX_DISTANCE bits; a family is a connected component of such pairs.

Measured on three photos and 24 built-in scenes (2026-11-25): JPEG at quality 30, half size, gray, 1 % cropped from
every side, brightness x 1.2 and contrast x 1.25 stay within 6 bits; different scenes are 20 bits apart or more.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipelines.render.photos.decode import FORMATS, open_header, upright
from pipelines.render.photos.photo import PhotoSource, read_photo

MAX_DISTANCE = 6
"""Bits. With 6 of 64 different, two of the eight bytes are equal: that is how pairs are found without trying all."""
_DRAFT_PX = 128  # a JPEG decodes to a fraction of its size for next to nothing; the hash looks at 32 x 32
_THREADS = min(16, 2 * (os.cpu_count() or 1))


def perceptual_hashes(photos: Iterable[PhotoSource]) -> dict[str, str]:
    """16 hex digits for each scene_id; none for built-in scenes and for files that do not decode."""
    files = [photo for photo in photos if not photo.is_builtin]
    with ThreadPoolExecutor(_THREADS) as threads:
        hashes = threads.map(_hash_of_file, files)
        return {photo.scene_id: found for photo, found in zip(files, hashes, strict=True) if found}


def families(hashes: Mapping[str, str]) -> dict[str, str]:
    """scene_id -> the smallest scene_id of its family; a photo without near-duplicates is its own family."""
    scenes = sorted(hashes)
    first, second = near_pairs(np.array([int(hashes[scene], 16) for scene in scenes], np.uint64))
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(scenes),) * 2)
    _, component = connected_components(links, directed=False)
    head: dict[int, str] = {}
    return {scene: head.setdefault(int(c), scene) for scene, c in zip(scenes, component, strict=True)}


def near_pairs(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of all pairs that differ in at most MAX_DISTANCE bits; a pair may come more than once.

    If at most 6 of 64 bits differ, at least two of the eight bytes agree. So for each of the 28 choices of two bytes
    only those hashes are compared that agree in them: all pairs are found, and of n random hashes n^2 / 4681 compared.
    """
    count = len(hashes)
    found: list[NDArray[np.int64]] = [np.empty((2, 0), np.int64)]
    octets = hashes[:, None] >> (8 * np.arange(8, dtype=np.uint64)) & np.uint64(255)  # [n, 8]
    for i, j in combinations(range(8), 2):
        key = octets[:, i] << np.uint64(8) | octets[:, j]
        order = np.argsort(key, kind="stable")
        place, step = np.arange(count - 1), 1
        while len(place := place[place + step < count]) and len(
            place := place[
                key[order[place]] == key[order[place + step]]
            ]  # hashes are sorted by key: an unequal key ends a run
        ):
            pair = np.stack([order[place], order[place + step]])
            near = np.bitwise_count(hashes[pair[0]] ^ hashes[pair[1]]) <= MAX_DISTANCE
            found.append(pair[:, near])
            step += 1
    first, second = np.concatenate(found, axis=1)
    return first, second


def perceptual_hash(image: Image.Image) -> str:
    """Perceptual hash of an image, 16 hex digits."""
    return str(imagehash.phash(image.convert("L")))


def _hash_of_file(photo: PhotoSource) -> str:
    # Hostile bytes raise nearly anything. The decoder rejects such a photo later, with the reason.
    try:
        image = open_header(read_photo(photo), FORMATS)
        image.draft("L", (_DRAFT_PX, _DRAFT_PX))
        return perceptual_hash(upright(image, []))
    except Exception:
        return ""
