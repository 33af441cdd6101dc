"""One photo in, the same photo focused elsewhere out."""
