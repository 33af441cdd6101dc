"""Colors that go together, as people pick them."""

PAPER: tuple[tuple[str, ...], ...] = (
    ("#d94f3d", "#f0b64a", "#2f6f73", "#e9dcc3", "#274060", "#e58a6f"),
    ("#e27d60", "#85b8b0", "#e8c27a", "#c38d9e", "#41606b", "#f0e6d6"),
    ("#355070", "#6d597a", "#b56576", "#e56b6f", "#eaac8b", "#f3e3d3"),
    ("#606c38", "#283618", "#e9dfb8", "#dda15e", "#bc6c25", "#8fa36a"),
    ("#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51", "#e6ddcf"),
    ("#8d5a97", "#e5989b", "#ffcdb2", "#6d6875", "#b5838d", "#f2e9e1"),
    ("#1d5c8f", "#4a9cc9", "#a9d6e5", "#f2efe6", "#d9594c", "#f2c14e"),
)
