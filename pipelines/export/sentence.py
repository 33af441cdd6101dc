"""A sentence of 8 to 16 words for each pair: where the focus is and how strong the blur, in words and in numbers.

Wordings are drawn from seed, scene and pair alone. Words for the strength follow the number beside them (STRENGTHS).
"""

from pipelines.export.pair import AIF, Pair
from pipelines.render.seeds import uniform
from shards.record import SampleRecord

STRENGTHS = (
    (0.7, "slight", "slightly"),
    (1.5, "moderate", "moderately"),
    (3.0, "strong", "strongly"),
    (float("inf"), "very strong", "heavily"),
)
"""Below this blur level, in percent of the long side: adjective and adverb."""
REFOCUS = (
    "Refocus on the point {x} % across and {y} % down; {strength} blur, level {level} %.",
    "Focus at the {place}, {x} % across, {y} % down, with {strength} blur, level {level} %.",
    "Set the focus {x} % across and {y} % down ({place}); {strength} blur, level {level} %.",
    "Keep the {place} sharp at {x} % across, {y} % down; blur the rest {adverb}, level {level} %.",
    "Make {x} % across, {y} % down the point in focus; {strength} blur, level {level} %.",
    "Move the focus to {x} % across, {y} % down; blur level {level} % ({strength}).",
)
SHARPEN = (
    "Remove the {strength} blur of level {level} % and make the whole photo sharp.",
    "Bring every distance into focus: take away the {strength} blur, level {level} %.",
    "Turn this {strength} blur of level {level} % into an all-in-focus photo.",
    "Sharpen everything outside the focus at {x} % across, {y} % down; blur level {level} %.",
)
_COLUMNS, _ROWS = ("left", "", "right"), ("upper", "", "lower")


def sentence(record: SampleRecord, pair: Pair, seed: int) -> str:
    """The instruction that turns the pair's source into its target."""
    frame = pair.labeled_frame(record)
    strength, adverb = next(words for bound, *words in STRENGTHS if frame.blur_level < bound)
    wordings = SHARPEN if pair.target is AIF else REFOCUS
    wording = wordings[int(uniform(seed, record.scene_id, "wording", pair.name) * len(wordings))]
    return wording.format(
        x=round(100 * frame.focus_x),
        y=round(100 * frame.focus_y),
        place=place(frame.focus_x, frame.focus_y),
        strength=strength,
        adverb=adverb,
        level=f"{frame.blur_level:.2g}" if frame.blur_level < 10 else round(frame.blur_level),
    )


def place(x: float, y: float) -> str:
    """`upper left`, `left`, `center`, ...: thirds of width and height; x, y in (0, 1) from the upper left corner."""
    row, column = _ROWS[int(3 * y)], _COLUMNS[int(3 * x)]
    return " ".join(filter(None, (row, column or (row and "center")))) or "center"
