"""Activations computed again, and a pyramid made once: the same numbers as without."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipelines.model import dit
from pipelines.model.networks import blocks_of, new_network
from pipelines.model.sampler import guided, sample
from pipelines.model.sampler_config import SamplerConfig
from pipelines.train.objective import condition_of
from tests.pipelines.train.tiny_run import make_batch


@pytest.mark.parametrize("name", ["tiny", "unet-tiny"])
def test_gradients_are_the_same_with_activations_computed_again(name: str) -> None:
    torch.manual_seed(0)
    network, batch = new_network(name, "frame"), make_batch()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.05)  # new gates are 0 and would hide the blocks

    def gradients(is_checkpointed: bool) -> tuple[int, list[torch.Tensor]]:
        kept: list[int] = []
        for block in blocks_of(network):
            block.is_checkpointed = is_checkpointed
        network.zero_grad()
        with torch.autograd.graph.saved_tensors_hooks(lambda kept_: kept.append(kept_.numel()) or kept_, lambda x: x):
            output = network(batch.noise.flatten(0, 1), batch.time.repeat_interleave(2), condition_of(batch))
        output.square().mean().backward()
        return sum(kept), [weight.grad.clone() for weight in network.parameters() if weight.grad is not None]

    (all_kept, plain), (few_kept, again) = gradients(False), gradients(True)
    assert few_kept < 0.7 * all_kept
    assert all(torch.equal(one, other) for one, other in zip(plain, again, strict=True))


def test_the_pyramid_is_made_once_for_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for every frame of a group, nor for every step of the sampler and its guidance."""
    made, plain = [], dit.blur_pyramid
    monkeypatch.setattr(dit, "blur_pyramid", lambda reference, px: made.append(len(reference)) or plain(reference, px))
    network, batch = new_network("tiny", "frame").eval(), make_batch(groups=2, frames=3)
    condition = condition_of(batch)
    noise = batch.noise.flatten(0, 1)
    with torch.no_grad():
        sample(guided(network, condition, 2.0), noise, SamplerConfig(steps=3))
    assert made == [2]


def test_each_frame_gets_its_own_reference_s_pyramid() -> None:
    network, batch = new_network("tiny", "frame").eval(), make_batch(groups=2, frames=2)
    torch.nn.init.normal_(network.edit_conv.weight, std=0.3)
    grouped = condition_of(batch)
    with torch.no_grad():
        arguments = batch.noise.flatten(0, 1), batch.time.repeat_interleave(2)
        together = network(*arguments, grouped)
        alone = network(*arguments, replace(grouped, frames=1, reference=grouped.reference.clone()))
    torch.testing.assert_close(together, alone)
