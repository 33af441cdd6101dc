// The two sliders of the lens: the plane in focus on the axis of disparity, the blur on a logarithmic one. Stored values
// are ticks that the thumbs snap to.

import { depthCounts, drawFocusScale } from "preview/focus_scale.js";

const STEPS = 200; // of both sliders, 0 to this
const SNAP = 3; // within so many steps of a stored value that value is taken
const SAME_PX = 0.02; // of blur between planes that are one

export class LensSliders {
  /** `onSlide({focus} or {scale})` */
  constructor(root, onSlide) {
    this.find = (id) => root.querySelector(`#${id}`);
    this.find("plane").addEventListener("input", (event) => onSlide({ focus: this.focus(Number(event.target.value)) }));
    this.find("level").addEventListener("input", (event) => onSlide({ scale: this.scale(Number(event.target.value)) }));
  }

  open(stored, content) {
    Object.assign(this, { stored, map: content.map, longSide: Math.max(content.width, content.height) });
    this.far = this.map.value(this.map.low);
    this.span = this.map.value(this.map.high) - this.far || 1;
    this.counts = depthCounts(this.map);
    const ticks = stored.scales.map((scale) => Object.assign(document.createElement("i"), { style: `left: ${(100 * this.scaleStep(scale)) / STEPS}%` }));
    this.find("level-scale").replaceChildren(...ticks);
  }

  focusStep(focus) {
    return (STEPS * (focus - this.far)) / this.span;
  }

  scaleStep(scale) {
    const { least, most } = this.stored;
    return (STEPS * Math.log(scale / least)) / Math.log(most / least);
  }

  /** D_f of a slider's value; the planes of the level shown attract it. */
  focus(step) {
    const near = this.stored.planes(this.shown.scale).find((plane) => Math.abs(this.focusStep(plane) - step) < SNAP);
    return near ?? this.far + (this.span * step) / STEPS;
  }

  scale(step) {
    const { least, most, scales } = this.stored;
    return scales.find((scale) => Math.abs(this.scaleStep(scale) - step) < SNAP) ?? least * (most / least) ** (step / STEPS);
  }

  draw(shown, unit) {
    this.shown = shown;
    const planes = this.stored.planes(shown.scale);
    const plane = planes.findIndex((each) => Math.abs(each - shown.focus) * shown.scale < SAME_PX);
    const place = `${shown.focus.toFixed(3)}${unit}${plane < 0 ? "" : `, plane ${plane + 1} of ${planes.length}`}`;
    const blur = `${((100 * shown.scale) / this.longSide).toFixed(2)} %`;
    this.set("plane", this.focusStep(shown.focus), place, `disparity ${place}`);
    this.set("level", this.scaleStep(shown.scale), blur, `blur level ${blur} of the long side`);
  }

  set(name, step, text, spoken) {
    this.find(name).value = step;
    this.find(name).setAttribute("aria-valuetext", spoken);
    this.find(`${name}-text`).textContent = text;
  }

  /** The scale below the focus slider; `here`: D of the point. */
  drawScale(labels, here) {
    drawFocusScale(this.find("focus-scale"), this.map, this.counts, this.stored.planes(labels.blur_scale_px), labels, here);
  }
}
