"""Photos that show nearly the same: resized, compressed, slightly cropped copies, bursts, and the frames of a pan.

Each photo has a 64-bit perceptual hash (signs of the lowest 8 x 8 DCT coefficients of its luminance). Two photos are
near-duplicates when their hashes differ in at most MAX_DISTANCE bits; photos that follow each other in one folder also
when they differ in at most MAX_NEIGHBOR_DISTANCE. A family is a connected component of such pairs.

Measured on three photos and 24 built-in scenes (2026-11-25): JPEG at quality 30, half size, gray, 1 % cropped from
every side, brightness x 1.2 and contrast x 1.25 stay within 6 bits; different scenes are 20 bits apart or more. In
pans over three photos and 12 built-in scenes (2026-11-29), frames that overlap by 97 % with the next are 8 bits apart
in the median and 18 at most: at 6 bits each of the 15 pans breaks, at 16 one, at 20 none.
"""

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, pairwise
from math import comb, log2

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MAX_DISTANCE = 6
"""Bits. Of the 64 in MAX_DISTANCE + k blocks, k blocks are equal then: so pairs are found without trying all."""
MAX_NEIGHBOR_DISTANCE = 20
"""Bits, of photos that follow each other. Random hashes are 32 bits apart with a standard deviation of 4: three in a
thousand unrelated neighbors share a split without need, which costs nothing."""
_SORT_COST = 0.24
"""Time to sort a hash among n, over log2(n), by the time to compare a pair: from 10^6 random hashes, which take 11.7 s
with k = 2 and 14.0 s with k = 3 (CPU time, two-core AMD EPYC, 2026-11-29)."""


def families(
    scene_ids: NDArray[np.uint64], hashes: NDArray[np.uint64], has_hash: NDArray[np.bool_], links: NDArray[np.int64]
) -> NDArray[np.int64]:
    """For each photo the index of its family's head, the one with the smallest scene_id. [n]

    Args:
        scene_ids: [n]
        hashes: [n], perceptual hashes where `has_hash`; a photo without near-duplicates is its own family.
        links: [m, 2], indices of photos that are known to belong together, with a hash or without.
    """
    count, hashed = len(scene_ids), np.flatnonzero(has_hash)
    # A node for each photo and, behind them, one for each component of equal and near hashes.
    first = np.concatenate([hashed, links[:, 0]])
    second = np.concatenate([count + _components(hashes[hashed]), links[:, 1]])
    component = merged(np.arange(count + len(hashed)), first, second)[:count]
    order = np.argsort(scene_ids, kind="stable")
    _, at, family = np.unique(component[order], return_index=True, return_inverse=True)
    heads = np.empty(count, np.int64)
    heads[order] = order[at][family]
    return heads


def sequence_links(names: Sequence[str], hashes: NDArray[np.uint64], has_hash: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pairs of photos that follow each other in their folder and differ in at most MAX_NEIGHBOR_DISTANCE bits. [m, 2]

    Numbers in names count as numbers: `f9.jpg` comes before `f10.jpg`.
    """
    folders: dict[str, array[int]] = {}
    for place in np.flatnonzero(has_hash).tolist():
        folders.setdefault(names[place].rpartition("/")[0], array("q")).append(place)
    links = [np.empty((0, 2), np.int64)]
    for places in folders.values():
        order = np.array(sorted(places, key=lambda place: _numbers(names[place])), np.int64)
        first, second = order[:-1], order[1:]
        near = np.bitwise_count(hashes[first] ^ hashes[second]) <= MAX_NEIGHBOR_DISTANCE
        links.append(np.stack([first[near], second[near]], axis=1))
    return np.concatenate(links)


def group_links(groups: Iterable[str]) -> NDArray[np.int64]:
    """Each photo of a group with the group's first; "" is no group. [m, 2]"""
    first: dict[str, int] = {}
    links = [(first.setdefault(group, place), place) for place, group in enumerate(groups) if group]
    return np.array(links, np.int64).reshape(-1, 2)


def near_pairs(
    hashes: NDArray[np.uint64], labels: NDArray[np.int64], agreeing: int | None = None
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    """Indices of all pairs with different labels that differ in at most MAX_DISTANCE bits: two arrays, piece by piece.

    No piece is longer than `hashes`, so memory stays linear however many pairs there are. A pair may come more than
    once. The caller may merge labels between the pieces; pairs whose labels became equal are not compared any more.

    The 64 bits are cut into MAX_DISTANCE + k blocks. If at most MAX_DISTANCE bits differ, at least k blocks agree, so
    for each choice of k blocks only those hashes are compared that agree in them. With more hashes a larger k pays:
    more sorting and fewer comparisons (`agreeing` overrides the choice).
    """
    for bits in _agreeing_bits(agreeing or _best_agreeing(len(hashes))):
        key = (hashes & bits).view(np.int64)
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


def _best_agreeing(count: int) -> int:
    """The number of agreeing blocks with the least work for random hashes: sorting, and pairs that agree."""

    def work(agreeing: int) -> float:
        blocks = MAX_DISTANCE + agreeing
        agree = count / 2 ** (64 * agreeing / blocks)  # hashes that agree with one
        return comb(blocks, agreeing) * (_SORT_COST * log2(count + 1) + agree / 2)

    return min((2, 3, 4), key=work)


def _agreeing_bits(agreeing: int) -> list[np.uint64]:
    """The bits of each choice of `agreeing` of MAX_DISTANCE + `agreeing` blocks."""
    edges = [64 * i // (MAX_DISTANCE + agreeing) for i in range(MAX_DISTANCE + agreeing + 1)]
    blocks = [(1 << high) - (1 << low) for low, high in pairwise(edges)]
    return [np.uint64(sum(chosen)) for chosen in combinations(blocks, agreeing)]


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


def _numbers(name: str) -> list[tuple[int, str]]:
    """Sorts the files of a folder by the numbers and texts in their names."""
    numbers = ((part.lstrip("0"), part) for part in re.findall(r"[0-9]+|[^0-9]+", name.rpartition("/")[2]))
    return [(len(digits), digits) if part[0] in "0123456789" else (-1, part) for digits, part in numbers]
