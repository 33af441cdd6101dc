// What lies over the photo, computed from disparity: s = K (D - D_f), the signed blur radius in pixels of the sample.
//   disparity: D itself, far is dark   blur: s, warm in front of the plane, cool behind   band: |s| of at most 1 px

export const IN_FOCUS_PX = 1; // as the label `in_focus_fraction` counts

const INFERNO = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];
const WARM = [255, 138, 60];
const COOL = [74, 160, 255];
const GREEN = [70, 230, 140];

/** s of a pixel. */
export function signedBlur(disparity, frame) {
  return frame.blur_scale_px * (disparity - frame.focus_disparity);
}

/** Paint one overlay; nothing for "". `reachPx`: the radius at which the signed map is at its strongest. */
export function paint(canvas, name, map, frame, reachPx) {
  canvas.hidden = !name;
  if (!name) return;
  canvas.width = map.width;
  canvas.height = map.height;
  const context = canvas.getContext("2d", { willReadFrequently: true }); // whole pictures are put in, nothing is drawn
  const image = context.createImageData(map.width, map.height);
  const color = colors(name, map, frame, reachPx);
  const table = new Map(); // codes repeat: each is worked out once
  for (let i = 0; i < map.codes.length; i++) {
    const code = map.codes[i];
    let rgba = table.get(code);
    if (rgba === undefined) table.set(code, (rgba = color(code)));
    image.data.set(rgba, 4 * i);
  }
  context.putImageData(image, 0, 0);
}

function colors(name, map, frame, reachPx) {
  if (name === "disparity") {
    const span = map.high - map.low || 1;
    return (code) => [...ramp((code - map.low) / span), 255];
  }
  if (name === "band") {
    return (code) => (Math.abs(signedBlur(map.value(code), frame)) <= IN_FOCUS_PX ? [...GREEN, 150] : [0, 0, 0, 90]);
  }
  return (code) => {
    const s = signedBlur(map.value(code), frame);
    return [...(s > 0 ? WARM : COOL), 185 * Math.sqrt(Math.min(1, Math.abs(s) / reachPx))];
  };
}

function ramp(place) {
  const at = place * (INFERNO.length - 1);
  const i = Math.min(INFERNO.length - 2, Math.floor(at));
  return INFERNO[i].map((low, channel) => low + (at - i) * (INFERNO[i + 1][channel] - low));
}

/** What the colors mean: [css gradient, text at its left, middle, right]. */
export function legend(name, map, frame, reachPx) {
  const css = (color) => `rgb(${color.join(" ")})`;
  if (name === "disparity") {
    const unit = map.unit && ` ${map.unit}`;
    return [`linear-gradient(90deg, ${INFERNO.map(css)})`, `${map.value(map.low).toFixed(3)} far`, "", `${map.value(map.high).toFixed(3)}${unit} near`];
  }
  if (name === "blur") {
    return [`linear-gradient(90deg, ${css(COOL)}, transparent, ${css(WARM)})`, `${reachPx.toFixed(1)} px behind`, "0", `${reachPx.toFixed(1)} px in front`];
  }
  const half = IN_FOCUS_PX / frame.blur_scale_px;
  const d = frame.focus_disparity;
  return [`linear-gradient(90deg, transparent, ${css(GREEN)} 20% 80%, transparent)`, (d - half).toFixed(3), `r ≤ ${IN_FOCUS_PX} px`, (d + half).toFixed(3)];
}
