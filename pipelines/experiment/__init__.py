"""What the stacking constraint buys: the same training with and without it, scored on scenes held out."""
