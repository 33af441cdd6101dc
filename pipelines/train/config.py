"""Settings of a training run. The command line is made from these records, so each setting is written down once.

Groups only order the help text: on the command line every flag is flat (`--stack-weight 4`).
A record checks itself when built and raises UserError, one line that names the flag.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import require
from pipelines.runs.place import Place


@dataclass(frozen=True)
class DataConfig:
    """The data set, and the crops made of it."""

    data: Place
    """Folder of the data set, the --out of a render run, or its URL (s3://bucket/set)."""
    split: Literal["train", "val", "test"] = "train"
    """Which of its splits."""
    width: int = 512
    """Width in pixels of the pictures that the model is trained on."""
    height: int = 512
    """Height in pixels of the same."""
    batch_size: int = 8
    """Groups in one step of one process, before accumulation."""
    targets: int = 2
    """Frames of one stacking group that are predicted together: same scene, same blur, different planes."""
    least_crop: float = 0.6
    """Side of the smallest crop, as a fraction of the largest that fits the photo; 1.0 takes the largest."""
    flip: bool = True
    """Leave every photo as it is (default: mirror half of them, left to right)."""
    aif_share: float = 0.5
    """Fraction of items whose reference is the all-in-focus photo; the others take another frame of the stack."""
    redraw_focus: float = 0.75
    """Fraction of targets whose focus point is a random pixel in focus instead of the stored point."""
    focus_band_px: float = 0.25
    """Largest blur radius at such a pixel, in pixels of the model's picture."""
    outside_focus: float = 0.1
    """Fraction of items whose focus point may lie outside the crop, as it does for tiles of a photo."""
    shuffle_window: int = 2048
    """Samples are shuffled as by a buffer of this many, across shards that are shuffled as a whole."""
    labeled_scenes: int = 0
    """For studies: only the first N scenes have labels, and make half of the items; of the others the constraint alone
    sees the photo. 0: all have."""
    mislabeled: float = 0.0
    """For studies: fraction of the stacking groups whose frames stand at each other's labels."""
    blurred_references: str = ""
    """For studies: folder of references that are blurred on to each target already (blurred_references.py)."""
    workers: int = 0
    """Processes that read and decode, for each training process; 0 reads in the training process."""
    max_dropped_fraction: float = 0.01
    """Stop when a larger fraction of the samples is damaged; fewer are skipped and counted."""
    verify: Literal["first-epoch", "always", "never"] = "first-epoch"
    """When to compare what is read with the checksums of the shards: a flipped bit is a damaged sample."""

    def __post_init__(self) -> None:
        require(32 <= self.width <= 4096, "--width", "lie between 32 and 4096 px", self.width)
        require(32 <= self.height <= 4096, "--height", "lie between 32 and 4096 px", self.height)
        require(self.batch_size >= 1, "--batch-size", "be at least 1", self.batch_size)
        require(1 <= self.targets <= 16, "--targets", "lie between 1 and 16", self.targets)
        require(0 < self.least_crop <= 1, "--least-crop", "lie in (0, 1]", self.least_crop)
        for name in ("aif_share", "redraw_focus", "mislabeled"):
            share = getattr(self, name)
            require(0 <= share <= 1, f"--{name.replace('_', '-')}", "lie in [0, 1]", share)
        single = self.targets == 1 or not self.blurred_references
        require(single, "--targets", "be 1 with --blurred-references", self.targets)
        require(self.labeled_scenes >= 0, "--labeled-scenes", "be at least 0", self.labeled_scenes)
        require(0 <= self.outside_focus <= 1, "--outside-focus", "lie in [0, 1]", self.outside_focus)
        require(self.focus_band_px > 0, "--focus-band-px", "be positive", self.focus_band_px)
        require(self.shuffle_window >= 1, "--shuffle-window", "be at least 1", self.shuffle_window)
        require(self.workers >= 0, "--workers", "be at least 0", self.workers)
        share = self.max_dropped_fraction
        require(0 <= share <= 1, "--max-dropped-fraction", "lie in [0, 1]", share)


@dataclass(frozen=True)
class ObjectiveConfig:
    """What is predicted from what, and the loss; the equations are in model/flow.py and stacking.py."""

    predict: Literal["frame", "photo"] = "frame"
    """frame: the frame that is asked for. photo: the all-in-focus photo, from which the renderer makes the frame."""
    noise: Literal["flow", "none"] = "flow"
    """flow: rectified flow from noise. none: plain regression, in one step."""
    defocus_maps: bool = True
    """Tell no maps (default: tell the blur radius of the asked frame and of the reference itself as pictures)."""
    own_dropout: float = 0.3
    """Fraction of items whose reference's own plane and blur level are not told."""
    lens_error: float = 0.1
    """Relative error of the reference's own blur level, as an estimate has it; a fifth of it for the plane."""
    depth_noise: float = 0.5
    """Fraction of items whose disparity is soft, shifted, rescaled and in 8 bits, as depth networks give it."""
    blur_map_weight: float = 0.05
    """Weight of the estimate of the reference's own blur radius, with --model unet and --predict photo."""
    stack_weight: float = 0.0
    """Lambda, the weight of the stacking constraint; 0 trains without it. Up to 1 for stacks without labels, about 2
    for doubtful labels; on true labels it adds nothing (docs/training.md)."""
    stack_softness_px: float = 0.5
    """Tau: frames whose blur radii differ by this many pixels share a pixel e : 1 in the stack."""
    stack_target: Literal["frames", "aif"] = "frames"
    """frames: the stack of the true frames. aif: the all-in-focus photo, where some frame is sharp."""
    stack_time: Literal["signal", "flat"] = "signal"
    """signal: the weight grows with the picture's share in the noisy input. flat: the same weight at all times."""
    depth_dropout: float = 0.2
    """Fraction of items without disparity (validity 0), so that photos without depth can be refocused."""
    condition_dropout: float = 0.1
    """Fraction of items without focus point and blur level, for classifier-free guidance."""
    time_mean: float = -1.5
    """Mean of the logit of the time t; t = 0 is noise, t = 1 the picture. Pictures over 512 px get more noise."""
    time_spread: float = 0.8
    """Standard deviation of the same."""
    time_zero_share: float = 0.15
    """Fraction of items at t = 0, where sampling starts."""

    def __post_init__(self) -> None:
        require(self.stack_weight >= 0, "--stack-weight", "be at least 0", self.stack_weight)
        require(self.stack_softness_px > 0, "--stack-softness-px", "be positive", self.stack_softness_px)
        for flag, share in (
            ("--depth-dropout", self.depth_dropout),
            ("--condition-dropout", self.condition_dropout),
            ("--own-dropout", self.own_dropout),
            ("--depth-noise", self.depth_noise),
            ("--time-zero-share", self.time_zero_share),
        ):
            require(0 <= share <= 1, flag, "lie in [0, 1]", share)
        require(self.time_spread > 0, "--time-spread", "be positive", self.time_spread)
        require(0 <= self.lens_error <= 1, "--lens-error", "lie in [0, 1]", self.lens_error)
        require(self.blur_map_weight >= 0, "--blur-map-weight", "be at least 0", self.blur_map_weight)


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW and its schedule."""

    steps: int = 100_000
    """Length of the schedule: warm-up, then half a cosine down to 0."""
    learning_rate: float = 4e-4
    """Peak learning rate."""
    warmup_steps: int = 1000
    """Steps until the peak."""
    weight_decay: float = 0.01
    """Weight decay of AdamW."""
    clip_norm: float = 1.0
    """Gradients with a larger norm are scaled down to it."""
    ema_decay: float = 0.9995
    """Decay of the averaged weights, which `refocus` uses; smaller in the first steps."""
    accumulate: int = 1
    """Batches per optimizer step."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: matrix products in 16 bits, weights in 32."""

    def __post_init__(self) -> None:
        require(self.steps >= 1, "--steps", "be at least 1", self.steps)
        require(self.learning_rate > 0, "--learning-rate", "be positive", self.learning_rate)
        require(self.warmup_steps >= 0, "--warmup-steps", "be at least 0", self.warmup_steps)
        require(self.weight_decay >= 0, "--weight-decay", "be at least 0", self.weight_decay)
        require(self.clip_norm > 0, "--clip-norm", "be positive", self.clip_norm)
        require(0 <= self.ema_decay < 1, "--ema-decay", "lie in [0, 1)", self.ema_decay)
        require(self.accumulate >= 1, "--accumulate", "be at least 1", self.accumulate)


@dataclass(frozen=True)
class PerformanceConfig:
    """Speed and memory. The weights differ by rounding alone."""

    compile: bool = False
    """Compile the network's blocks (torch.compile); the first step takes a minute longer."""
    checkpoint_blocks: bool = False
    """Compute activations of the blocks again for the gradient instead of keeping them: less memory, a third more
    work."""
    tf32: bool = True
    """Full FP32 on GPUs (default: matrix products of --precision fp32 in TF32 where the GPU has it)."""


@dataclass(frozen=True)
class RecordingConfig:
    """Checkpoints, scalars and pictures. Nothing here changes the weights."""

    save_every: int = 1000
    """Steps between checkpoints."""
    keep: int = 2
    """Newest checkpoints to keep; older ones are removed."""
    log_every: int = 20
    """Steps between scalars for TensorBoard, in RUN/tensorboard."""
    sample_every: int = 1000
    """Steps between pictures (reference, target, prediction, error); 0 draws none."""
    validation_split: Literal["auto", "val", "test", "none"] = "auto"
    """Split to score the averaged model on; the best checkpoint on it is kept. auto: val, where there is one."""
    validate_every: int = 1000
    """Steps between two scores on that split."""
    validation_items: int = 64
    """Items to score, the same ones every time."""

    def __post_init__(self) -> None:
        for name in ("save_every", "keep", "log_every", "validate_every", "validation_items"):
            require(getattr(self, name) >= 1, f"--{name.replace('_', '-')}", "be at least 1", getattr(self, name))
        require(self.sample_every >= 0, "--sample-every", "be at least 0", self.sample_every)


@dataclass(frozen=True)
class TrainConfig:
    """Train a refocusing model on annotated shards; the same command again resumes."""

    dataset: DataConfig
    out: Path
    """Folder of the run: checkpoints, TensorBoard, pictures."""
    recipe: Literal["default", "tiny", "slim", "base", "sharpen"] = "default"
    """Named settings to start from (pipelines/train/recipes.py); other flags go on top."""
    model: Literal["tiny", "slim", "base", "unet-tiny", "unet"] = "slim"
    """tiny, slim, base: transformers of 1.5, 36 or 134 million weights. unet-tiny, unet: convolutional, 0.3 or 2.9."""
    objective: ObjectiveConfig = ObjectiveConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    performance: PerformanceConfig = PerformanceConfig()
    recording: RecordingConfig = RecordingConfig()
    init_weights: Path | None = None
    """Begin a new run with these weights: a run, whose averaged ones are taken, or a safetensors file."""
    seed: int = 0
    """Seed of weights, order, crops and noise; the same seed gives the same run."""
    max_steps: int | None = None
    """Stop after this many steps in all, without shortening the schedule; a later run goes on."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    force: bool = False
    """Take over the folder's lock from a run that has certainly ended."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**63, "--seed", "lie in [0, 2^63)", self.seed)
        needed = 2 if self.objective.stack_weight > 0 and self.objective.predict == "frame" else 1
        enough = f"be at least {needed} with --stack-weight {self.objective.stack_weight:g}"
        require(self.dataset.targets >= needed, "--targets", enough, self.dataset.targets)
        require(self.max_steps is None or self.max_steps >= 1, "--max-steps", "be at least 1", self.max_steps)

    @property
    def last_step(self) -> int:
        """The step at which this command stops."""
        return min(self.optimizer.steps, self.max_steps or self.optimizer.steps)
