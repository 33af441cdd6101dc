"""The command line: verbs and flags made from configuration records by tyro, and exit codes.

stdout carries results alone (`--json`: one object), everything else goes to stderr. Exit codes: 0 done, 1 failed,
2 usage, configuration or fingerprint, 3 too many rejects, 4 verify found damage or audit a false label, 130 and 143 on
signals.
"""

import errno
import importlib
import json
import operator
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import reduce
from typing import Annotated, Any, get_type_hints

import tyro
from tyro.conf import subcommand

from pipelines.audit.config import AuditConfig
from pipelines.bench.config import BenchConfig
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.config import CardConfig, DoctorConfig, VerifyConfig
from pipelines.errors import UserError
from pipelines.experiment.config import ExperimentConfig
from pipelines.export.config import ExportConfig, PublishConfig
from pipelines.gpu.config import GpuConfig
from pipelines.preview.config import PreviewConfig
from pipelines.refocus.config import RefocusConfig
from pipelines.render.config import RenderConfig
from pipelines.render.recipes import RECIPES as RENDER_RECIPES
from pipelines.runs.console_log import log_to_stderr, printable
from pipelines.runs.interruption import Interrupted
from pipelines.runs.place import refuse_urls
from pipelines.runs.verb_result import VerbResult
from pipelines.train.config import TrainConfig
from pipelines.train.recipes import RECIPES as TRAIN_RECIPES
from pipelines.validate.config import ValidateConfig
from shards.object_store import failure_of_store

PROGRAM = "refocus-foundry"
ABOUT = "All-in-focus photos become focus- and blur-annotated training shards."


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        config: record of its flags.
        function: `module:name` of the function that takes the record and returns a VerbResult. It is imported when
            the verb runs: torch and Ray take seconds, which `--help` must not.
        recipes: named configurations for `--recipe`.
    """

    config: type[Any]
    function: str
    recipes: Mapping[str, Any] = field(default_factory=dict)

    def run(self, config: Any) -> VerbResult:
        """Run the verb."""
        module, _, name = self.function.partition(":")
        result: VerbResult = getattr(importlib.import_module(module), name)(config)
        return result


VERBS = {
    "doctor": Verb(DoctorConfig, "pipelines.doctor:examine"),
    "render": Verb(RenderConfig, "pipelines.render.run:run", RENDER_RECIPES),
    "verify": Verb(VerifyConfig, "pipelines.verify:verify"),
    "preview": Verb(PreviewConfig, "pipelines.preview.command:preview"),
    "card": Verb(CardConfig, "pipelines.verify:rewrite_card"),
    "audit": Verb(AuditConfig, "pipelines.audit.run:audit"),
    "export": Verb(ExportConfig, "pipelines.export.run:export"),
    "publish": Verb(PublishConfig, "pipelines.export.publish:publish"),
    "benchmark": Verb(BenchmarkConfig, "pipelines.benchmark.run:benchmark"),
    "train": Verb(TrainConfig, "pipelines.train.run:train", TRAIN_RECIPES),
    "refocus": Verb(RefocusConfig, "pipelines.refocus.run:run"),
    "experiment": Verb(ExperimentConfig, "pipelines.experiment.run:run"),
    "validate": Verb(ValidateConfig, "pipelines.validate.run:run"),
    "bench": Verb(BenchConfig, "pipelines.bench.run:run"),
    "gpu": Verb(GpuConfig, "pipelines.gpu.run:run"),
}
EXTRAS = {
    "matplotlib": "benchmark",
    "torchmetrics": "benchmark",
    "mitsuba": "validate",
    "accelerate": "train",
    "tensorboard": "train",
}
"""Package -> the extra that installs it."""


def run_command(arguments: Sequence[str]) -> int:
    """Parse the arguments, run the verb, print its result, say errors in one line. Returns the exit code."""
    log_to_stderr()
    try:
        config = parse(arguments)
        refuse_urls(config)
        verb = next(verb for verb in VERBS.values() if verb.config is type(config))
        result = verb.run(config)
        print(json.dumps(result.to_json(), sort_keys=True) if config.json else printable(result.summary()))
        return result.exit_code
    except UserError as error:
        return _fail(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        return _fail(f"{error.name} is not installed; pip install '{PROGRAM}[{extra}]'", 2)
    except Interrupted as interrupted:
        return _fail("interrupted; finished shards are kept, the same command resumes", interrupted.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except OSError as error:  # a disk that is full, a folder that may not be written: not ours to trace
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}; {_way_out(error)}", 1)
    except Exception as error:
        reason = failure_of_store(error)
        if not reason:
            raise
        way_out = "check network and credentials, then give the same command again: it goes on where it stopped"
        return _fail(f"{reason}; {way_out}", 1)


def parse(arguments: Sequence[str]) -> Any:
    """The configuration record of the verb. Raises UserError or, with tyro's own message, SystemExit(2)."""
    subcommands: list[Any] = []
    for name, verb in VERBS.items():
        recipe = _recipe(verb, arguments) if verb.recipes and name in arguments[:1] else None
        default = {"default": recipe} if recipe else {}
        subcommands.append(Annotated[verb.config, subcommand(name, **default)])
    flat = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    verbs = reduce(operator.or_, subcommands)
    return tyro.cli(verbs, prog=PROGRAM, description=ABOUT, args=list(arguments), config=flat)


def _recipe(verb: Verb, arguments: Sequence[str]) -> Any:
    """The configuration that `--recipe` names, or None: other flags go on top of it."""
    names = get_type_hints(verb.config)["recipe"]
    flag = make_dataclass("RecipeFlag", [("recipe", names, "default")])
    named: Any = tyro.cli(flag, prog=PROGRAM, args=list(arguments[1:]), add_help=False, return_unknown_args=True)
    return verb.recipes.get(named[0].recipe)


_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)


def _way_out(error: OSError) -> str:
    if error.errno in _FULL:
        return "free some space and give the same command again: finished shards are kept"
    if error.errno in _CLOSED:
        return "name a folder that exists or can be made, and that you may read and write"
    return "the same command again goes on where it stopped"


def _fail(message: str, exit_code: int) -> int:
    print(f"{PROGRAM}: {printable(' '.join(message.split()))}", file=sys.stderr)
    return exit_code
