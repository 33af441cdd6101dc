// Figures of the frame and of the point: always all of them, in places of fixed width, so that nothing jumps.

import { signedBlur } from "preview/overlay.js";

export class Readout {
  constructor(root) {
    this.root = root;
  }

  open(content) {
    this.write("aperture", content.aperture);
    this.lens = content.lens;
    this.unit = content.disparity.unit && ` ${content.disparity.unit}`;
  }

  /** `point`: {column, row}; `disparity`: D there; `zoom`: displayed pixels a pixel. */
  show(frame, point, disparity, zoom) {
    const s = signedBlur(disparity, frame);
    const side = Math.abs(s) < 0.05 ? "in focus" : s > 0 ? "in front" : "behind";
    this.write("point", `${point.column}, ${point.row}`);
    this.write("disparity", disparity.toFixed(4) + this.unit);
    this.write("focus", frame.focus_disparity.toFixed(4) + this.unit);
    this.write("scale", `${frame.blur_scale_px.toFixed(2)} px`);
    this.write("level", `${frame.blur_level.toFixed(2)} %`);
    this.write("radius", `${Math.abs(s).toFixed(1)} px ${side}`);
    this.write("screen", `${(Math.abs(s) * zoom).toFixed(1)} px`);
    this.write("share", `${(100 * frame.in_focus_fraction).toFixed(1)} %`);
    this.write("lens", this.lens + (frame.f_number ? `, f/${frame.f_number.toPrecision(2)}` : ""));
  }

  write(name, text) {
    const place = this.root.querySelector(`#read-${name}`);
    if (place.textContent !== text) place.textContent = text;
  }
}
