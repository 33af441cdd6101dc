"""Records between the driver and its workers, in this process or on another machine: small, without pixels."""

from dataclasses import dataclass

from pipelines.render.config import RenderConfig
from pipelines.render.photos.photo import RejectedPhoto
from pipelines.render.sample.build import SampleSettings
from shards.record import RendererRecord
from simulator import RENDERER_VERSION


@dataclass(frozen=True)
class RenderJob:
    """Configuration of a run for its workers. Small, since it travels to other machines."""

    config: RenderConfig
    device_kind: str
    config_sha256: str

    @property
    def settings(self) -> SampleSettings:
        """Settings that all samples share."""
        renderer = RendererRecord(RENDERER_VERSION, self.config_sha256, self.device_kind)
        return SampleSettings(self.config.stack, self.config.seed, renderer, self.device_kind, self.config.lens)


@dataclass(frozen=True)
class ShardReport:
    """A worker's report on a finished shard. Small, since pixels never leave the worker."""

    name: str
    samples: int
    rejects: tuple[RejectedPhoto, ...]
    seconds: dict[str, float]
    turns_assumed: tuple[str, ...] = ()  # names of turned photos whose maps' orientation nobody stated


@dataclass(frozen=True)
class ShardFailure:
    """A shard that could not be finished, and why. The run goes on without it; the same command tries it again."""

    name: str
    reason: str
