"""Configuration of a benchmark; the command line is made from this record."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pipelines.errors import UserError, require
from pipelines.stacks.config import StackOptions

Part = Literal["quick", "full"]
BuiltinContestant = Literal[
    "truth",
    "identity",
    "all-in-focus photo",
    "simulator",
    "simulator on input",
    "missing blur",
    "direct scatter",
    "refocus",
    "refocus, lens told",
]


@dataclass(frozen=True)
class BenchmarkConfig:
    """Score refocusing methods against known blur: picture errors and control, as a page and JSON in OUT."""

    out: Path = Path("out/benchmark")
    """Folder of the report: report.html, report.json, and the answers as PNGs when --keep-answers."""
    set: Path = Path("out/benchmark-set")
    """Folder of the test set; made when it is missing."""
    part: Part = "quick"
    """quick: five built-in and four path-traced small scenes. full: these and fifty larger scenes."""
    predict_from_photo: Path | None = None
    """In place of the test set: focus stacks of a camera or another renderer, in a --layout. Each frame (F1.4) is to be
    predicted from the all-in-focus photo (F16) and depth."""
    stacks: StackOptions = field(default_factory=StackOptions)
    checkpoint: tuple[Path, ...] = ()
    """RUN folders of trained models to score."""
    seeds_of: tuple[str, ...] = ()
    """NAME=RUN,RUN,RUN: trained runs of one method that differ in their seed, scored as one; intervals over both."""
    predictions: tuple[Path, ...] = ()
    """Folders of answers, PNGs named by task id: any method can be scored."""
    contestants: tuple[BuiltinContestant, ...] = get_args(BuiltinContestant)
    """Baselines and simulator, by name."""
    clip: Path | None = None
    """Folder of a CLIP model (transformers) for CLIP-I; nothing is downloaded."""
    steps: int | None = None
    """Sampler steps of checkpoints; default: the sampler's own."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device of checkpoints."""
    threads: int = 1
    """CPU threads of torch; the number may change last digits."""
    set_only: bool = False
    """Make the test set and stop."""
    keep_answers: bool = False
    """Keep all answers as OUT/answers/NAME/TASK.png."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(self.threads >= 1, "--threads", "be at least 1", self.threads)
        if (self.predict_from_photo is None) != (self.stacks.layout is None):
            got = f"{self.predict_from_photo} and {self.stacks.layout}"
            raise UserError(f"--predict-from-photo and --layout must be given together; got {got}")
        for folder in self.predictions:
            if not folder.is_dir():
                raise UserError(f"--predictions {folder} must be a folder of PNGs named by task id; there is none")
        for entry in self.seeds_of:
            name, _, runs = entry.partition("=")
            if not name or not all(runs.split(",")):
                raise UserError(f"--seeds-of must be NAME=RUN,RUN,RUN; got {entry}")
        if not (self.contestants or self.named()):
            raise UserError("--contestants, --checkpoint, --seeds-of or --predictions must name a method; got none")
        names = [*(entry.partition("=")[0] for entry in self.seeds_of), *(path.name for path in self.checkpoint)]
        names += [path.name for path in self.predictions]
        if len(set(names)) < len(names):
            raise UserError(
                f"--seeds-of, --checkpoint and --predictions must have different names; got {', '.join(names)}"
            )

    def trained(self) -> dict[str, tuple[Path, ...]]:
        """The runs of each trained method, by its name."""
        entries = [entry.partition("=") for entry in self.seeds_of]
        seeds = {name: tuple(map(Path, runs.split(","))) for name, _, runs in entries}
        return {**seeds, **{path.name: (path,) for path in self.checkpoint}}

    def named(self) -> list[str]:
        """Names of the methods that are not built in; all others are compared with the first."""
        return [*self.trained(), *(path.name for path in self.predictions)]
