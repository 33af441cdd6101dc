"""The configuration of a render run. Each setting is written once, here; the command line is made from these records.

Groups only order the help text: on the command line every flag is flat (`--planes 4`, not `--stack.planes 4`).
A record checks itself when built and raises UserError, one line that names the flag.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pipelines.errors import UserError, did_you_mean, require
from pipelines.runs.place import Place
from shards.labels import MAX_FRAMES
from shards.licenses import SYNTHETIC_SHAPES
from shards.storage import is_local


@dataclass(frozen=True)
class SourceConfig:
    """Which photos."""

    photos: str
    """A folder, a list (.csv, .tsv, .jsonl or .parquet with a column `path`; also license, author, source_url, group,
    focus_points), or builtin:N for N built-in scenes. Folder and list may be URLs (s3://bucket/photos)."""
    limit: int | None = None
    """Take only the first N photos."""
    long_side: int = 768
    """Photos are scaled down to this many pixels on their longer side; smaller ones stay as they are."""

    def __post_init__(self) -> None:
        require(bool(self.photos), "--photos", "name a folder, a list or builtin:N", repr(self.photos))
        require(self.limit is None or self.limit >= 1, "--limit", "be at least 1", self.limit)
        require(32 <= self.long_side <= 16384, "--long-side", "lie between 32 and 16384 px", self.long_side)


def check_depth_name(depth: str, more: tuple[str, ...] = ()) -> None:
    """Raise UserError unless `depth` is one of the words, a model's id on the hub, an ONNX file or a folder."""
    words = ("auto", *more, "sidecar", *SYNTHETIC_SHAPES)
    if depth not in words and "/" not in depth and not depth.endswith(".onnx") and not Path(depth).is_dir():
        must = f"be {', '.join(words)}, an id OWNER/MODEL, an ONNX file, or a folder"
        raise UserError(f"--depth must {must}; got {depth!r}{did_you_mean(depth, words)}")


@dataclass(frozen=True)
class DepthConfig:
    """Where disparity comes from."""

    depth: str = "auto"
    """auto: exact for built-in scenes, else sidecars where they lie, else the default model. sidecar: a depth map
    beside each photo, or within it. NAME.onnx: that network, as NAME.yaml describes it (docs/depth-models.md). flat,
    gradient or center: a made-up shape, for trials. Anything else: a model id of the Hugging Face hub, or the folder of
    a model (`refocus-foundry fetch-depth`)."""
    depth_kind: Literal["relative", "metric"] | None = None
    """What the depth values mean, where neither the model nor a depth.json says so; never guessed."""
    depth_revision: str | None = None
    """Commit of the model on the hub: the same weights for ever."""
    depth_orientation: Literal["upright", "stored"] | None = None
    """Of sidecars of photos that their EXIF turns. stored: made from unturned pixels. A depth.json may say it, too."""
    depth_dir: Place | None = None
    """Folder of the sidecars, when they do not lie beside the photos."""
    depth_batch: int = 4
    """Photos that go through the depth model together."""
    deband_depth: bool = True
    """Leave the steps of depth maps of 8 bits or fewer (default: smooth them into slopes; edges stay)."""
    sharpen_depth: bool = True
    """Leave depth edges as they came (default: sharpen them to the photo's edges)."""
    offline: bool = False
    """Never fetch a model over the network."""
    allow_synthetic_depth: bool = False
    """Make a data set of --depth gradient or center, whose labels say nothing true of the photos' depth."""

    def __post_init__(self) -> None:
        check_depth_name(self.depth)
        require(self.depth_batch >= 1, "--depth-batch", "be at least 1", self.depth_batch)


@dataclass(frozen=True)
class VettingConfig:
    """Photos that fail these checks are rejected; rejects.jsonl names each with the reason. Built-in scenes pass."""

    max_blurred: float = 0.25
    """Largest share of a photo's tiles with contrast that may lack a sharp edge: 1 accepts every photo."""
    min_short_side: int = 64
    """Smallest short side, in pixels of the photo as it is stored."""
    max_aspect: float = 4.0
    """Largest ratio of long side to short side; depth models fail on panoramas."""
    min_disparity_levels: int = 32
    """Fewest different disparities in a photo."""
    min_depth_spread: float = 0.02
    """Smallest share of the depth range that nine tenths of the photo must span."""
    max_holes: float = 0.25
    """Largest share of a photo whose depth may be unknown; it is filled in from the surroundings, and marked."""

    def __post_init__(self) -> None:
        require(0 <= self.max_blurred <= 1, "--max-blurred", "lie in [0, 1]", self.max_blurred)
        require(self.min_short_side >= 1, "--min-short-side", "be at least 1", self.min_short_side)
        require(self.max_aspect >= 1, "--max-aspect", "be at least 1", self.max_aspect)
        require(self.min_disparity_levels >= 1, "--min-disparity-levels", "be at least 1", self.min_disparity_levels)
        require(0 <= self.min_depth_spread < 1, "--min-depth-spread", "lie in [0, 1)", self.min_depth_spread)
        require(0 <= self.max_holes < 1, "--max-holes", "lie in [0, 1)", self.max_holes)


MAX_BLUR_LEVEL = 25
"""Percent of the long side."""


@dataclass(frozen=True)
class StackConfig:
    """The focal stack of one photo."""

    planes: int = 4
    """Planes in focus, spread over the quantiles of the photo's disparity."""
    levels: int = 3
    """Blur levels, spread evenly over the logarithm; every level is rendered for every plane."""
    blur_level_min: float = 0.4
    """Weakest blur: radius, in percent of the long side, of a point one whole depth range off the plane in focus."""
    blur_level_max: float = 4.0
    """Strongest blur, likewise."""
    f_number: str = ""
    """N,N: a blur level for each f-number, such as 1.4,2.8, in place of --levels and --blur-level-min and -max; needs
    --focal-length and --sensor-width, and depth in meters, or --depth-meters for relative depth (docs/lenses.md)."""
    quality: Literal["fast", "exact"] = "fast"
    """fast: layered scatter. exact: gather through the aperture, ray by ray."""
    focus_points: str = ""
    """Planes through these points of every photo, `x,y;x,y` as shares of width and height; others are drawn."""

    def __post_init__(self) -> None:
        require(2 <= self.planes <= 16, "--planes", "lie between 2 and 16 (a stacking group needs 2)", self.planes)
        require(1 <= self.levels <= 16, "--levels", "lie between 1 and 16", self.levels)
        require(self.frames <= MAX_FRAMES, "--planes times --levels", f"be at most {MAX_FRAMES}", self.frames)
        low, high = self.blur_level_min, self.blur_level_max
        try:
            points_of(self.focus_points, self.planes)
        except ValueError as error:
            raise UserError(f"--focus-points {error}") from error
        if count := len(self.f_numbers):
            fits = self.levels in (count, StackConfig.levels)
            require(fits, "--levels", f"be left out with --f-number, which names {count}", self.levels)
            object.__setattr__(self, "levels", count)
        ordered = math.isfinite(low) and math.isfinite(high) and 0 < low < high <= MAX_BLUR_LEVEL
        must = f"be 0 < min < max <= {MAX_BLUR_LEVEL}"
        require(ordered, "--blur-level-min and --blur-level-max", must, f"{low} and {high}")

    @property
    def f_numbers(self) -> tuple[float, ...]:
        """Of --f-number, largest first: weak blur to strong. Raises UserError for other text."""
        numbers = _numbers("--f-number", self.f_number, "numbers from 0.5 to 64, such as 1.4,2.8")
        holds = all(0.5 <= number <= 64 for number in numbers) and len(set(numbers)) == len(numbers)
        require(holds, "--f-number", "be different numbers from 0.5 to 64, such as 1.4,2.8", repr(self.f_number))
        return tuple(sorted(numbers, reverse=True))

    @property
    def frames(self) -> int:
        """Frames of one sample."""
        return self.planes * self.levels


def _numbers(flag: str, text: str, must_be: str) -> list[float]:
    """Numbers between commas. Raises UserError for other text."""
    try:
        return [float(word) for word in text.split(",")] if text else []
    except ValueError:
        raise UserError(f"{flag} must be {must_be}; got {text!r}") from None


def points_of(text: str, planes: int) -> list[tuple[float, float]]:
    """(x, y) of focus points written as `x,y;x,y`, each in (0, 1).

    Raises ValueError `must MUST; got GOT` for other text and for more points than planes.
    """
    points = []
    for point in filter(None, text.split(";")):
        numbers = re.fullmatch(r"\s*(0?\.\d+)\s*,\s*(0?\.\d+)\s*", point)
        x, y = map(float, numbers.groups()) if numbers else (0.0, 0.0)
        if not (0 < x < 1 and 0 < y < 1):
            raise ValueError(f"must be x,y;x,y with numbers between 0 and 1; got {point!r}")
        points.append((x, y))
    if len(points) > planes:
        raise ValueError(f"must name at most --planes {planes} points; got {len(points)}")
    return points


@dataclass(frozen=True)
class LensConfig:
    """The lens and sensor of the stack."""

    lens_recipe: Literal["plain", "portrait-85mm", "phone", "vintage-swirl", "mirror-500mm", "cine-anamorphic"] = (
        "plain"
    )
    """Kind of lens and sensor that each scene's own is drawn from (pipelines/render/sample/lens_recipes.py)."""
    focal_length: float = 0.0
    """In mm. 0: of the lens recipe, or of the photo's EXIF."""
    sensor_width: float = 0.0
    """Long side of the sensor in mm; 36 is full frame. 0: likewise."""
    depth_meters: str = ""
    """NEAR,FAR in meters, such as 1,10: where the nearest and the farthest point of relative depth are taken to lie.
    Left out: as the lens recipe says; plain assumes nothing, so that --f-number needs metric depth."""
    highlights: Literal["recipe", "off"] = "recipe"
    """recipe: small clipped spots become lamps brighter than white, as the recipe says. off: they stay white."""
    tone: Literal["clip", "shoulder"] = "clip"
    """Back to display values. clip: as a camera clips. shoulder: highlights roll off and keep their color."""
    aperture_mask: Path | None = None
    """A gray PNG in front of the lens: white lets light through (a heart, a star)."""
    psf: Path | None = None
    """Table of a lens's point-spread functions (.npz, docs/lenses.md), in place of the recipe's shape, aberrations."""

    def __post_init__(self) -> None:
        for flag, value in (("--focal-length", self.focal_length), ("--sensor-width", self.sensor_width)):
            require(0 <= value <= 5000, flag, "lie between 0 and 5000 mm", value)
        self.depth_range_m  # noqa: B018  raises for bad input
        both = self.psf is not None and self.aperture_mask is not None
        require(not both, "--psf", "stand without --aperture-mask: the mask is in the table", "both")

    @property
    def depth_range_m(self) -> tuple[float, float] | None:
        """(near, far) of --depth-meters, m. Raises UserError for other text."""
        numbers = _numbers("--depth-meters", self.depth_meters, "NEAR,FAR, such as 1,10")
        if not numbers:
            return None
        holds = len(numbers) == 2 and 0.01 <= numbers[0] < numbers[1] <= 1e5
        require(holds, "--depth-meters", "be NEAR,FAR with 0.01 <= NEAR < FAR <= 1e5", repr(self.depth_meters))
        return numbers[0], numbers[1]


SHARD_SIZES = (4, 8, 16, 32, 64)
"""Of --samples-per-shard auto: multiples of the default --depth-batch."""
SHARDS_FOR_ALL = 256
"""So many shards keep a hundred workers busy to the end; fewer photos are cut as small as is sensible."""


@dataclass(frozen=True)
class StorageConfig:
    """How samples are stored."""

    samples_per_shard: int | Literal["auto"] = "auto"
    """Photos in one shard; a shard is also the unit of work and of resuming. auto: from 4 for up to a thousand photos
    to 64 for eight thousand and more, so that many workers have work; the machine does not matter."""
    image_format: Literal["jpg", "png", "webp"] = "jpg"
    """Of photo and frames; disparity is always a 16-bit PNG."""
    split_fractions: tuple[float, float, float] = (0.9, 0.05, 0.05)
    """Expected shares of train, val and test. A scene's split depends on its content alone, so it never changes."""
    near_duplicates: Literal["together", "ignore"] = "together"
    """together: photos that show nearly the same go into one split. ignore: do not
    look for them, which saves decoding every photo once."""

    def __post_init__(self) -> None:
        size = self.samples_per_shard
        require(size == "auto" or size >= 1, "--samples-per-shard", "be auto or at least 1", size)
        shares = self.split_fractions
        whole = all(0 <= share <= 1 for share in shares) and math.isclose(sum(shares), 1, abs_tol=1e-6)
        require(whole, "--split-fractions", "be three shares in [0, 1] that sum to 1", shares)

    def shard_size(self, photos: int) -> int:
        """Samples in one shard when so many photos are planned together."""
        if self.samples_per_shard != "auto":
            return self.samples_per_shard
        return next((size for size in SHARD_SIZES if photos <= size * SHARDS_FOR_ALL), SHARD_SIZES[-1])


@dataclass(frozen=True)
class GrowthConfig:
    """How to treat a data set that exists. Without a flag, the run resumes it."""

    append: bool = False
    """Add new photos in new shards; finished shards stay, even if their photos are gone."""
    retry_rejected: bool = False
    """Try photos that finished shards rejected once more, in new shards."""
    overwrite: bool = False
    """Remove the data set and render all of it again."""

    def __post_init__(self) -> None:
        adds = self.append or self.retry_rejected
        require(not (adds and self.overwrite), "--overwrite", "stand without --append and --retry-rejected", "both")


@dataclass(frozen=True)
class ExecutionConfig:
    """Processes and devices. Only `device` and `threads` change bytes of the result."""

    executor: Literal["auto", "inline", "ray"] = "auto"
    """inline: in this process. ray: worker processes, on this machine or a cluster. auto: ray where there is work for
    several workers."""
    workers: int | Literal["auto"] = "auto"
    """Ray workers. auto: one a GPU or a CPU core (with --threads T: T cores), also of nodes that join later. A number
    is also what an autoscaling cluster is asked for."""
    ray_address: str | None = None
    """Join this Ray cluster (`auto` or HOST:PORT) instead of starting one here."""
    threads: int = 1
    """CPU threads of torch in each worker. Another number may change the last bits, so resuming insists on it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    cpus_per_gpu: int | Literal["auto"] = "auto"
    """CPU cores that feed one GPU: they decode, sharpen depth, label, encode, hash. auto: the machine's cores, divided
    by its GPUs."""
    workers_per_gpu: int = 1
    """Workers that share one GPU and its cores."""
    attempts: int = 3
    """Ray: how often a shard is tried before it is recorded as failed and the run goes on."""
    stall_timeout_s: float | Literal["auto"] = "auto"
    """Ray: a worker that finishes no photo for so many seconds is killed, and its shard tried again. auto: ten times
    the longest time that a photo took so far, and at least ten minutes. Its start may take 300 s, or this if more."""
    force: bool = False
    """Take over the folder's lock from a run that is gone for sure."""

    def __post_init__(self) -> None:
        require(self.workers == "auto" or self.workers >= 1, "--workers", "be auto or at least 1", self.workers)
        require(self.threads >= 1, "--threads", "be at least 1", self.threads)
        cpus = self.cpus_per_gpu
        require(cpus == "auto" or cpus >= 1, "--cpus-per-gpu", "be auto or at least 1", cpus)
        require(self.workers_per_gpu >= 1, "--workers-per-gpu", "be at least 1", self.workers_per_gpu)
        require(self.attempts >= 1, "--attempts", "be at least 1", self.attempts)
        timeout = self.stall_timeout_s
        require(timeout == "auto" or timeout > 0, "--stall-timeout-s", "be auto or above 0", timeout)


@dataclass(frozen=True)
class RenderConfig:
    """Photos become annotated shards in OUT; the same command again resumes."""

    source: SourceConfig
    out: Place
    """Folder of the data set, or the URL of one in an object store."""
    recipe: Literal["default", "demo"] = "default"
    """Named settings to start from (pipelines/render/recipes.py); other flags go on top."""
    depth: DepthConfig = DepthConfig()
    vetting: VettingConfig = VettingConfig()
    stack: StackConfig = StackConfig()
    lens: LensConfig = LensConfig()
    storage: StorageConfig = StorageConfig()
    growth: GrowthConfig = GrowthConfig()
    execution: ExecutionConfig = ExecutionConfig()
    seed: int = 0
    """Seed of the data set: with the content of a photo it decides planes and blur levels."""
    max_reject_fraction: float = 0.5
    """Exit with 3 when a larger share of the photos was rejected."""
    dry_run: bool = False
    """Show counts, rejects with reasons and the size of the data set. Needs neither a depth model nor a network: of
    depth, files alone are checked. Renders and writes nothing."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**63, "--seed", "lie in [0, 2^63)", self.seed)
        if self.stack.f_number and self.lens.lens_recipe == "plain":
            holds = self.lens.focal_length > 0 and self.lens.sensor_width > 0
            must = "come with --focal-length and --sensor-width in mm, such as 50 and 36"
            require(holds, "--f-number", must, f"{self.lens.focal_length:g} and {self.lens.sensor_width:g}")
        shape = self.depth.depth
        if shape == "flat":
            why = "has one depth: nothing would be out of focus, and vetting would reject every photo"
            raise UserError(f"--depth flat {why}; take gradient or center")
        if shape in SYNTHETIC_SHAPES and not self.depth.allow_synthetic_depth:
            why = "it is made up and knows nothing of the photos, so labels of depth and blur would be false"
            raise UserError(
                f"--depth {shape} must come with --allow-synthetic-depth: {why}; add it for a trial, or name a model"
            )
        share = self.max_reject_fraction
        require(0 <= share <= 1, "--max-reject-fraction", "lie in [0, 1]", share)

    def with_absolute_paths(self) -> RenderConfig:
        """The same run for a worker that may stand in another folder."""
        depth = self.depth
        folder, model = depth.depth_dir, Path(depth.depth)
        is_model_here = depth.depth not in ("auto", "sidecar", *SYNTHETIC_SHAPES) and model.exists()
        depth = replace(
            depth,
            depth=str(model.absolute()) if is_model_here else depth.depth,
            depth_dir=folder.absolute() if folder and is_local(folder) else folder,
        )
        mask, psf = self.lens.aperture_mask, self.lens.psf
        lens = replace(self.lens, aperture_mask=mask and mask.absolute(), psf=psf and psf.absolute())
        return replace(self, out=self.out.absolute() if is_local(self.out) else self.out, depth=depth, lens=lens)
