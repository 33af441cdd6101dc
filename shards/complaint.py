"""What is wrong, and where: the record that validate and reader share, and the error that carries it."""

from __future__ import annotations

from dataclasses import dataclass

EVERY = "*"  # stands for "all keys" or "all fields" where a complaint is about something larger


@dataclass(frozen=True)
class Complaint:
    """One thing wrong with a data set.

    Attributes:
        shard: shard name without folder and suffix (`train-000003`), or the side file (`index.json`).
        key: the sample's key, or `*` when the complaint is about the whole shard.
        field: the tar field (`frame_03.jpg`), a label within the json (`json.focus_x[2]`), a file of the
            shard (`tar`, `.meta/train-000003.json`), or `*`.
        message: what must hold and what came.
    """

    shard: str
    key: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.shard} {self.key} {self.field}: {self.message}"


class FieldError(ValueError):
    """A value that does not hold what its field promises.

    Attributes:
        field: name of the field (`disparity.scale`, `frame_03.jpg`).
        message: what must hold and what came, to be read after the field's name.
        key: the sample's key where it is known, else "".
    """

    def __init__(self, field: str, message: str, key: str = "") -> None:
        super().__init__(field, message, key)  # all three, so that the error survives pickling
        self.field, self.message, self.key = field, message, key

    def __str__(self) -> str:
        return f"{self.key}.{self.field} {self.message}" if self.key else f"{self.field} {self.message}"

    def within(self, parent: str, key: str = "") -> FieldError:
        """The same error seen from outside: `scale` becomes `disparity.scale`."""
        return type(self)(f"{parent}.{self.field}" if parent else self.field, self.message, key or self.key)


class FieldTypeError(FieldError, TypeError):
    """A field that holds another type than it promises."""
