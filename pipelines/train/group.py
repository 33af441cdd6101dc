"""One training item: a reference, its disparity, and n targets of one stacking group, out of a stored sample.

Letters: D disparity in [0, 1], bigger is nearer; D_i the plane of target i; K blur scale in pixels of the item's
picture, r = K·|D − D_i| the blur radius; K_s, D_s those of the reference itself, which may be a frame; t the time of
the flow, 0 noise, 1 picture.
All draws come from one generator: an item is a pure function of (seed, epoch, position, sample).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.model.framing import Framing
from pipelines.render.depth.degraded import degraded
from pipelines.train.blurred_references import BlurredReferences
from pipelines.train.config import DataConfig, ObjectiveConfig
from pipelines.train.wrong_labels import labeled_pictures
from shards import FieldError, FrameLabels, SampleRecord
from shards.codec import DISPARITY_FIELD, check_fields, decode_disparity, decode_image, decode_record
from shards.record import MAX_DISPARITY_CODE
from shards.stored_fields import read_fields

Rng = np.random.Generator
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_TRIES = 8
TIME_SIDE_PX = 512.0


@dataclass(frozen=True, eq=False)
class TrainingGroup:
    """Inputs and targets of one training item. Pictures are 8-bit sRGB.

    Attributes:
        reference, aif: [3, H, W].
        disparity: [H, W] in [0, 1], true.
        given_disparity: [H, W] in [0, 1], an input of the model: the true one, or as a depth network would give it.
        targets: [n, 3, H, W], frames of one stacking group; with --predict photo the all-in-focus photo, n = 1.
        focus_point: [n, 2], (x, y) in [0, 1] of the picture; outside it where the plane is known from depth alone.
        point_disparity: [n], D at the focus point, an input of the model.
        focus_disparity: [n], D_i, the plane as rendered; it sets the weights of the stack.
        blur_level: 100 K / long side, percent. blur_scale_px: K.
        own_focus_disparity, own_blur_scale_px: D_s and K_s (0 for the all-in-focus photo), true.
        told_focus_disparity, told_blur_scale_px: the same as the model is told, off as an estimate is.
        photo_noise: standard deviation of noise to be added to the reference, gray levels of 255.
        time: t. noise_seed: of both noises, which are drawn on the device (batch.py).
        is_depth_dropped: the model gets no disparity. is_unconditional: it gets no focus point and no blur level.
        is_own_dropped: it is not told the reference's own lens.
        is_labeled: which of the stack's frames shows which plane is known; without that, targets are no truth.
    """

    key: str
    reference: Pixels
    aif: Pixels
    disparity: Floats
    given_disparity: Floats
    targets: Pixels
    focus_point: Floats
    point_disparity: Floats
    focus_disparity: Floats
    blur_level: float
    blur_scale_px: float
    own_focus_disparity: float
    own_blur_scale_px: float
    told_focus_disparity: float
    told_blur_scale_px: float
    photo_noise: float
    time: float
    noise_seed: int
    is_depth_dropped: bool
    is_unconditional: bool
    is_own_dropped: bool
    is_labeled: bool


@dataclass(frozen=True)
class _Plane:
    """A frame that may become a target: its index in the stack, its plane, and a focus point on that plane."""

    frame: int
    focus_disparity: float
    point: tuple[float, float]
    point_disparity: float

    def on(self, given: Floats) -> "_Plane":
        """The same with the disparity that a map [H, W] has at the point, where the point lies in it."""
        x, y = self.point
        if not (0.0 <= x < 1.0 and 0.0 <= y < 1.0):
            return self
        height, width = given.shape
        return replace(self, point_disparity=float(given[int(y * height), int(x * width)]))


@dataclass(frozen=True, eq=False)
class _Scene:
    """The part of an item that no crop changes: D [h, w], and the label's disparity at D = 0 and from D = 0 to 1."""

    record: SampleRecord
    group: int
    disparity: Floats
    depth_offset: float
    depth_range: float

    @property
    def size(self) -> tuple[int, int]:
        return self.record.width, self.record.height

    @property
    def frames_of_group(self) -> range:
        return range(self.group * self.record.planes, (self.group + 1) * self.record.planes)

    def unit(self, disparity: float) -> float:
        """A disparity in the labels' unit -> D in [0, 1]."""
        return (disparity - self.depth_offset) / self.depth_range


@dataclass(frozen=True, eq=False)
class _View:
    """A scene through a framing; `shown` is D [H, W] of the crop."""

    scene: _Scene
    framing: Framing
    shown: Floats

    def blur_scale_px(self, labels: FrameLabels) -> float:
        """K in pixels of the crop's picture, by D in [0, 1]."""
        return labels.blur_scale_px * self.scene.depth_range * self.framing.scale

    def lens(self, labels: FrameLabels) -> tuple[float, float]:
        """D_f and K of a frame, in the crop's units."""
        return self.scene.unit(labels.focus_disparity), self.blur_scale_px(labels)


def read_group(
    key: str,
    fields: Mapping[str, bytes],
    rng: Rng,
    data: DataConfig,
    objective: ObjectiveConfig,
    *,
    is_labeled: bool = True,
) -> TrainingGroup:
    """Decode the fields that one item needs and draw crop, targets, reference, time and noise.

    Raises FieldError: a damaged sample, fewer planes than targets, or no crop that shows enough planes.
    """
    try:
        record = decode_record(fields)
        names = check_fields(fields, record)
        if record.planes < data.targets:
            raise FieldError(
                "group", f"must have at least --targets {data.targets} planes in each group, got {record.planes}"
            )
        size = {"width": record.width, "height": record.height}
        codes = decode_disparity(fields[DISPARITY_FIELD], **size)
        is_depth_dropped = bool(rng.random() < objective.depth_dropout)
        may_be_outside = bool(rng.random() < data.outside_focus) and not is_depth_dropped
        scene = _scene(record, codes, group=int(rng.integers(record.levels)))
        view, planes = _draw_planes(rng, scene, data, may_be_outside)
        frames = [plane.frame for plane in planes]
        wants_photo = objective.predict == "photo"
        reference = _draw_reference(rng, len(record.frames), [] if wants_photo else frames, data.aif_share)

        stack = {"levels": record.levels, "planes": record.planes}
        pictures = labeled_pictures(key, **stack, mislabeled=data.mislabeled)

        def name_of(frame: int) -> str:
            """Field of a frame of the stack, or with -1 of the all-in-focus photo: that is the first, frames begin at
            2."""
            return names[0] if frame < 0 else names[2 + pictures[frame]]

        contents = read_fields(fields, sorted({name_of(frame) for frame in (-1, reference, *frames)}))

        def picture(frame: int) -> Pixels:
            name = name_of(frame)
            return view.framing.codes(decode_image(name, contents[name], **size))

        aif = picture(-1)
        targets = aif[None] if wants_photo else np.stack([picture(frame) for frame in frames])  # [n, 3, H, W]
        reference_picture = aif if reference < 0 else picture(reference)
        if data.blurred_references:
            blurred = BlurredReferences.read(Path(data.blurred_references), key)
            reference = int(blurred.reference[frames[0]])
            reference_picture = view.framing.codes(blurred.pictures[frames[0]])
    except FieldError as error:
        raise error.within("", key) from None
    scale_px = view.blur_scale_px(record.frames[frames[0]])
    own = (0.0, 0.0) if reference < 0 else view.lens(record.frames[reference])
    told = _as_estimated(rng, *own, objective.lens_error)
    given = _as_given(rng, view.shown, objective.depth_noise)
    if given is not view.shown:
        planes = [plane.on(given) for plane in planes]
    planes = planes[: len(targets)]  # of a photo one, whatever --targets: it hides the plane anyway
    return TrainingGroup(
        key=key,
        reference=reference_picture,
        aif=aif,
        disparity=view.shown,
        given_disparity=given,
        targets=targets,
        focus_point=np.array([plane.point for plane in planes], np.float32),
        point_disparity=np.array([plane.point_disparity for plane in planes], np.float32),
        focus_disparity=np.array([plane.focus_disparity for plane in planes], np.float32),
        blur_level=100.0 * scale_px / max(data.width, data.height),
        blur_scale_px=scale_px,
        own_focus_disparity=own[0],
        own_blur_scale_px=own[1],
        told_focus_disparity=told[0],
        told_blur_scale_px=told[1],
        photo_noise=max(0.0, float(rng.uniform(-1.0, 1.0))) * objective.photo_noise,
        time=draw_time(rng, objective, math.sqrt(data.width * data.height)),
        noise_seed=int(rng.integers(2**63)),
        is_depth_dropped=is_depth_dropped,
        is_unconditional=bool(rng.random() < objective.condition_dropout) or wants_photo,
        is_own_dropped=bool(rng.random() < objective.own_dropout) or not is_labeled,
        is_labeled=is_labeled,
    )


def _scene(record: SampleRecord, codes: NDArray[np.uint16], group: int) -> _Scene:
    """Relative disparity lies in [0, 1] already. Metric disparity is stretched over the photo's range, as it will be at
    inference, where one photo is all there is; r must not change, so K is multiplied by that range.
    """
    kind = record.disparity
    offset, depth_range = (0.0, 1.0) if kind.kind == "relative" else (kind.offset, kind.scale * MAX_DISPARITY_CODE)
    values = (kind.offset - offset + kind.scale * codes.astype(np.float64)) / depth_range
    return _Scene(record, group, values.astype(np.float32), offset, depth_range)


def _as_estimated(rng: Rng, focus: float, scale_px: float, error: float) -> tuple[float, float]:
    """D_s and K_s as an estimate has them: the scale off by a factor, the plane by a fifth of that of the range."""
    off, factor = rng.standard_normal(2)
    return focus + 0.2 * error * float(off), scale_px * float(np.exp(error * factor))


def _as_given(rng: Rng, disparity: Floats, share: float) -> Floats:
    """D [H, W], or in a `share` of the items as a depth network gives it: soft, a pixel off, in 8 bits, rescaled."""
    softness, shift, gain = rng.uniform(0.3, 2.0), rng.uniform(0.0, 1.0), rng.uniform(0.9, 1.1)
    seed = int(rng.integers(2**31))
    if rng.random() >= share:
        return disparity
    soft = degraded(torch.from_numpy(disparity), seed=seed, softness_px=softness, shift_px=shift).numpy()
    return np.asarray(np.clip((soft - 0.5) * gain + 0.5, 0.0, 1.0), np.float32)


def draw_time(rng: Rng, objective: ObjectiveConfig, side_px: float) -> float:
    """0 in a share of the items, where every sampler starts; else logit-normal (Esser et al. 2024, arXiv 2403.03206,
    eq. 19): mostly where the picture emerges from the noise. Always 0 with --noise none.

        logit t ~ N(time_mean − ln max(1, side / 512 px), time_spread)        side = √(width·height)

    Pixels of a larger picture agree more, so that it takes more noise to hide as much: their eq. 23 shifts the logit by
    ln √(m/n) for m instead of n pixels, as much as noise in proportion to the side does (Li and He 2025, arXiv
    2511.13720: 1 at 256 px, 2 at 512 px, logit t around −0.8, which is −1.5 in terms of noise 1).
    """
    if rng.random() < (1.0 if objective.noise == "none" else objective.time_zero_share):
        return 0.0
    mean = objective.time_mean - math.log(max(1.0, side_px / TIME_SIDE_PX))
    logit = mean + objective.time_spread * float(rng.standard_normal())
    return 1.0 / (1.0 + float(np.exp(-logit)))


def _draw_reference(rng: Rng, frames: int, targets: Sequence[int], aif_share: float) -> int:
    """-1 for the all-in-focus photo, or the index of a frame that is not a target."""
    others = [frame for frame in range(frames) if frame not in targets]
    if not others or rng.random() < aif_share:
        return -1
    return others[int(rng.integers(len(others)))]


def _draw_planes(rng: Rng, scene: _Scene, data: DataConfig, may_be_outside: bool) -> tuple[_View, list[_Plane]]:
    """A crop, and n planes of the group with a focus point in it."""
    for attempt in range(_TRIES):
        least = data.least_crop if attempt < _TRIES // 2 else 1.0
        framing = draw_framing(rng, scene.size, (data.width, data.height), min_crop=least, flip=data.flip)
        view = _View(scene, framing, framing.disparity(scene.disparity))
        candidates = [_focus_plane(rng, frame, view, data, may_be_outside) for frame in scene.frames_of_group]
        planes = [plane for plane in candidates if plane]
        if len(planes) >= data.targets:
            chosen = rng.permutation(len(planes))[: data.targets]
            return view, [planes[i] for i in chosen]
    raise FieldError("focus_x", f"must leave {data.targets} planes of a group in a crop; none of {_TRIES} has them")


def draw_framing(rng: Rng, source: tuple[int, int], output: tuple[int, int], *, min_crop: float, flip: bool) -> Framing:
    """A random window with the aspect ratio of the output.

    Args:
        source, output: width and height in pixels.
        min_crop: side of the smallest window, as a fraction of the largest that fits.
        flip: mirror half of the windows.
    """
    largest = min(source[0] / output[0], source[1] / output[1])  # source pixels per output pixel
    spacing = largest * float(rng.uniform(min_crop, 1.0))
    crop_width = min(source[0], max(1, round(output[0] * spacing)))
    crop_height = min(source[1], max(1, round(output[1] * spacing)))
    left = int(rng.integers(source[0] - crop_width + 1))
    top = int(rng.integers(source[1] - crop_height + 1))
    mirrored = bool(rng.integers(2)) and flip
    return Framing(left, top, crop_width, crop_height, *output, mirrored)


def _focus_plane(rng: Rng, frame: int, view: _View, data: DataConfig, may_be_outside: bool) -> _Plane | None:
    """The plane of a frame with its focus point: the stored one, or a random pixel in focus; None without either."""
    labels = view.scene.record.frames[frame]
    plane = view.scene.unit(labels.focus_disparity)  # D_i
    x, y = view.framing.point(labels.focus_x * view.scene.size[0], labels.focus_y * view.scene.size[1])
    is_inside = 0.0 < x < 1.0 and 0.0 < y < 1.0
    stored = _Plane(frame, plane, (x, y), plane) if is_inside or may_be_outside else None
    if stored and rng.random() >= data.redraw_focus:
        return stored
    radius_px = view.blur_scale_px(labels) * np.abs(view.shown - plane)  # [H, W]
    rows, columns = np.nonzero(radius_px <= data.focus_band_px)
    if not len(rows):
        return stored
    chosen = int(rng.integers(len(rows)))
    row, column = int(rows[chosen]), int(columns[chosen])
    point = (column + 0.5) / data.width, (row + 0.5) / data.height
    return _Plane(frame, plane, point, float(view.shown[row, column]))
