from __future__ import annotations

import pickle

from shards import Complaint, FieldError, FieldTypeError


def test_a_complaint_reads_as_one_line_that_names_shard_key_and_field() -> None:
    line = str(Complaint("train-000003", "00000012", "frame_01.jpg", "must be there"))
    assert line == "train-000003 00000012 frame_01.jpg: must be there"


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FieldTypeError("scale", "must be a float", "00000012")))
    assert type(error) is FieldTypeError
    assert isinstance(error, TypeError)
    assert str(error) == "00000012.scale must be a float"


def test_an_error_is_seen_from_outside() -> None:
    assert str(FieldError("scale", "must be positive").within("disparity", "00000012")) == (
        "00000012.disparity.scale must be positive"
    )
