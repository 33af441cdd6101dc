"""What goes wrong for a user, said in one line: a run that cannot go on, and a photo that is left out."""


class UserError(Exception):
    """The run cannot go on, and the user can do something about it.

    The message is one line: the thing, what must hold, what came, the way out. The command line prints it
    without a traceback and exits with `exit_code` (2: usage, configuration or fingerprint).
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message, exit_code)  # both in `args`, so that the error survives pickling
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message


def require(holds: bool, flag: str, must: str, got: object) -> None:
    """Raise UserError `FLAG must MUST; got GOT` unless the condition holds."""
    if not holds:
        raise UserError(f"{flag} must {must}; got {got}")


class Rejection(Exception):
    """One photo is left out and the run goes on.

    `stage` is where it happened ("photo", "depth", ...), `code` a short stable word for counting
    ("truncated"), `message` the reason in one line. Whoever catches it adds which photo it was.
    """

    def __init__(self, stage: str, code: str, message: str) -> None:
        super().__init__(stage, code, message)
        self.stage = stage
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.stage}/{self.code}: {self.message}"
