"""A defect of a data set and its location, as a record for reports and as an error."""

from __future__ import annotations

from dataclasses import dataclass

ALL = "*"  # the key or field of a complaint about all keys or all fields


@dataclass(frozen=True)
class Complaint:
    """One defect of a data set.

    Attributes:
        shard: shard name without folder and suffix (`train-000003`), or the side file (`index.json`).
        key: the sample's key, or `*` for a complaint about the shard.
        field: the tar field (`frame_03.jpg`), a label within the json (`json.focus_x[2]`), a file of the
            shard (`tar`, `.meta/train-000003.json`), or `*`.
        message: the requirement and the value found.
    """

    shard: str
    key: str
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.shard} {self.key} {self.field}: {self.message}"


class FieldError(ValueError):
    """A field whose value violates a requirement.

    Attributes:
        field: name of the field (`disparity.scale`, `frame_03.jpg`).
        message: the requirement and the value found; follows the field's name in a sentence.
        key: the sample's key where it is known, else "".
    """

    def __init__(self, field: str, message: str, key: str = "") -> None:
        super().__init__(field, message, key)  # all three, so that the error survives pickling
        self.field, self.message, self.key = field, message, key

    def __str__(self) -> str:
        return f"{self.key}.{self.field} {self.message}" if self.key else f"{self.field} {self.message}"

    def within(self, parent: str, key: str = "") -> FieldError:
        """The same error with the field's parent in its name: `scale` becomes `disparity.scale`."""
        return type(self)(f"{parent}.{self.field}" if parent else self.field, self.message, key or self.key)


class FieldTypeError(FieldError, TypeError):
    """A field whose value has the wrong type."""
