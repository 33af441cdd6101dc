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
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NoReturn

import tyro
from tyro.conf import subcommand

from pipelines.audit.config import AuditConfig
from pipelines.bench.config import BenchConfig
from pipelines.benchmark.config import BenchmarkConfig
from pipelines.config import CardConfig, DoctorConfig, FetchDepthConfig, VerifyConfig
from pipelines.errors import UserError, did_you_mean
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
from pipelines.usage.check import check_arguments
from pipelines.usage.examples import EXAMPLES
from pipelines.usage.flags import flags_of
from pipelines.usage.help import program_help, verb_help
from pipelines.validate.config import ValidateConfig
from shards.object_store import failure_of_store

PROGRAM = "refocus-foundry"
ABOUT = "All-in-focus photos become focus- and blur-annotated training shards."
PROGRAM_EXAMPLES = (
    f"{PROGRAM} render --recipe demo",
    f"{PROGRAM} preview out/demo",
    f"{PROGRAM} render --photos my/photos --out out/mine",
)


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
    "fetch-depth": Verb(FetchDepthConfig, "pipelines.fetch_depth:fetch_depth"),
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
EXTRAS_OF_VERB = {"validate": "validate", "experiment": "train,benchmark"}
"""Verb -> all that it needs, where the package that is missing first would name a part."""


def run_command(arguments: Sequence[str]) -> int:
    """Parse the arguments, run the verb, print its result, say errors in one line. Returns the exit code."""
    words, verbosity = split_verbosity(arguments)
    log_to_stderr(verbosity)
    try:
        config = parse(words)
        refuse_urls(config)
        verb = next(verb for verb in VERBS.values() if verb.config is type(config))
        result, code = _run(verb, config, is_traced=verbosity > 0)
        if result:
            print(json.dumps(result.to_json(), sort_keys=True) if config.json else printable(result.summary()))
        sys.stdout.flush()
        return code
    except UserError as error:
        return _fail(str(error), error.exit_code)


def _run(verb: Verb, config: Any, is_traced: bool) -> tuple[VerbResult | None, int]:
    """The result of the verb, or None after an error that has been said; and the exit code."""
    try:
        result = verb.run(config)
        return result, result.exit_code
    except (Exception, Interrupted) as error:
        if is_traced:
            traceback.print_exc()
        name = next(name for name, other in VERBS.items() if other is verb)
        return None, _said(error, name)
    except KeyboardInterrupt:
        return None, _fail("interrupted", 130)


def _said(error: Exception | Interrupted, verb: str) -> int:
    """Say an error that a user can do something about in one line; the exit code. Raises any other."""
    if isinstance(error, UserError):
        return _fail(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRAS.get((error.name or "").partition(".")[0])):
        extra = EXTRAS_OF_VERB.get(verb, extra)
        return _fail(f"{error.name} is not installed; pip install '{PROGRAM}[{extra}]'", 2)
    if isinstance(error, Interrupted):
        return _fail("interrupted; finished shards are kept, the same command resumes", error.exit_code)
    if isinstance(error, OSError):  # a disk that is full, a folder that may not be written: not ours to trace
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}; {_way_out(error)}", 1)
    if reason := failure_of_store(error):
        way_out = "check network and credentials, then give the same command again: it goes on where it stopped"
        return _fail(f"{reason}; {way_out}", 1)
    raise error


def parse(arguments: Sequence[str]) -> Any:
    """The configuration record of the verb. Raises UserError, and SystemExit(0) after help and version."""
    first, words = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if first == "--version":
        _show(f"{PROGRAM} {version(PROGRAM)}")
    if first in ("-h", "--help", "help"):
        _show(program_help(PROGRAM, ABOUT, {name: _sentence(verb) for name, verb in VERBS.items()}, PROGRAM_EXAMPLES))
    if first.startswith("--tyro-"):
        verbs = [Annotated[verb.config, subcommand(name)] for name, verb in VERBS.items()]
        if first == "--tyro-write-completion" and len(arguments) > 2:
            Path(arguments[2]).parent.mkdir(parents=True, exist_ok=True)  # tyro does not make it
        return tyro.cli(reduce(operator.or_, verbs), prog=PROGRAM, args=list(arguments), config=_FLAT)  # type: ignore
    if first not in VERBS:
        hint = did_you_mean(first, list(VERBS)) or f" (the verbs are {', '.join(VERBS)})"
        got = f"no verb is called {first!r}" if first and first[0] != "-" else "a verb must come first"
        raise UserError(f"{got}{hint}; see `{PROGRAM} --help`")
    verb, command = VERBS[first], f"{PROGRAM} {first}"
    recipe = verb.recipes.get(_word_after("--recipe", words))
    flags = flags_of(verb.config, recipe)
    examples = [f"{command} {example}".strip() for example in EXAMPLES[first]]
    if {"-h", "--help"} & set(words):
        _show(verb_help(command, verb.config, flags, examples))
    check_arguments(command, words, flags, examples[0])
    default = {"default": recipe} if recipe else {}
    return tyro.cli(verb.config, prog=command, args=words, config=_FLAT, **default)


_FLAT = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone)


def split_verbosity(arguments: Sequence[str]) -> tuple[list[str], int]:
    """The arguments without -q and -v, and their count: below 0 quiet, above 0 verbose."""
    steps = {"-q": -1, "--quiet": -1, "-v": 1, "--verbose": 1}
    return [word for word in arguments if word not in steps], sum(steps.get(word, 0) for word in arguments)


def _word_after(flag: str, words: Sequence[str]) -> str:
    """The value of a flag, written `--flag value` or `--flag=value`; empty when it is not given."""
    parted = [part for word in words for part in (word.split("=", 1) if word.startswith(f"{flag}=") else [word])]
    return next((value for name, value in pairwise(parted) if name == flag), "")


def _sentence(verb: Verb) -> str:
    return " ".join((verb.config.__doc__ or "").split())


def _show(text: str) -> NoReturn:
    print(text)
    sys.stdout.flush()
    raise SystemExit(0)


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
