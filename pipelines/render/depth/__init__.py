"""Disparity maps: from networks, from files beside the photos, with edges sharpened."""
