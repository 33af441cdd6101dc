"""The command line: verbs and flags made from configuration records by tyro, and exit codes.

stdout carries results alone (`--json`: one object), everything else goes to stderr. Exit codes: 0 done, 1 failed,
2 usage, configuration or fingerprint, 3 too many rejects, 4 verify found damage or audit a false label, 130 and 143 on
signals.
"""

from __future__ import annotations

import dataclasses
import errno
import importlib
import json
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import tyro
from tyro.conf import Positional, subcommand

from pipelines.audit.config import AuditConfig
from pipelines.bench.config import BenchConfig
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.data_set import existing_data_set
from pipelines.errors import UserError
from pipelines.experiment.config import ExperimentConfig
from pipelines.preview.config import PreviewConfig
from pipelines.refocus.config import RefocusConfig
from pipelines.render.config import Place, RenderConfig
from pipelines.render.recipes import RECIPES
from pipelines.runs.console_log import log_to_stderr
from pipelines.runs.interruption import Interrupted
from pipelines.train.config import TrainConfig
from pipelines.train.recipes import RECIPES as TRAIN_RECIPES
from pipelines.validate.config import ValidateConfig

PROGRAM = "refocus-foundry"


@dataclass(frozen=True)
class DoctorConfig:
    """Say what is installed, which devices there are, and whether disk and depth model are ready for a run."""

    out: Path = Path("out")
    """Where the data set would go."""
    samples: int = 1000
    """How many samples it would have."""
    depth: str = "auto"
    """Which depth model it would use: auto, or a model's id or folder."""
    json: bool = False
    """Result as one JSON object on stdout."""


@dataclass(frozen=True)
class VerifyConfig:
    """Check every byte and label of a data set; exit code 4 when something is wrong."""

    out: Positional[Place]
    """Folder of the data set, or its URL."""
    json: bool = False
    """Result as one JSON object on stdout."""


@dataclass(frozen=True)
class CardConfig:
    """Write the data set's card, OUT/README.md, again."""

    out: Positional[Place]
    """Folder of the data set, or its URL."""


def run_command(arguments: Sequence[str]) -> int:
    """Parse the arguments, run the verb, say errors in one line. Returns the exit code."""
    log_to_stderr()
    try:
        config = parse(arguments)
        return _RUN[type(config)](config)
    except UserError as error:
        return _fail(str(error), error.exit_code)
    except Interrupted as interrupted:
        return _fail("interrupted; finished shards are kept, the same command resumes", interrupted.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:  # a disk that is full, a folder that may not be written: not ours to trace
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}; {_way_out(error)}", 1)


_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)


def _way_out(error: OSError) -> str:
    if error.errno in _FULL:
        return "free some space and give the same command again: finished shards are kept"
    if error.errno in _CLOSED:
        return "name a folder that exists or can be made, and that you may read and write"
    return "the same command again goes on where it stopped"


def parse(arguments: Sequence[str]) -> Any:
    """The configuration record of the verb. Raises UserError or, with tyro's own message, SystemExit(2)."""
    verbs: list[Any] = []
    for verb, record in VERBS.items():
        default = _recipe(arguments, RECIPES_OF[record]) if record in RECIPES_OF else None
        named = subcommand(verb) if default is None else subcommand(verb, default=default)
        verbs.append(Annotated[record, named])
    flat = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    return tyro.cli(reduce(operator.or_, verbs), prog=PROGRAM, description=ABOUT, args=list(arguments), config=flat)


def _recipe(arguments: Sequence[str], recipes: Mapping[str, Callable[[], Any]]) -> Any:
    """What `--recipe` names, for the flags to go on top of; tyro itself complains about a name that is none."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    names = [name for flag, name in pairwise(words) if flag == "--recipe"]
    return recipes[names[-1]]() if names and names[-1] in recipes else None


# The verbs. Each imports its work when it is called: torch and Ray take seconds, and `--help` should not.


def _doctor(config: DoctorConfig) -> int:
    from pipelines.doctor import examine

    findings = examine(config.out, config.samples, config.depth)
    _print(findings, findings.summary(), config.json)
    return findings.exit_code


def _render(config: RenderConfig) -> int:
    from pipelines.render import run

    if config.dry_run:
        forecast = run.forecast(config)
        _print(forecast, forecast.summary(), config.json)
        return 0
    result = run.render(config)
    _print(result, result.summary(), config.json)
    return result.exit_code


def _verify(config: VerifyConfig) -> int:
    from shards.validate import validate

    report = validate(existing_data_set(config.out))
    if config.json:
        print(json.dumps(report.to_json(), sort_keys=True))
    else:
        counts = f"{report.samples} samples, {report.frames} frames, shards: {report.shards}"
        verdict = f"complaints: {len(report.complaints)}" if report.complaints else "sound"
        print("\n".join([*map(str, report.complaints), f"{config.out}: {counts}; {verdict}"]))
    return 0 if report.ok else 4


def _card(config: CardConfig) -> int:
    from shards.card import write_card

    try:
        print(write_card(existing_data_set(config.out)))
    except ValueError as error:  # no sample, or a damaged marker
        raise UserError(f"{error}; see `{PROGRAM} verify {config.out}`", exit_code=1) from error
    return 0


def _train(config: TrainConfig) -> int:
    from pipelines.train.run import train

    result = train(config)
    _print(result, result.summary(), config.json)
    return 0


def _refocus(config: RefocusConfig) -> int:
    from pipelines.refocus.run import run

    result = run(config)
    _print(result, result.summary(), config.json)
    return 0


def _experiment(config: ExperimentConfig) -> int:
    from pipelines.experiment.run import run

    result = run(config)
    print(json.dumps(result.to_json(), sort_keys=True) if config.json else result.summary())
    return 0


def _validate(config: ValidateConfig) -> int:
    from pipelines.validate.run import run

    result = run(config)
    print(json.dumps(result.to_json(), sort_keys=True) if config.json else result.summary())
    return 0


def _bench(config: BenchConfig) -> int:
    from pipelines.bench.run import run

    report = run(config)
    print(json.dumps(dataclasses.asdict(report), sort_keys=True) if config.json else report.summary())
    return 0


def _later(module: str) -> Callable[[Any], int]:
    """The module's `command`, imported when it is called. Raises UserError for a package of an extra."""

    def command(config: Any) -> int:
        try:
            return int(importlib.import_module(module).command(config))
        except ModuleNotFoundError as error:
            if error.name not in ("matplotlib", "torchmetrics"):
                raise
            raise UserError(f"{error.name} is not installed; pip install 'refocus-foundry[benchmark]'") from error

    return command


def _print(record: Any, summary: str, as_json: bool) -> None:
    print(json.dumps(dataclasses.asdict(record), sort_keys=True) if as_json else summary)


def _fail(message: str, exit_code: int) -> int:
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return exit_code


ABOUT = "All-in-focus photos become focus- and blur-annotated training shards."
VERBS: dict[str, type[Any]] = {
    "doctor": DoctorConfig,
    "render": RenderConfig,
    "verify": VerifyConfig,
    "preview": PreviewConfig,
    "card": CardConfig,
    "audit": AuditConfig,
    "benchmark": BenchmarkConfig,
    "train": TrainConfig,
    "refocus": RefocusConfig,
    "experiment": ExperimentConfig,
    "validate": ValidateConfig,
    "bench": BenchConfig,
}
RECIPES_OF: dict[type[Any], Mapping[str, Callable[[], Any]]] = {RenderConfig: RECIPES, TrainConfig: TRAIN_RECIPES}
_RUN: dict[type[Any], Callable[[Any], int]] = {
    DoctorConfig: _doctor,
    RenderConfig: _render,
    VerifyConfig: _verify,
    PreviewConfig: _later("pipelines.preview.command"),
    CardConfig: _card,
    AuditConfig: _later("pipelines.audit.run"),
    BenchmarkConfig: _later("pipelines.benchmark.run"),
    TrainConfig: _train,
    RefocusConfig: _refocus,
    ExperimentConfig: _experiment,
    ValidateConfig: _validate,
    BenchConfig: _bench,
}
