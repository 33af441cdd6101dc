"""Studies: ways to refocus and to train, side by side: every arm with every seed, scored on scenes held out."""
