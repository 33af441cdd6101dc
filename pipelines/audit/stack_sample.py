"""Focus stacks of a camera, or of another renderer, as samples of the audit."""

from collections.abc import Iterator, Sequence

from pipelines.audit.audited_sample import AuditedSample
from pipelines.stacks.config import StackOptions
from pipelines.stacks.focus_stack import FocusStack
from pipelines.stacks.labeled_stack import labeled


def stack_samples(stacks: Sequence[FocusStack], options: StackOptions) -> Iterator[AuditedSample]:
    """One sample a stack, in order; frames of one f-number are a group. Raises UserError for damaged files."""
    for stack in stacks:
        content = labeled(stack, options)
        f_numbers = [frame.f_number for frame in stack.frames]
        yield AuditedSample(
            key=stack.name,
            shard=stack.split,
            split=stack.split,
            scene=stack.name,
            photo=content.photo,
            disparity=content.disparity.astype("float64"),
            known=content.known,
            codes=content.codes,
            lenses=content.lenses,
            groups=tuple(map(f_numbers.index, f_numbers)),
            picture=content.picture,
            photo_lens=content.photo_lens,
        )
