"""Built-in scenes, whose layers are known: `fast` from layers and from photo and disparity, both against `exact`.

Silhouettes: within 2 px of the outline of something blurred by 8 px or more, a frame must not hold the photo's fine
detail. The figure is the correlation of both, after a band pass; `exact` has one of its own, as what is behind an
outline may be in focus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch.nn.functional as F
from torch import Tensor

from pipelines.measure.rendering_error import displayed, psnr
from pipelines.validate.checks.check import Check
from simulator import Scene, ThinLens
from simulator.scenes.catalog import builtin_scene

FRAMES = ((0.25, 6.0), (0.75, 6.0), (0.5, 16.0), (0.95, 16.0))
"""D_f, and K in percent of the width."""
MEAN_BAR_DB = 40.0
_BLURRED_PX, _NEAR_OUTLINE_PX, _STEP_PX = 8.0, 2, 4.0
_FEWEST_PIXELS = 200  # a correlation over fewer says nothing


@dataclass(frozen=True)
class KnownLayers:
    """One frame of a kind: PSNR against `exact` (dB), and correlation of fine detail with the photo at silhouettes.

    Detail is None where no silhouette is blurred by 8 px.
    """

    kind: str
    lens: ThinLens
    layers_db: float
    photo_db: float
    detail: tuple[float, float, float] | None
    """From layers, from photo and disparity, exact."""


def known_layers(
    kind: str, *, height: int = 128, width: int = 192, seed: int = 0, frames: Sequence[tuple[float, float]] = FRAMES
) -> list[KnownLayers]:
    """One record a frame."""
    lenses = [ThinLens(focus, percent * width / 100) for focus, percent in frames]
    margin = 8 + int(max(lens.blur_scale_px for lens in lenses))
    layers = builtin_scene(seed, height=height, width=width, kind=kind, margin_px=margin).layers
    image, disparity = layers.photo()
    near, far = (float(d) for d in layers.disparity[layers.coverage > 0].aminmax())
    reach = max(lens.blur_scale_px * abs(d - lens.focus_disparity) for lens in lenses for d in (near, far))
    from_layers = Scene.from_layers(layers, reach)
    rendered = (
        from_layers.render(lenses),
        Scene.from_rgbd(image, disparity, reach).render(lenses),
        from_layers.render(lenses, quality="exact"),
    )
    border = 8  # light from beyond the frame is known to layers alone
    rows = []
    for lens, fast, photo, exact in zip(lenses, *rendered, strict=True):
        inner = (slice(None), slice(border, height - border), slice(border, width - border))
        where = blurred_silhouettes(disparity, lens)
        detail = None
        if int(where.sum()) >= _FEWEST_PIXELS:
            of_layers, of_photo, of_exact = (detail_correlation(frame, image, where) for frame in (fast, photo, exact))
            detail = (of_layers, of_photo, of_exact)
        rows.append(KnownLayers(kind, lens, psnr(fast[inner], exact[inner]), psnr(photo[inner], exact[inner]), detail))
    return rows


def blurred_silhouettes(disparity: Tensor, lens: ThinLens) -> Tensor:
    """Pixels [H, W] within 2 px of a depth step whose near side is in front of the focus and blurred by 8 px."""
    near, far = _dilated(disparity, 1), -_dilated(-disparity, 1)
    blurred = lens.defocus_px(near) >= _BLURRED_PX
    step = blurred & (lens.blur_scale_px * (near - far) >= _STEP_PX)
    return _dilated(step.float(), _NEAR_OUTLINE_PX) > 0


def detail_correlation(frame: Tensor, photo: Tensor, where: Tensor) -> float:
    """Pearson's correlation of the two pictures' fine detail (wavelengths up to about 6 px) over `where`."""
    a, b = (_detail(displayed(picture).mean(0))[where] for picture in (frame, photo))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()).clamp(min=1e-12))


def checks_of(rows: Sequence[KnownLayers]) -> list[Check]:
    """Of all frames of one kind: loss against photo and disparity, mean PSNR, detail beyond that of `exact`."""
    kind = rows[0].kind
    worst = max(rows, key=lambda row: row.photo_db - row.layers_db)
    loss, mean = worst.photo_db - worst.layers_db, fmean(row.layers_db for row in rows)
    weakest = min(rows, key=lambda row: row.layers_db)
    checks = [
        Check(
            f"known layers below photo and disparity, {kind}",
            loss,
            "dB",
            "at most",
            0.0,
            f"{_named(worst.lens)}: {worst.layers_db:.1f} against {worst.photo_db:.1f} dB",
        ),
        Check(
            f"known layers against exact, mean, {kind}",
            mean,
            "dB",
            "at least",
            MEAN_BAR_DB,
            f"{_named(weakest.lens)}: {weakest.layers_db:.1f} dB",
        ),
    ]
    for index, route in ((0, "layers"), (1, "photo")):
        details = [(row.detail[index], row.detail[2], row.lens) for row in rows if row.detail is not None]
        if details:
            ours, exact, lens = max(details, key=lambda d: d[0] - d[1])
            where = f"{_named(lens)}: {ours:.2f} against {exact:.2f}"
            what = f"photo's detail at blurred silhouettes beyond exact's, {kind}, from {route}"
            checks.append(Check(what, ours - exact, "", "at most", 0.05, where, exact))
    return checks


def _named(lens: ThinLens) -> str:
    return f"D_f {lens.focus_disparity:g}, K {lens.blur_scale_px:.0f}"


def _detail(picture: Tensor) -> Tensor:
    """The picture [H, W] less its mean over 5 × 5 pixels."""
    padded = F.pad(picture[None, None], (2, 2, 2, 2), mode="replicate")
    return picture - F.avg_pool2d(padded, 5, stride=1)[0, 0]


def _dilated(picture: Tensor, reach_px: int) -> Tensor:
    return F.max_pool2d(picture[None, None], 2 * reach_px + 1, stride=1, padding=reach_px)[0, 0]
