"""Drawing on a dark sheet: text, framed pictures, focus marks, a disparity scale."""

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from shards.record import MAX_DISPARITY_CODE

BACKGROUND = (24, 25, 27)
PANEL = (34, 36, 39)
TEXT = (228, 229, 231)
QUIET = (150, 153, 158)

Color = tuple[int, int, int]


@dataclass(frozen=True)
class Rectangle:
    """A rectangle on the sheet, pixels."""

    x: int
    y: int
    width: int
    height: int


@lru_cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable face: always there. It has Latin letters only."""
    face = ImageFont.load_default(size)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return face


def drawable(text: str) -> str:
    """The text with "?" for letters that the face lacks: it would draw the same empty box for all of them."""
    return "".join(letter if letter.isascii() or letter == "·" else "?" for letter in text)


def plane_color(plane: int, planes: int) -> Color:
    """One hue a plane, from blue (far) to orange (near)."""
    hue = 0.58 - 0.5 * plane / max(1, planes - 1)
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.62, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


class Drawing:
    """A picture that is being drawn, top to bottom."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width, height), BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)

    def text(self, x: int, y: int, content: str, size: int, color: Color = TEXT) -> None:
        """Write one line with its top left at (x, y)."""
        self._draw.text((x, y), drawable(content), fill=color, font=font(size))

    def picture(self, box: Rectangle, srgb: npt.NDArray[np.uint8]) -> Rectangle:
        """Fit a picture [H, W, 3] into the middle of a panel. Returns where the picture itself lies."""
        self._draw.rectangle((box.x, box.y, box.x + box.width - 1, box.y + box.height - 1), fill=PANEL)
        height, width = srgb.shape[:2]
        scale = min(box.width / width, box.height / height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        inside = Rectangle(box.x + (box.width - size[0]) // 2, box.y + (box.height - size[1]) // 2, *size)
        self.image.paste(Image.fromarray(srgb).resize(size, Image.Resampling.LANCZOS), (inside.x, inside.y))
        return inside

    def focus_mark(self, box: Rectangle, x: float, y: float, color: Color, *, radius: int, label: str = "") -> None:
        """A ring with four ticks around the point (x, y), in [0, 1] of the picture in `box`; the point stays free."""
        center_x, center_y = box.x + x * box.width, box.y + y * box.height
        for shade, grow in (((0, 0, 0), 2), (color, 0)):  # a dark rim under it: visible on any ground
            stroke = 2 + grow
            reach = radius + grow / 2
            ring = (center_x - reach, center_y - reach, center_x + reach, center_y + reach)
            self._draw.ellipse(ring, outline=shade, width=stroke)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                inner, outer = radius, 1.9 * radius + grow / 2
                tick = (center_x + dx * inner, center_y + dy * inner, center_x + dx * outer, center_y + dy * outer)
                self._draw.line(tick, fill=shade, width=stroke)
        if label:
            self._label(box, center_x, center_y, label, color, radius)

    def _label(self, box: Rectangle, x: float, y: float, label: str, color: Color, radius: int) -> None:
        """The label beside a mark, on the side where it stays inside the picture."""
        face = font(18)
        width = face.getlength(label)
        fits = x + radius + 6 + width < box.x + box.width
        left = x + radius + 2 if fits else x - radius - 2 - width
        top = y - radius - 22 if y - radius - 22 > box.y else y + radius + 2
        self._draw.text((left, top), label, fill=color, font=face, stroke_width=2, stroke_fill=(0, 0, 0))

    def disparity_scale(self, box: Rectangle, marks: list[tuple[float, Color]]) -> None:
        """A color bar from far (bottom) to near (top) with ticks at places in [0, 1]."""
        ramp = np.linspace(MAX_DISPARITY_CODE, 0, box.height, dtype=np.float64).astype(np.uint16)[:, None]
        self.image.paste(Image.fromarray(disparity_colors(np.repeat(ramp, box.width, axis=1))), (box.x, box.y))
        for place, color in marks:
            y = box.y + round((1 - place) * (box.height - 1))
            tip = box.x + box.width + 3
            self._draw.polygon([(tip, y), (tip + 11, y - 6), (tip + 11, y + 6)], fill=color)


def disparity_colors(codes: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Stored disparity [H, W] as colors [H, W, 3] over its own range: far is dark, near is bright."""
    low, high = int(codes.min()), int(codes.max())
    eight_bit = np.rint((codes.astype(np.float64) - low) * (255 / max(1, high - low))).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(eight_bit, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))
