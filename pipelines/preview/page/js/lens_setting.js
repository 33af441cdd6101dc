// The lens that is set: plane in focus and blur scale, and the labels that belong to it. Stored frames are found by it.

import { IN_FOCUS_PX } from "preview/overlay.js";

const SAME_PX = 0.02; // settings whose blur differs by less everywhere are one
const WEAKEST = 1 / 3; // of the weakest stored blur, where the slider begins
const STRONGEST = 1.6; // of the strongest

/** The frames of a sample by levels, weak to strong, the planes of a level far to near. */
export class StoredFrames {
  constructor(content) {
    this.content = content;
    this.frames = content.frames;
    const groups = new Map();
    this.frames.forEach((labels, i) => groups.set(labels.group, [...(groups.get(labels.group) ?? []), i]));
    this.levels = [...groups.values()];
    for (const level of this.levels) level.sort((a, b) => this.frames[a].focus_disparity - this.frames[b].focus_disparity);
    this.levels.sort((a, b) => this.scale(a[0]) - this.scale(b[0]));
    this.scales = this.levels.map((level) => this.scale(level[0]));
    this.least = this.scales[0] * WEAKEST;
    this.most = this.scales.at(-1) * STRONGEST;
  }

  scale(frame) {
    return this.frames[frame].blur_scale_px;
  }

  /** {focus, scale} of a stored frame. */
  lens(frame) {
    return { focus: this.frames[frame].focus_disparity, scale: this.scale(frame) };
  }

  /** Stored planes of the level that is nearest to a blur scale, far to near. */
  planes(scale) {
    return this.levels[this.level(scale)].map((frame) => this.frames[frame].focus_disparity);
  }

  /** Number of the level whose blur is nearest. */
  level(scale) {
    return nearest(this.scales, Math.log(scale), Math.log);
  }

  /** The stored frame of a level whose plane is nearest. */
  frame(focus, level) {
    const planes = this.levels[level];
    return planes[nearest(planes, focus, (frame) => this.frames[frame].focus_disparity)];
  }

  nearest({ focus, scale }) {
    return this.frame(focus, this.level(scale));
  }

  /** The stored frame of exactly this lens; null: none. */
  exact(lens) {
    const frame = this.nearest(lens);
    const { focus, scale } = this.lens(frame);
    const { map } = this.content;
    const span = map.value(map.high) - map.value(map.low);
    const differs = Math.abs(focus - lens.focus) * scale + Math.abs(scale - lens.scale) * span;
    return differs < SAME_PX ? frame : null;
  }

  /** Labels as a stored frame has them; those of a lens that no frame was made with are worked out. */
  labels(lens, point) {
    const frame = this.exact(lens);
    if (frame !== null) return this.frames[frame];
    const { map, width, height } = this.content;
    const half = IN_FOCUS_PX / lens.scale;
    let sharp = 0;
    for (const code of map.codes) sharp += Math.abs(map.value(code) - lens.focus) <= half;
    return {
      focus_x: point.x, focus_y: point.y, focus_disparity: lens.focus, blur_scale_px: lens.scale,
      blur_level: (100 * lens.scale) / Math.max(width, height), in_focus_fraction: sharp / map.codes.length, f_number: 0,
    };
  }
}

function nearest(values, wanted, of) {
  return values.reduce((best, value, i) => (Math.abs(of(value) - wanted) < Math.abs(of(values[best]) - wanted) ? i : best), 0);
}
