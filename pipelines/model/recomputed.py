"""Blocks that keep only inputs for the gradient and compute the rest again (Chen et al. 2016, arXiv 1604.06174)."""

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Recomputed(nn.Module):
    """Base of a network's blocks. With `is_checkpointed` their activations take no memory and half as long again."""

    is_checkpointed = False

    def run(self, *inputs: Tensor) -> Tensor:
        """forward(*inputs), of the same values and gradients either way."""
        made: Tensor = (
            checkpoint(self, *inputs, use_reentrant=False, preserve_rng_state=False)
            if self.is_checkpointed and torch.is_grad_enabled()
            else self(*inputs)
        )
        return made
