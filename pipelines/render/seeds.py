"""Random numbers that depend on nothing but what they are for: no process, worker, order or library version."""

import hashlib


def uniform(*parts: object) -> float:
    """A number in [0, 1) from SHA-256 of the parts, e.g. `uniform(seed, scene_id, "focus", 2)`.

    53 bits, so that every value is exact in a float and 1.0 never comes.
    """
    text = "\x1f".join(str(part) for part in parts)  # a separator that no part contains
    digest = hashlib.sha256(text.encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53
