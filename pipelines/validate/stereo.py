"""Hidden content against real pixels: the right view of a stereo pair shows what the left one hides.

    left + disparity ──layers──▶ visible, hidden ──second_view──▶ right view ─┬─▶ PSNR where the left sees nothing
    right ────────────────────────────────────────────────────────────────────┘

All methods share the visible surfaces and differ in what they put behind them. Counted are strips beside a measured
step of disparity: their pixels are seen by the right camera alone.
`python -m pipelines.validate.stereo DIR` prints the table.
Letters: d disparity in pixels, bigger is nearer: a point at x in the left view lies at x − d in the right one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor
from tyro.conf import Positional

from pipelines.errors import Rejection, UserError, one_line, require
from pipelines.measure.rendering_error import displayed
from pipelines.pictures.srgb8 import from_srgb8, to_srgb8
from pipelines.render.depth.completion import completed
from pipelines.render.depth.file import read_depth_file
from pipelines.render.photos.content import read_photo
from pipelines.render.photos.decode import decode_photo
from pipelines.runs.markdown import markdown_table
from pipelines.validate.second_view import second_view
from simulator.layers.layering import from_photo
from simulator.layers.ldi import LayeredDepthImage

WIDTHS_PX = (2, 4, 8, 16, 32, 64, 512)
"""Bounds of the classes of strips, by their width in the right view."""
ANY_WIDTH = (WIDTHS_PX[0], WIDTHS_PX[-1])
LONG_SIDE = 1024
_MOST_UNKNOWN = 0.25
"""Of the width of a strip, in pixels of the left view between its ends: so many of its pixels may be seen by both."""
_FREE = 0.5  # of a pixel: less of it covered by visible surfaces is free
_SILHOUETTE = 1 / 24  # of the range of disparity, as simulator.layers.layering has it
Width = tuple[int, int]


@dataclass(frozen=True)
class StereoPair:
    """A rectified pair in linear light.

    left, right: [3, H, W]. disparity: [H, W] of the left view in pixels, complete. known: [H, W] where it was measured.
    """

    name: str
    left: Tensor
    right: Tensor
    disparity: Tensor
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class RightView:
    """The right view by the left one: with its hidden content by method, and what is true for all of them.

    by_method: [3, H, W] in linear light. is_free: [H, W], visible surfaces cover less than half of the pixel.
    disparity: [H, W] of the nearest surface that covers half of a quarter of the pixel.
    """

    by_method: dict[str, Tensor]
    is_free: Tensor
    disparity: Tensor


@dataclass(frozen=True)
class HiddenPixels:
    """PSNR in dB on the display, by method and by width of the strip in pixels, from and below.

    seen_by_both: of the pixels that both views see: what resampling, gloss and errors of the disparity cost.
    """

    name: str
    pixels: dict[Width, int]
    psnr: dict[str, dict[Width, float]]
    seen_by_both: float


def measure(pair: StereoPair) -> HiddenPixels:
    """All methods on one pair. Raises UserError when the left view hides nothing."""
    view = right_view(pair)
    strip_px = hidden_strips(view, pair.known)
    widths = [ANY_WIDTH, *pairwise(WIDTHS_PX)]
    masks = {width: torch.from_numpy((strip_px >= width[0]) & (strip_px < width[1])) for width in widths}
    masks = {width: mask for width, mask in masks.items() if mask.any()}
    if not masks:
        raise UserError(f"stereo pair {pair.name} must have hidden pixels beside steps of its disparity, it has none")
    truth = displayed(pair.right)
    errors = {method: (displayed(right) - truth).square().mean(0) for method, right in view.by_method.items()}
    return HiddenPixels(
        pair.name,
        {width: int(mask.sum()) for width, mask in masks.items()},
        {method: {width: _psnr(error[mask]) for width, mask in masks.items()} for method, error in errors.items()},
        _psnr(errors["ours"][~view.is_free & _is_measured(view, pair.known)]),
    )


def _is_measured(view: RightView, known: NDArray[np.bool_]) -> Tensor:
    """Where the surface that the right view shows has measured disparity, [H, W]."""
    width = known.shape[1]
    source = (torch.arange(width) + view.disparity).round().long().clamp(0, width - 1)
    return torch.from_numpy(known).gather(1, source)


def right_view(pair: StereoPair) -> RightView:
    """What the right camera sees of the surfaces of the left photo."""
    layers = from_photo(pair.left, pair.disparity, max_radius_px=1.0)
    surfaces = layers.depth_image()
    step = _SILHOUETTE * (layers.disparity_range[1] - layers.disparity_range[0])
    visible = LayeredDepthImage(surfaces.color[:2], surfaces.coverage[:2], surfaces.disparity[:2])
    light, share, disparity = second_view(visible, step)
    with_hidden, full_share, _ = second_view(surfaces, step)
    is_free = share < _FREE
    seen = light / share.clamp(min=_FREE)
    far = _nearest_far(seen, is_free)
    views = {
        "ours": with_hidden + (1 - full_share) * far,
        "nearest far pixel": light + (1 - share) * far,
        "Telea inpainting": light + (1 - share) * _telea(seen, is_free),
    }
    return RightView(views, is_free, disparity)


def hidden_strips(view: RightView, known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Width in pixels of the strip that each pixel of the right view lies in, [H, W]; 0 for pixels in none.

    A strip is a run of free pixels in a row whose left end is nearer. Between its ends, brought back to the left view,
    disparity must be measured: a pixel where it is not may belong into the strip, and lie elsewhere by mistake.
    """
    is_free, disparity = view.is_free.numpy(), view.disparity.numpy()
    strips = np.zeros(is_free.shape, np.int64)
    for y, row in enumerate(is_free):
        bounds = np.flatnonzero(np.diff(row, prepend=False, append=False))
        for first, end in bounds.reshape(-1, 2):
            if first == 0 or end == len(row):
                continue
            near, far = disparity[y, first - 1], disparity[y, end]
            ends = sorted((first - 1 + near, end + far))  # rims of the far side reach into the strip
            unknown = ~known[y, max(0, int(ends[0]) - 1) : int(np.ceil(ends[1])) + 2]
            if near > far and unknown.sum() <= _MOST_UNKNOWN * (end - first):
                strips[y, first:end] = end - first
    return strips


def read_pairs(folder: Path) -> Iterator[StereoPair]:
    """Pairs of a folder: NAME_left.png, NAME_right.png, NAME_disp.npz; or NAME/im0.png, im1.png, disp0.pfm.

    The first is the form of scikit-image's Motorcycle, the second that of Middlebury 2014. Raises UserError when there
    is none, or one cannot be read.
    """
    flat = [(left.name.removesuffix("_left.png"), left) for left in sorted(folder.glob("*_left.png"))]
    found = [(n, left, folder / f"{n}_right.png", folder / f"{n}_disp.npz") for n, left in flat]
    nested = sorted(folder.glob("*/im0.png"))
    found += [(im0.parent.name, im0, im0.with_name("im1.png"), im0.with_name("disp0.pfm")) for im0 in nested]
    require(bool(found), f"--stereo {folder}", "hold NAME_left.png or NAME/im0.png", "neither")
    return (_read(*pair) for pair in found)


def _read(name: str, left: Path, right: Path, disparity: Path) -> StereoPair:
    try:
        return _decoded(name, left, right, disparity)
    except (Rejection, ValueError) as error:
        way_out = "mend it or take it out of the folder of --stereo"
        raise UserError(f"stereo pair {left} cannot be used: {one_line(error)}; {way_out}") from error


def _decoded(name: str, left: Path, right: Path, disparity: Path) -> StereoPair:
    views = [decode_photo(read_photo(str(path)), long_side=LONG_SIDE).srgb for path in (left, right)]
    if views[0].shape != views[1].shape:
        raise ValueError(f"both views must have one size, got {views[0].shape} and {views[1].shape}")
    stored = read_depth_file(disparity).values.astype(np.float32)
    height, width = views[0].shape[:2]
    size_px = stored.shape[1]
    stored = cv2.resize(stored, (width, height), interpolation=cv2.INTER_NEAREST) * np.float32(width / size_px)
    known = np.isfinite(stored) & (stored > 0)
    complete = torch.from_numpy(completed(np.where(known, stored, 0), known, views[0]))
    return StereoPair(name, from_srgb8(views[0]), from_srgb8(views[1]), complete, known)


def markdown(rows: Sequence[HiddenPixels]) -> str:
    """One line a pair and width of strips; the mean and the worst of each pair's classes are the last two."""
    methods = list(rows[0].psnr)
    lines = []
    for row in rows:
        for width, pixels in row.pixels.items():
            name = "all" if width == ANY_WIDTH else f"{width[0]} to {width[1] - 1} px"
            lines.append([row.name, name, str(pixels), *(f"{row.psnr[m][width]:.1f}" for m in methods)])
        lines.append([row.name, "seen by both views", "", f"{row.seen_by_both:.1f}"] + [""] * (len(methods) - 1))
    return markdown_table(["hidden pixels", "width of the strip", "pixels", *methods], lines)


def to_json(rows: Sequence[HiddenPixels]) -> dict[str, object]:
    """By pair: pixels, PSNR by method and width ("4-8": from 4 to below 8 px), PSNR of what both views see."""

    def named(by_width: dict[Width, int] | dict[Width, float]) -> dict[str, float]:
        return {f"{low}-{high}": value for (low, high), value in by_width.items()}

    return {
        row.name: {
            "pixels": named(row.pixels),
            "psnr": {method: named(values) for method, values in row.psnr.items()},
            "seen_by_both": row.seen_by_both,
        }
        for row in rows
    }


def _nearest_far(seen: Tensor, is_free: Tensor) -> Tensor:
    """The color of the next pixel to the right: strips lie right of what hides them. [3, H, W]."""
    width = is_free.shape[1]
    column = torch.arange(width).expand_as(is_free)
    following = torch.where(is_free, width - 1, column).flip(1).cummin(1).values.flip(1)
    return seen.gather(2, following.expand_as(seen))


def _telea(seen: Tensor, is_free: Tensor) -> Tensor:
    """Telea 2004, of 8-bit display values, from all sides."""
    hole = is_free.numpy().astype(np.uint8)
    return from_srgb8(np.asarray(cv2.inpaint(to_srgb8(seen[None])[0], hole, 3.0, cv2.INPAINT_TELEA)))


def _psnr(squared_error: Tensor) -> float:
    return float(-10 * torch.log10(squared_error.mean()))


def main(folder: Positional[Path], pictures: Path | None = None) -> None:
    """Print the table of a folder of stereo pairs; pictures: folder for the right views, guessed and real."""
    torch.set_num_threads(1)
    rows = []
    for pair in read_pairs(folder):
        rows.append(measure(pair))
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            view = right_view(pair)
            for name, picture in {**view.by_method, "real": pair.right}.items():
                file = pictures / f"{pair.name}_{name.split()[0]}.png"
                cv2.imwrite(str(file), to_srgb8(picture[None])[0][..., ::-1])
    print(markdown(rows))


if __name__ == "__main__":
    tyro.cli(main)
