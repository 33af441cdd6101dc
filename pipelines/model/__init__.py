"""The network: diffusion transformer, rectified flow, sampler."""
