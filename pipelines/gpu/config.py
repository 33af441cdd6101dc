"""Settings of the examination of a GPU; the command line is made from this record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines.errors import require

PartName = Literal["kernels", "correctness", "renderer", "depth", "pipeline", "training"]
PARTS: tuple[PartName, ...] = ("kernels", "correctness", "renderer", "depth", "pipeline", "training")
PAGE, MINIATURE_PAGE = Path("docs/gpu.md"), Path("out/gpu.md")


@dataclass(frozen=True)
class GpuConfig:
    """Examine this machine's GPU in under eight minutes: pictures against the CPU's, speed, depth, pipeline, training.
    Without a GPU everything runs in miniature on the CPU: a test that it works; no figures to quote."""

    out: Path | None = None
    """The page, in Markdown; the same as JSON lies beside it. Default docs/gpu.md, in miniature out/gpu.md."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    parts: tuple[PartName, ...] = PARTS
    """Parts to run, each in a process of its own and with a time limit of its own."""
    json: bool = False
    """Result as one JSON object on stdout."""

    def __post_init__(self) -> None:
        require(bool(self.parts), "--parts", f"name some of {' '.join(PARTS)}", "none")

    def page(self, device: str) -> Path:
        """Where the page goes."""
        return self.out or (PAGE if device == "cuda" else MINIATURE_PAGE)
