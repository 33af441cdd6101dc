"""The file format: one sample is one scene, one photo and its whole focal stack, in WebDataset tars.

Knows numpy, OpenCV, Pillow, webdataset and pyarrow; imports nothing else of this project.
"""

from .access import SampleAccess, ShardFile
from .card import write_card
from .codec import ImageCodec, decode, encode
from .complaint import Complaint, FieldError, FieldTypeError
from .index import remove_stale_temporaries, write_index
from .labels import FrameLabels
from .marker import Marker, is_complete, read_marker
from .object_store import StoreError
from .order import ReaderShard, epoch_order
from .reader import ShardStream, find_shards, read_shards
from .record import (
    SCHEMA_VERSION,
    SPLITS,
    ApertureRecord,
    DisparityRecord,
    ImagingRecord,
    LensRecord,
    PhotoRecord,
    RendererRecord,
    SampleRecord,
    SceneRecord,
)
from .sample import Sample
from .stored_fields import StoredFields
from .validate import ValidationReport, validate
from .writer import ShardWriter

__all__ = [
    "SCHEMA_VERSION",
    "SPLITS",
    "ApertureRecord",
    "Complaint",
    "DisparityRecord",
    "FieldError",
    "FieldTypeError",
    "FrameLabels",
    "ImageCodec",
    "ImagingRecord",
    "LensRecord",
    "Marker",
    "PhotoRecord",
    "ReaderShard",
    "RendererRecord",
    "Sample",
    "SampleAccess",
    "SampleRecord",
    "SceneRecord",
    "ShardFile",
    "ShardStream",
    "ShardWriter",
    "StoreError",
    "StoredFields",
    "ValidationReport",
    "decode",
    "encode",
    "epoch_order",
    "find_shards",
    "is_complete",
    "read_marker",
    "read_shards",
    "remove_stale_temporaries",
    "validate",
    "write_card",
    "write_index",
]
