"""A street at night, made to judge lenses by: lamps far behind and close before a sign that is in focus.

Three surfaces: the street with windows and lamps (disparity 0.05), the sign (0.5), fairy lights (0.95). Lamps are two
by two pixels, a hundred times white and more, so that blurred ones stay bright discs.
"""

import cv2
import numpy as np
import numpy.typing as npt
import torch

from simulator import LayeredDepthImage

FAR, SIGN, NEAR = 0.05, 0.5, 0.95
HEIGHT, WIDTH = 280, 400
_COLORS = ((1.0, 0.62, 0.28), (1.0, 0.86, 0.62), (0.75, 0.86, 1.0), (1.0, 0.3, 0.22), (0.4, 1.0, 0.62))
_LAMP = 130.0

Picture = npt.NDArray[np.float32]


def night_scene() -> LayeredDepthImage:
    """[3, 3, H, W], no margin; always the same."""
    random = np.random.default_rng(7)
    street, sign, lights = _street(random), _sign(), _fairy_lights(random)
    color = np.stack([part.transpose(2, 0, 1) for part in (street, sign[0], lights[0])])
    coverage = np.stack([np.ones((HEIGHT, WIDTH), np.float32), sign[1], lights[1]])
    disparity = np.broadcast_to(np.array([FAR, SIGN, NEAR], np.float32)[:, None, None], coverage.shape)
    parts = [torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in (color, coverage, disparity)]
    return LayeredDepthImage(parts[0], parts[1], parts[2])


def _street(random: np.random.Generator) -> Picture:
    """Sky, house fronts with dim windows, and lamps: a row of them and many by chance."""
    rows = np.linspace(0.0, 1.0, HEIGHT, dtype=np.float32)[:, None, None]
    picture = np.broadcast_to(
        (1 - rows) * np.array([0.012, 0.016, 0.035], np.float32) + rows * np.array([0.03, 0.022, 0.018], np.float32),
        (HEIGHT, WIDTH, 3),
    ).copy()
    for left in range(0, WIDTH, 50):
        top = int(random.integers(50, 130))
        picture[top:230, left : left + 46] = np.array([0.02, 0.018, 0.02]) * random.uniform(0.5, 1.5)
        for y in range(top + 10, 215, 24):
            for x in range(left + 8, left + 40, 14):
                if random.random() < 0.35:
                    picture[y : y + 11, x : x + 7] = np.array([0.5, 0.33, 0.14]) * random.uniform(0.2, 0.8)
    places = [(int(random.integers(20, 255)), int(random.integers(8, WIDTH - 8))) for _ in range(30)]
    places += [(28, 28), (28, WIDTH - 30), (HEIGHT - 26, 28), (HEIGHT - 26, WIDTH - 30), (60, 200)]
    for y, x in places:
        color = np.array(_COLORS[int(random.integers(len(_COLORS)))])
        picture[y : y + 2, x : x + 2] = color * _LAMP * random.uniform(0.5, 1.2)
    return picture


def _sign() -> tuple[Picture, Picture]:
    """A board on a post, with words: sharp in every picture but for lateral color."""
    board = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    cover = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(cover, (138, 112), (262, 186), 255, -1)
    cv2.rectangle(cover, (196, 186), (204, HEIGHT), 255, -1)
    board[:] = (0.05, 0.12, 0.2)
    words = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.rectangle(words, (142, 116), (258, 182), 255, 1, cv2.LINE_AA)
    for line, y in (("NIGHT", 144), ("MARKET", 170)):
        (width, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, 0.75, 1)
        cv2.putText(words, line, (200 - width // 2, y), cv2.FONT_HERSHEY_DUPLEX, 0.75, 255, 1, cv2.LINE_AA)
    ink = words.astype(np.float32)[..., None] / 255
    painted = board * (1 - ink) + np.array([0.75, 0.7, 0.55]) * ink
    return painted.astype(np.float32), (cover / 255).astype(np.float32)


def _fairy_lights(random: np.random.Generator) -> tuple[Picture, Picture]:
    """A string of lamps close to the lens, across the lower part."""
    color = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    cover = np.zeros((HEIGHT, WIDTH), np.float32)
    for i, x in enumerate(range(30, WIDTH - 20, 62)):
        y = 232 + round(18 * np.sin(i * 1.1))
        cover[y : y + 2, x : x + 2] = 1.0
        color[y : y + 2, x : x + 2] = np.array(_COLORS[i % 2]) * _LAMP * random.uniform(0.8, 1.1)
    return color, cover
