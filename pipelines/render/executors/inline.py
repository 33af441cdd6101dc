"""The inline executor: shards one after the other in this process. Other executors must give the same bytes."""

import logging
from collections.abc import Callable, Iterator, Sequence

from pipelines.errors import UserError
from pipelines.render.executors.job import RenderJob, ShardFailure, ShardReport
from pipelines.render.executors.worker import ShardWorker
from pipelines.render.plan.plan import PlannedShard

_log = logging.getLogger(__name__)


def run_inline(
    job: RenderJob, shards: Sequence[PlannedShard], on_photo: Callable[[], None]
) -> Iterator[ShardReport | ShardFailure]:
    """Render shards in their order. A shard that fails is reported and the run goes on; UserError ends it."""
    worker = ShardWorker(job, on_photo)
    for shard in shards:
        outcome: ShardReport | ShardFailure
        try:
            outcome = worker.render_shard(shard)
        except UserError:
            raise
        except Exception as error:
            _log.exception("%s failed", shard.name)
            outcome = ShardFailure(shard.name, f"{type(error).__name__}: {error}")
        yield outcome
