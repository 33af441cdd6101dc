"""Depth completion: disparity where it is unknown, from the known pixels around, guided by the photo.

Each unknown pixel takes the disparity of the known pixel at the smallest geodesic distance: the sum over a path of the
photo's color differences and a small cost for its length. So depth flows through a surface and stops at its outline.
Within each surface that comes out, the values are then smoothed (the Laplace equation), since slopes have no steps.
A known pixel on the near side of a depth edge counts as somewhat farther away: what a stereo camera cannot match beside
a silhouette is mostly background, which only one of its eyes saw.

Sources: Criminisi, Sharp & Blake 2008, "GeoS" (geodesic distance in images); Scharstein & Szeliski 2002 (occlusion).
"""

import cv2
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, diags_array
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import cg

Disparity = npt.NDArray[np.float32]  # [H, W]
Mask = npt.NDArray[np.bool_]  # [H, W]
Color = npt.NDArray[np.float32]  # [H, W, 3], display values in [0, 1]

_LENGTH_COST = 0.003  # of a step to the next pixel; colors differ by up to √3
_NEAR_COST = 0.03  # of a known pixel on the near side of an edge: as much as 10 px of path without contrast
_EDGE = 0.05  # of the known range: neighbors that differ by more lie on different surfaces
_REACH = 0.1  # of the short side: how far the far side of an edge is sought
_ITERATIONS = 200
_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # to half of the eight neighbors: each pair once


def completed(disparity: Disparity, known: Mask, srgb: npt.NDArray[np.uint8]) -> Disparity:
    """Disparity [H, W] with values at the pixels that are not `known`, within the range of the known ones.

    Args:
        disparity: its values where not known do not matter.
        srgb: [H, W, 3], the photo.

    Raises ValueError when no pixel is known.
    """
    if not known.any():
        raise ValueError("known must hold a pixel to fill the others from, got none")
    if known.all():
        return disparity
    low, high = float(disparity[known].min()), float(disparity[known].max())
    step = _EDGE * (high - low)
    color = (srgb / 255).astype(np.float32)
    surfaces = _nearest_known(disparity, known, color, step)
    return np.where(known, disparity, _smoothed(surfaces, known, step)).clip(low, high).astype(np.float32)


def _nearest_known(disparity: Disparity, known: Mask, color: Color, step: float) -> Disparity:
    """The disparity of the known pixel at the smallest geodesic distance from each unknown one."""
    rim = known & _dilated(~known)
    node = rim | ~known
    number = np.cumsum(node).reshape(node.shape) - 1
    extra = np.where(_near_side(disparity, known, rim, step), _NEAR_COST, 0.0)
    ends, costs = [], []
    for here, there, length in _pairs(known.shape):
        linked = node[here] & node[there] & ~(known[here] & known[there])
        contrast = np.linalg.norm(color[here] - color[there], axis=-1)
        cost = _LENGTH_COST * length + contrast + extra[here] + extra[there]
        ends.append((number[here][linked], number[there][linked]))
        costs.append(cost[linked])
    count = int(node.sum())
    graph = coo_array((np.concatenate(costs), tuple(map(np.concatenate, zip(*ends, strict=True)))), (count, count))
    *_, source = dijkstra(graph.tocsr(), directed=False, indices=number[rim], min_only=True, return_predecessors=True)
    result = disparity.copy()
    result[node] = disparity[node][source]
    return result


def _near_side(disparity: Disparity, known: Mask, rim: Mask, step: float) -> Mask:
    """Pixels of the rim that are nearer than a known pixel around by more than `step`."""
    reach = max(1, round(_REACH * min(known.shape)))
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    farthest = cv2.erode(np.where(known, disparity, np.float32(np.inf)), window)
    return np.asarray(rim & (disparity > farthest + step))


def _smoothed(surfaces: Disparity, known: Mask, step: float) -> Disparity:
    """The Laplace equation at the unknown pixels; neighbors that differ by more than `step` do not see each other."""
    unknown = ~known
    number = np.cumsum(unknown).reshape(unknown.shape) - 1
    count = int(unknown.sum())
    degree, right = np.full(count, 1e-6), 1e-6 * surfaces[unknown].astype(np.float64)
    rows, columns = [], []
    for here, there, length in _pairs(known.shape):
        linked = (np.abs(surfaces[here] - surfaces[there]) <= step) & (length == 1.0)
        for a, b in ((here, there), (there, here)):
            degree += np.bincount(number[a][linked & unknown[a]], minlength=count)
            fixed = linked & unknown[a] & known[b]
            right += np.bincount(number[a][fixed], surfaces[b][fixed], minlength=count)
            free = linked & unknown[a] & unknown[b]
            rows.append(number[a][free])
            columns.append(number[b][free])
    links = coo_array((np.ones(sum(map(len, rows))), (np.concatenate(rows), np.concatenate(columns))), (count, count))
    solution, _ = cg(diags_array(degree) - links, right, x0=surfaces[unknown], rtol=1e-5, maxiter=_ITERATIONS)
    result = surfaces.copy()
    result[unknown] = solution
    return result


def _pairs(shape: tuple[int, ...]) -> list[tuple[tuple[slice, slice], tuple[slice, slice], float]]:
    """Slices of all pixels and of their neighbors in four directions, with the distance between them in pixels."""
    height, width = shape
    pairs = []
    for down, right in _STEPS:
        here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (slice(down, height), slice(max(0, right), width - max(0, -right)))
        pairs.append((here, there, float(np.hypot(down, right))))
    return pairs


def _dilated(mask: Mask) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
