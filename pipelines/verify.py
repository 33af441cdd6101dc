"""The verbs `verify` and `card`: a finished data set is checked, or its card is written again."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from pipelines.config import CardConfig, VerifyConfig
from pipelines.data_set import existing_data_set
from pipelines.errors import UserError
from pipelines.render.plan.fingerprint import sha256_of
from pipelines.render.plan.finished import compared_with_plan
from pipelines.render.plan.plan import read_plan
from pipelines.runs.data_set_paths import DataSetPaths
from pipelines.runs.disk import counted
from pipelines.runs.progress_bar import ProgressBar
from pipelines.runs.settings import read_settings
from pipelines.runs.verb_result import VerbResult
from shards.archive import shard_tars
from shards.card import write_card
from shards.complaint import ALL, Complaint
from shards.parallel import cores
from shards.storage import StoragePath, is_local
from shards.validate import ValidationReport, validate

_BYTES_WORTH_A_WORKER = 64 << 20  # by judgment: a worker takes some 2 s to start, which was seen on tiny sets


@dataclass(frozen=True)
class Verification(VerbResult):
    """The report on a data set."""

    out: str
    report: ValidationReport

    @property
    def exit_code(self) -> int:
        """4 when there is damage."""
        return 0 if self.report.ok else 4

    def to_json(self) -> dict[str, Any]:
        """The report alone."""
        return self.report.to_json()

    def summary(self) -> str:
        """One line for each complaint, then counts and the verdict."""
        report = self.report
        counts = ", ".join(map(counted, (report.samples, report.frames, report.shards), ("sample", "frame", "shard")))
        verdict = f"complaints: {len(report.complaints)}" if report.complaints else "sound"
        return "\n".join([*map(str, report.complaints), f"{self.out}: {counts}; {verdict}"])


@dataclass(frozen=True)
class WrittenCard(VerbResult):
    """The card's path."""

    card: str

    def summary(self) -> str:
        """The path."""
        return self.card


def verify(config: VerifyConfig) -> Verification:
    """Check a data set, also against its plan and its settings. Raises UserError when there is none."""
    out = existing_data_set(config.out)
    try:
        with ProgressBar("verify", "shards", len(shard_tars(out / "shards"))) as bar:
            report = validate(out, _workers(out, config), bar.advance)
    except BrokenProcessPool as error:
        raise UserError(f"a worker that checked {out} was killed: too little memory? Try --workers 1", 1) from error
    complaints = (*report.complaints, *_compared_with_run(DataSetPaths(out)))
    return Verification(str(config.out), dataclasses.replace(report, complaints=complaints))


def _workers(out: StoragePath, config: VerifyConfig) -> int:
    """What was asked, or processes that are worth their start: one a core for much data, one for little.

    One for a store, too: it reads as fast as the network.
    """
    if not is_local(out):
        return 1
    if config.workers != "auto":
        return config.workers
    tar_bytes = sum(tar.stat().st_size for tar in shard_tars(out / "shards"))
    return max(1, min(cores(), tar_bytes // _BYTES_WORTH_A_WORKER))


def _compared_with_run(paths: DataSetPaths) -> Iterator[Complaint]:
    """Complaints about shards that are not what the run that made the data set had planned."""
    try:
        settings_sha256 = sha256_of(read_settings(paths.fingerprint))
        plan = read_plan(paths.plan)
    except (OSError, ValueError, UserError) as error:
        message = (
            f"must be there and readable, so that shards can be compared with the run that made them, got: {error}"
        )
        yield Complaint(".meta", ALL, "plan.jsonl, config.json", message)
    else:
        yield from compared_with_plan(paths, plan, settings_sha256)


def rewrite_card(config: CardConfig) -> WrittenCard:
    """Write OUT/README.md. Raises UserError when there is no data set, no sample in it, or a damaged marker."""
    try:
        return WrittenCard(str(write_card(existing_data_set(config.out))))
    except ValueError as error:
        raise UserError(f"{error}; see `refocus-foundry verify {config.out}`", exit_code=1) from error
