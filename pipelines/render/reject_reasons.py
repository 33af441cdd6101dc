"""Every code of a rejection: what the console says, what a photo must meet, and the way out.

`python -m pipelines.render.reject_reasons` prints the table of docs/vetting.md.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipelines.runs.disk import counted

PAGE = "docs/vetting.md"


class Reason(NamedTuple):
    """`said` follows a count: "9 too blurred"."""

    said: str
    must: str
    remedy: str


_AGAIN = "copy or download it again"
_CONVERT = "convert it to JPEG, PNG, WebP or TIFF"
REASONS: dict[str, Reason] = {
    "photo/missing": Reason("not there", "the file exists", "correct the list; a link may point to nothing"),
    "photo/unreadable": Reason(
        "not readable",
        "a regular file that may be read and that decodes",
        f"make it readable; {_AGAIN}",
    ),
    "photo/truncated": Reason("cut short", "the image is whole to its end", _AGAIN),
    "photo/empty": Reason("empty", "the file has bytes other than zero", _AGAIN),
    "photo/lfs_pointer": Reason("Git LFS pointers", "the file is the photo itself", "run `git lfs pull`"),
    "photo/web_page": Reason("web pages", "a photo, not the page of an error or a login", "download it again"),
    "photo/heic": Reason("HEIC", "HEIC needs an extra package", "`pip install 'refocus-foundry[heic]'`, or convert it"),
    "photo/format": Reason("of a format that is not read", "JPEG, PNG, WebP or TIFF, whatever the name says", _CONVERT),
    "photo/too_large": Reason(
        "too large",
        "at most 128 megapixels, and no more bytes than they have uncompressed",
        "scale it down",
    ),
    "photo/too_small": Reason("too small", "the short side has at least 64 px", "bring the original"),
    "photo/too_narrow": Reason(
        "too narrow", "the short side has at least 32 px at `--long-side`", "cut it, or raise `--long-side`"
    ),
    "photo/animated": Reason("of several frames", "one picture, not an animation or pages", "extract one frame"),
    "photo/transparent": Reason("transparent", "opaque: alpha at least 250 of 255", "flatten it onto a background"),
    "photo/cmyk": Reason("CMYK or Lab without a sound profile", "colors that are known", "convert it to sRGB"),
    "photo/gray16": Reason("16-bit gray", "8 bits: 16-bit gray is depth or a scan", "name depth `STEM.disparity.png`"),
    "photo/color_mode": Reason("of an unusual color mode", "a mode that becomes RGB", _CONVERT),
    "photo/duplicate": Reason("exact duplicates", "no other photo has the same bytes", "the first is kept"),
    "photo/changed": Reason("changed", "the bytes are those planned", "put the old file back, or use a new `--out`"),
    "photo/name": Reason(
        "of a name that is no text", "the name is UTF-8 and has at most 4096 characters", "rename the file"
    ),
    "photo/label": Reason(
        "of labels too long",
        "license, author, source_url and group have at most 4096 characters each",
        "correct the list",
    ),
    "photo/list_row": Reason("of list rows that name no photo", "the row holds a path in text", "correct the row"),
    "depth/sidecar_missing": Reason(
        "without a sidecar", "a depth map lies beside the photo", "add it, `--depth-dir`, or `--depth auto`"
    ),
    "depth/sidecar_shared": Reason(
        "of a depth map that several photos share", "a depth map serves one photo", "give each its own map and stem"
    ),
    "depth/missing": Reason("of a sidecar that went away", "the depth map stays while the run lasts", "put it back"),
    "depth/unreadable": Reason("of a broken depth map", "the depth map decodes", "write it again"),
    "depth/truncated": Reason("of a depth map cut short", "it holds all the values that its header promises", _AGAIN),
    "depth/too_large": Reason("of a depth map too large", "at most 128 megapixels", "scale it down"),
    "depth/not_single_channel": Reason(
        "of a depth map of several channels", "one channel of numbers, not a colored picture", "write the raw values"
    ),
    "depth/size_mismatch": Reason(
        "of a depth map of another shape",
        "sides in the photo's ratio within 1 %",
        "make it from the upright photo",
    ),
    "depth/kind_unknown": Reason(
        "of depth without a declared kind", "name, depth.json or `--depth-kind` say what the numbers are", "declare it"
    ),
    "depth/scale_unknown": Reason(
        "of metric depth without a scale", "whole numbers come with a scale", 'add `"scale": 0.001` to depth.json'
    ),
    "depth/depth_json": Reason("of a depth.json that cannot be used", "known keys with sound values", "correct it"),
    "depth/exr": Reason(
        "of a depth map in OpenEXR", "OpenEXR needs an extra package", "`pip install 'refocus-foundry[exr]'`"
    ),
    "depth/no_depth": Reason(
        "of unknown depth",
        "some pixel has a depth: a finite number, in meters > 0.001",
        "check its unit and depth.json",
    ),
    "depth/constant": Reason("of constant depth", "the depth varies over the photo", "bring another map"),
    "depth/aspect": Reason("too long for the depth model", "sides that the model takes", "crop it, or bring a sidecar"),
    "vet/not_all_in_focus": Reason(
        "too blurred",
        "at most a quarter of the tiles with contrast lack a sharp edge",
        "`--max-blurred 1` takes all",
    ),
    "vet/small": Reason("smaller than wanted", "the short side, as stored, has at least 64 px", "`--min-short-side`"),
    "vet/aspect": Reason("too long", "the long side is at most 4 times the short side", "crop it, or `--max-aspect`"),
    "vet/holes": Reason(
        "with holes in their depth", "depth is unknown at a quarter of the pixels at most", "`--max-holes`, or a model"
    ),
    "vet/few_levels": Reason(
        "of few depths", "the photo has at least 32 different disparities", "bring 16 bits, or `--min-disparity-levels`"
    ),
    "vet/little_depth": Reason(
        "flat", "nine tenths of the pixels span at least 2 % of the depth range", "`--min-depth-spread`"
    ),
    "draw/flat_disparity": Reason("of fewer depths than planes", "as many depths as planes", "fewer `--planes`"),
    "draw/f_number": Reason(
        "without a blur level for --f-number",
        "depth is in meters, or `--depth-meters` gives relative depth a range; blur is at most 25 % of the long side",
        "`--depth-meters NEAR,FAR`, a metric model, or a larger `--f-number`",
    ),
    "draw/focus_point": Reason(
        "with a given focus point that cannot be one",
        "`--focus-points` and those of a list are `x,y;x,y` in (0, 1), at most `--planes`, where the depth is known",
        "move the point",
    ),
    "plan/near_duplicate": Reason(
        "near-duplicates across splits",
        "a photo that `--append` adds is of no family with photos in two splits (docs/lists.md)",
        "`--near-duplicates ignore`",
    ),
}
_UNKNOWN = Reason("for other reasons", "", f"see {PAGE}")


def left_out_lines(counts: Mapping[str, int], photos: int) -> list[str]:
    """What the console says of rejects by `stage/code`: one sentence, then a line with the way out of each reason."""
    most_first = sorted(counts.items(), key=lambda item: -item[1])
    reasons = [(count, REASONS.get(code, _UNKNOWN)) for code, count in most_first]
    if not reasons:
        return []
    said = [f"{count} {reason.said}" for count, reason in reasons]
    first = f"{said[0]} ({PAGE})"
    total = sum(counts.values())
    return [
        f"{total} of {counted(photos, 'photo')} left out: {', '.join([first, *said[1:]])}",
        *(f"  {reason.said}: {reason.remedy.replace('`', '')}" for _, reason in reasons),
    ]


def table() -> list[str]:
    """The table of docs/vetting.md, as lines of Markdown."""
    head = ["| reason code | on the console | what must hold | the way out |", "|---|---|---|---|"]
    return [*head, *(f"| `{code}` | {r.said} | {r.must} | {r.remedy} |" for code, r in REASONS.items())]


if __name__ == "__main__":
    print("\n".join(table()))
