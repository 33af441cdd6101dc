// The figure beside the circle of the labeled radius.

/** On the side where there is room; at the point's own height, kept inside the picture. */
export function placeText(text, content, { x, y }, radius, width) {
  text.textContent = content;
  const gap = Math.max(radius, 9) + 7;
  const right = x + gap + 74 < width;
  const left = x - gap - 74 > 0;
  text.setAttribute("text-anchor", right || !left ? "start" : "end");
  text.setAttribute("x", right ? gap : left ? -gap : 12 - x);
  text.setAttribute("y", Math.max(4, 16 - y));
}
