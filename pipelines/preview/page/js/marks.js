// Small things drawn as SVG: the figure beside the circle, and the rail with the planes of a level.

/** Beside the circle, on the side where there is room; at the point's own height, kept inside the picture. */
export function placeText(text, content, { x, y }, radius, width) {
  text.textContent = content;
  const gap = Math.max(radius, 9) + 7;
  const right = x + gap + 74 < width;
  const left = x - gap - 74 > 0;
  text.setAttribute("text-anchor", right || !left ? "start" : "end");
  text.setAttribute("x", right ? gap : left ? -gap : 12 - x);
  text.setAttribute("y", Math.max(4, 16 - y));
}

/** Where planes and point lie between the farthest and the nearest disparity of the photo. */
export function drawRail(rail, map, planes, current, here) {
  const [far, near] = [map.value(map.low), map.value(map.high)];
  const share = (value) => `${(100 * (value - far)) / (near - far || 1)}%`;
  const ticks = planes.map((plane) => line(share(plane), 4, 14, plane === current ? "current" : "plane"));
  rail.replaceChildren(...ticks, line(share(here), 0, 18, "here"));
}

function line(at, top, bottom, name) {
  const tick = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const attributes = { x1: at, x2: at, y1: top, y2: bottom, class: name };
  for (const [attribute, value] of Object.entries(attributes)) tick.setAttribute(attribute, value);
  return tick;
}
