// The scale below the focus slider: the photo's disparity as a histogram, what is in focus lit, stored planes as ticks.
// The slider's thumb is as wide as the scale's margins on both sides, so that its middle lies at its value.

import { IN_FOCUS_PX } from "preview/overlay.js";

const BINS = 96;

/** Heights of the histogram, [0, 1], by the square root: rare depths stay visible. */
export function depthCounts(map) {
  const counts = new Array(BINS).fill(0);
  const span = map.high - map.low || 1;
  for (const code of map.codes) counts[Math.min(BINS - 1, Math.floor((BINS * (code - map.low)) / span))] += 1;
  const most = Math.max(...counts);
  return counts.map((count) => Math.sqrt(count / most));
}

/** Draw into an SVG of viewBox 0 0 1000 100. `lens`: {focus_disparity, blur_scale_px}; `here`: D of the point. */
export function drawFocusScale(svg, map, counts, planes, lens, here) {
  const [far, near] = [map.value(map.low), map.value(map.high)];
  const x = (value) => Math.min(1000, Math.max(0, (1000 * (value - far)) / (near - far || 1)));
  const half = IN_FOCUS_PX / lens.blur_scale_px;
  const [from, to] = [x(lens.focus_disparity - half), x(lens.focus_disparity + half)];
  const steps = counts.map((tall, i) => `L${(1000 * i) / BINS} ${100 - 92 * tall}H${(1000 * (i + 1)) / BINS}`).join("");
  const area = `M0 100${steps}V100Z`;
  svg.replaceChildren(
    shape("path", { d: area, class: "depths" }),
    shape("rect", { x: from, width: Math.max(2, to - from), y: 0, height: 100, class: "band" }),
    ...planes.map((plane) => tick(x(plane), "plane")),
    tick(x(here), "here"),
  );
}

function tick(x, name) {
  return shape("line", { x1: x, x2: x, y1: name === "plane" ? 70 : 0, y2: 100, class: name });
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
