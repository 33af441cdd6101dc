"""The samples of a data set in order: our own shards by their codec, other formats by a field map."""

import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby

from pipelines.audit.audited_sample import AuditedSample
from pipelines.audit.field_map import FieldMap
from pipelines.errors import UserError, one_line
from shards.archive import shard_tars
from shards.codec import MAX_SAMPLE_BYTES, decode
from shards.foreign_file import is_foreign_file, open_foreign
from shards.object_store import StoreError
from shards.order import ReaderShard
from shards.reader import ShardStream, find_shards
from shards.storage import StoragePath
from simulator import ThinLens


def read_samples(out: StoragePath, field_map: FieldMap | None = None) -> Iterator[AuditedSample]:
    """Every sample in the order of the shards. Raises UserError, also during iteration, for what cannot be read."""
    try:
        yield from _own_samples(out) if field_map is None else _foreign_samples(out, field_map)
    except (UserError, StoreError):
        raise
    except Exception as error:  # tarfile and its decompressors raise a dozen kinds on foreign bytes
        way_out = f"see `refocus-foundry verify {out}`" if field_map is None else "see docs/audit.md for --map"
        raise UserError(f"{one_line(error)}; {way_out}", exit_code=1) from error


def count_samples(out: StoragePath, field_map: FieldMap | None = None) -> int:
    """Number of samples. Raises UserError when there is no shard."""
    try:
        if field_map is None:
            return sum(shard.samples for shard in find_shards(out))
        return sum(len(_keys(tar)) for tar in _tars(out))
    except StoreError:
        raise
    except Exception as error:  # as in read_samples
        raise UserError(
            f"{one_line(error)}; name the --out folder of a render run, a folder of tars or a tar"
        ) from error


def _own_samples(out: StoragePath) -> Iterator[AuditedSample]:
    for shard in find_shards(out):
        if shard.samples:
            yield from ShardStream([shard], ReaderShard(seed=None), partial(_own, shard.path.stem))


def _foreign_samples(out: StoragePath, field_map: FieldMap) -> Iterator[AuditedSample]:
    """By tarfile: tars of other writers have PAX headers, times and owners, which our own reader refuses."""
    for path in _tars(out):
        with open_foreign(path) as file, tarfile.open(fileobj=file) as tar:
            files = (member for member in tar if _is_field(member))
            for key, members in groupby(files, key=lambda member: _split(member.name)[0]):
                yield field_map.sample(path.stem, key, _contents(tar, members))


def _tars(out: StoragePath) -> list[StoragePath]:
    tars: list[StoragePath] = [out] if is_foreign_file(out) else shard_tars(out, "**/*.tar", "**/*.tar.gz", "**/*.tgz")
    if not tars:
        raise ValueError(f"{out} must be a tar or hold tars, got none")
    return tars


def _keys(path: StoragePath) -> list[str]:
    with open_foreign(path) as file, tarfile.open(fileobj=file) as tar:
        return [key for key, _ in groupby(_split(member.name)[0] for member in tar if _is_field(member))]


def _is_field(member: tarfile.TarInfo) -> bool:
    """Not an entry of a folder or a link, nor what macOS adds to each file."""
    return member.isfile() and not member.name.rpartition("/")[2].startswith("._")


def _split(name: str) -> tuple[str, str]:
    """WebDataset's rule: the key ends at the first dot of the file's name; the rest, in lower case, is the field."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    key, _, field = file.partition(".")
    return folder + slash + key, field.lower()


def _contents(tar: tarfile.TarFile, members: Iterable[tarfile.TarInfo]) -> dict[str, bytes]:
    """The fields of one sample. Raises ValueError where they are more than a sample may hold."""
    contents: dict[str, bytes] = {}
    left = MAX_SAMPLE_BYTES
    for member in members:
        file, left = tar.extractfile(member), left - member.size
        if file is None or left < 0:
            raise ValueError(f"{member.name} must end a sample of at most {MAX_SAMPLE_BYTES} bytes, has {member.size}")
        contents[_split(member.name)[1]] = file.read()
    return contents


def _own(shard: str, key: str, fields: Mapping[str, bytes]) -> AuditedSample:
    sample = decode(key, fields)
    record = sample.record
    return AuditedSample(
        key=key,
        shard=shard,
        split=record.split,
        scene=record.scene_id,
        photo=sample.aif,
        disparity=sample.disparity_values(),
        known=sample.valid,
        codes=sample.disparity,
        lenses=tuple(ThinLens(f.focus_disparity, f.blur_scale_px) for f in record.frames),
        groups=tuple(f.group for f in record.frames),
        picture=sample.frames.__getitem__,
        record=record,
        photo_is_exact="aif.png" in fields,
    )
