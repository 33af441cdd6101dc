"""Arguments against the flags of a verb: the first thing that is wrong, in one line with the way out."""

from collections.abc import Sequence

from pipelines.errors import UserError, did_you_mean
from pipelines.usage.flags import REQUIRED, Flag


def check_arguments(command: str, words: Sequence[str], flags: Sequence[Flag], example: str) -> None:
    """Raise UserError unless these words are flags and values of the command (`refocus-foundry render`).

    `example` is a command that holds all that must be given.
    """
    verb, see = command.split()[-1], f"see `{command} --help`"
    by_name = {flag.name: flag for flag in flags}
    positionals = [flag for flag in flags if flag.is_positional]
    given: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        name = name.replace("_", "-")
        if name.startswith("--"):
            if name not in by_name or by_name[name].is_positional:
                known = [flag.name for flag in flags if not flag.is_positional]
                raise UserError(f"{verb} has no flag {name}{did_you_mean(name, known)}; {see}")
            flag = by_name[name]
            rest = _check_values(flag, [value, *rest] if equals else rest, bool(equals))
        else:
            left = [flag for flag in positionals if flag.name not in given]
            if not left:
                hint = did_you_mean(f"--{word.lstrip('-')}", [flag.name for flag in flags if flag.name[2:] in word])
                raise UserError(f"{verb} takes no argument {word!r}{hint}; {see}")
            flag = left[0]
        given.add(flag.name)
    missing = [flag for flag in flags if flag.default is REQUIRED and flag.name not in given]
    if missing:
        named = " and ".join(flag.name for flag in missing)
        raise UserError(f"{verb} needs {named}, such as `{example}`; {see}")


def _check_values(flag: Flag, rest: list[str], is_inline: bool) -> list[str]:
    """The words behind the values of a flag."""
    fewest, most = flag.values
    count = next((index for index, word in enumerate(rest) if word.startswith("--")), len(rest))
    count = int(min(count, most))
    if is_inline and most == 0:
        raise UserError(f"{flag.name} takes no value; got {rest[0]!r}")
    if count < fewest:
        raise UserError(f"{flag.name} needs {'a value' if fewest == 1 else f'{fewest} values'}: {flag.metavar}")
    for word in rest[:count]:
        if not flag.accepts(word):
            hint = did_you_mean(word, flag.words)
            raise UserError(f"{flag.name} must be {flag.must_be}; got {word!r}{hint}")
    return rest[count:]
