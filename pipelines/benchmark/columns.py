"""The columns of the report: which figure, which value of it is best, and what it means."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipelines.benchmark.summary import Summary


@dataclass(frozen=True)
class Column:
    """One figure. key: in Summary.figures; of PICTURE_COLUMNS below the kind of task.

    goal: the most, the least, or the truth's own value is best, or a number.
    """

    key: str
    title: str
    digits: int
    goal: Literal["most", "least", "truth"] | int
    meaning: str = ""

    @property
    def head(self) -> str:
        """The title with an arrow towards what is best."""
        return self.title + (self.arrow or f" → {self.goal}")

    @property
    def arrow(self) -> str:
        """ " ↑" or " ↓" where the most or the least is best."""
        return {"most": " ↑", "least": " ↓"}.get(str(self.goal), "")

    def of(self, kind: str) -> "Column":
        """The same figure of one kind of task."""
        return replace(self, key=f"{kind}/{self.key}")

    def cost(self, value: float, truth: float | None) -> float:
        """Less is better."""
        if self.goal == "most":
            return -value
        if self.goal == "least":
            return value
        return abs(value - ((truth or 0.0) if self.goal == "truth" else self.goal))

    def best(self, summaries: Sequence[Summary]) -> set[str]:
        """Names of the methods with the best value, as printed; of two or more that get only what a user has."""
        truth = next(
            (s.figures[self.key].value for s in summaries if s.name == "truth" and self.key in s.figures), None
        )
        costs = {
            s.name: round(self.cost(s.figures[self.key].value, truth), self.digits)
            for s in summaries
            if self.key in s.figures and not s.is_anchor
        }
        return {name for name, cost in costs.items() if cost == min(costs.values())} if len(costs) > 1 else set()

    def worst_scene(self, summary: Summary) -> tuple[str, float] | None:
        """The scene with the worst mean of the figure, and that mean."""
        scenes = summary.by_scene.get(self.key, {})
        return max(scenes.items(), key=lambda item: (self.cost(item[1], None), item[0]), default=None)


CONTROL_COLUMNS = (
    Column("slope", "slope", 3, 1, "of fitted against requested radius, from 1 px up; 0: the request is ignored"),
    Column("error_px", "radius error, px", 2, "least", "mean |fitted - requested|, of the 95th percentile of r"),
    Column("plane_error_px", "plane error, px", 2, "least", "median distance of the sharpest from the asked plane"),
    Column("plane_found", "has a plane", 2, "most", "share of answers in which one plane is sharper than the others"),
    Column("blind_plane_error_px", "plane error without depth, px", 2, "least", "of answers made without a depth map"),
    Column("blind_plane_found", "has a plane without depth", 2, "most", "of answers made without a depth map"),
    Column("lv_corr", "LVCorr", 3, "most", "correlation of level and 1/sqrt(Laplacian variance) over a sweep"),
    Column("monotonicity", "monotonic", 2, "most", "share of steps to a stronger level that make the frame softer"),
    Column("stacking", "stacking, levels", 2, "truth", "mean |sum w I - photo| of a group of planes where some plane "
           "is sharp, in gray levels of 255. Below the truth's less is not better: who never blurs has the least"),
    Column("blur_left_px", "blur left, px", 2, "least", "fitted radius that remains after deblurring"),
)  # fmt: skip
PICTURE_COLUMNS = (
    Column("all/psnr", "PSNR, dB", 1, "most", "of the whole frame; pictures equal but for rounding score 58.9 dB"),
    Column("in_focus/psnr", "in focus, dB", 1, "most", "PSNR where the blur radius of the true frame is up to 1 px"),
    Column("defocused/psnr", "defocused, dB", 1, "most", "PSNR of the rest"),
    Column("silhouette/psnr", "silhouettes, dB", 1, "most", "PSNR of the band that a silhouette's blur reaches, which "
           "the other two leave out"),
    Column("all/ssim", "SSIM", 3, "most", "of the whole frame"),
    Column("recovered_share", "recovered share", 3, 1, "of what the input lacks, where it has a radius of 2 px or more "
           "and is asked to be sharp. 0: nothing is sharpened; 1: the truth; above 1: sharper than that"),
    Column("edge_bleed", "edge bleed", 3, 0, "share of the other side's light near the outline of a surface in focus "
           "before a blurred background. Who adds no blur to a photo adds none: read it beside the PSNR"),
)  # fmt: skip
DIFFERENCE_COLUMNS = (
    *(column.of("refocus") for column in PICTURE_COLUMNS if column.key != "all/ssim"),
    replace(PICTURE_COLUMNS[0].of("bokeh"), title="bokeh PSNR, dB"),
    *(column for column in CONTROL_COLUMNS if column.key in ("error_px", "plane_error_px", "lv_corr")),
)
