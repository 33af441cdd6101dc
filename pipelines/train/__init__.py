"""Shards -> a slim diffusion transformer that refocuses, trained with the stacking constraint."""
