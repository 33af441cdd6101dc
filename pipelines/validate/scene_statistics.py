"""Image statistics of the built-in scenes beside those of real photos: `python -m pipelines.validate.scene_statistics`.

Of sRGB luma in [0, 1] (Rec. 709), of each picture, then the mean over pictures:
    slope          of log power over log frequency, power averaged over rings of log-spaced frequency under a Hann
                   window, from 3 cycles a short side to 0.5 cycles a pixel; natural photos have about −2
    fine slope     the same from 0.25 to 0.5 cycles a pixel
    flat           share of pixels whose luma differs by less than 1/255 from the next one, both right and down
    kurtosis       of the differences between horizontal neighbors; normal noise has 3
    dark           share of pixels below 3 % of white (0.03 of luma)
Of disparity in [0, 1], bigger is nearer:
    near low       share of pictures whose nearest tenth of pixels lies mostly in the lower half
    far            share of pixels below 0.1
    place          share of the variance of maps of 32 × 48 that the kind and the position together explain: each
                   map is predicted by the mean of the other maps of its kind (below 0: worse than the overall mean)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro
from numpy.typing import NDArray
from scipy.stats import kurtosis

from pipelines.pictures.srgb8 import to_srgb8
from pipelines.runs.markdown import markdown_table
from simulator.scenes.catalog import builtin_scene

Map = NDArray[np.float64]

LONG_SIDE, SHORT_SIDE = 384, 256  # of the built-in scenes; photos are resized to the same longer side
_RINGS = 24
_LUMA = np.array([0.2126, 0.7152, 0.0722])


@dataclass(frozen=True)
class Picture:
    """Luma [H, W] of sRGB values in [0, 1], disparity [H, W] in [0, 1] (NaN where unknown), and the kind of scene."""

    luma: Map
    disparity: Map
    kind: str


def builtin_picture(seed: int, height: int = SHORT_SIDE, width: int = LONG_SIDE) -> Picture:
    """The built-in scene `seed`, all in focus."""
    built = builtin_scene(seed, height=height, width=width)
    image, disparity = built.layers.photo()
    return Picture(to_srgb8(image[None])[0] @ _LUMA / 255.0, disparity.double().numpy(), built.kind)


def photo_picture(photo: Path, disparity: Path) -> Picture:
    """A photo and its map, a 16-bit PNG or the array `arr_0` of an npz, area-resized; disparity scaled to [0, 1]."""
    srgb, known = cv2.imread(str(photo)), _disparity(disparity)
    if srgb is None:
        raise ValueError(f"photo must be a readable picture, got {photo}; give another path")
    scale = LONG_SIDE / max(srgb.shape[:2])
    size = (round(srgb.shape[1] * scale), round(srgb.shape[0] * scale))
    luma = cv2.resize(srgb, size, interpolation=cv2.INTER_AREA)[..., ::-1] @ _LUMA / 255.0
    low, high = np.nanpercentile(known, (0.5, 99.5))
    near = cv2.resize(known, size, interpolation=cv2.INTER_NEAREST)
    return Picture(luma, np.clip((near - low) / (high - low), 0.0, 1.0), "photo")


def _disparity(path: Path) -> Map:
    values = np.load(path)["arr_0"] if path.suffix == ".npz" else cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ValueError(f"disparity must be a readable PNG or npz, got {path}; give another path")
    return np.where(np.isfinite(values), values, np.nan).astype(np.float64)


def spectrum_slope(luma: Map, lowest: float = 0.0, highest: float = 0.5) -> float:
    """Exponent of power over frequency between two frequencies, in cycles a pixel; see the module for the rings."""
    height, width = luma.shape
    window = np.hanning(height)[:, None] * np.hanning(width)
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    edges = np.geomspace(max(lowest, 3.0 / min(height, width)), highest, _RINGS + 1)
    ring = np.digitize(frequency, edges).ravel()
    count, total, middle = (
        np.bincount(ring, weights.ravel(), _RINGS + 2)[1:-1]
        for weights in (np.ones_like(power), power, np.log(frequency + 1e-9))
    )
    filled = count > 0
    return float(np.polyfit(middle[filled] / count[filled], np.log(total[filled] / count[filled] + 1e-12), 1)[0])


def flat_share(luma: Map) -> float:
    right, down = np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1]
    return float((np.maximum(abs(right), abs(down)) < 1.0 / 255.0).mean())


def gradient_kurtosis(luma: Map) -> float:
    return float(kurtosis(np.diff(luma, axis=1), axis=None, fisher=False))


def lies_low(disparity: Map) -> bool:
    """True if most pixels of the nearest tenth lie in the lower half."""
    nearest = disparity >= np.nanpercentile(disparity, 90)
    return bool(nearest[disparity.shape[0] // 2 :].sum() > 0.5 * nearest.sum())


def place_share(maps: Sequence[tuple[str, Map]]) -> float:
    """Variance explained by kind and position, of (kind, map [H, W]); NaN where no kind has two maps."""
    small = [(kind, cv2.resize(values, (48, 32), interpolation=cv2.INTER_AREA)) for kind, values in maps]
    mean = np.mean([values for _, values in small]) if small else np.nan
    residual = total = 0.0
    for kind in {kind for kind, _ in small}:
        stack = np.stack([values for other, values in small if other == kind])
        if (n := len(stack)) > 1:
            others = (stack.sum(0) - stack) / (n - 1)
            residual += float(((stack - others) ** 2).sum())
            total += float(((stack - mean) ** 2).sum())
    return 1.0 - residual / total if total else np.nan


def statistics(name: str, pictures: Sequence[Picture]) -> list[str]:
    """One row of the table."""
    lumas, maps = [p.luma for p in pictures], [p.disparity for p in pictures]
    columns = (
        ("{:.2f}", [spectrum_slope(luma) for luma in lumas]),
        ("{:.2f}", [spectrum_slope(luma, lowest=0.25) for luma in lumas]),
        ("{:.1%}", [flat_share(luma) for luma in lumas]),
        ("{:.1f}", [gradient_kurtosis(luma) for luma in lumas]),
        ("{:.1%}", [float((luma < 0.03).mean()) for luma in lumas]),
        ("{:.0%}", [lies_low(values) for values in maps]),
        ("{:.0%}", [float((values[np.isfinite(values)] < 0.1).mean()) for values in maps]),
    )
    place = place_share([(p.kind, p.disparity) for p in pictures if np.isfinite(p.disparity).all()])
    return [name, *(form.format(np.mean(values)) for form, values in columns), f"{place:.2f}"]


def table(scenes: Sequence[Picture], photos: Sequence[Picture]) -> str:
    """Markdown: all scenes, each kind, all photos."""
    kinds = dict.fromkeys(p.kind for p in scenes)
    groups = [("built-in scenes", scenes), *((kind, [p for p in scenes if p.kind == kind]) for kind in kinds)]
    head = ["", "slope", "fine slope", "flat", "kurtosis", "dark", "near low", "far", "place"]
    return markdown_table(head, [statistics(name, group) for name, group in [*groups, ("photos", photos)] if group])


def main(photos: Path, stereo: Path, count: int = 40) -> None:
    """Print the table; photos: folder of STEM.jpg with STEM.disparity.png; stereo: folder of the Motorcycle pair."""
    pairs = [(photo, photo.with_suffix(".disparity.png")) for photo in sorted(photos.glob("*.jpg"))]
    pairs.append((stereo / "motorcycle_left.png", stereo / "motorcycle_disp.npz"))
    print(table([builtin_picture(seed) for seed in range(count)], [photo_picture(*pair) for pair in pairs]))


if __name__ == "__main__":
    tyro.cli(main)
