// One sample: its stack, the controls beside it, and what they do to each other.
//
// Frames are kept as the labels list them. The sliders go through them in order: levels by blur scale, the planes of a
// level by disparity, far to near.

import { drawRail, placeText } from "preview/marks.js";
import { legend, paint, signedBlur } from "preview/overlay.js";
import { watchPointer } from "preview/pointer.js";
import { Readout } from "preview/readout.js";
import { Stack } from "preview/stack.js";

const STEP = 0.02; // of the picture's width, by which Shift and an arrow move the point
const OVERLAY_KEYS = { d: "disparity", b: "blur", f: "band" };

export class Viewer {
  /** `onFrame(key, frame)`: another frame is shown; `onLeave()`: back to all photos; `onStep(by)`: to another photo. */
  constructor(root, { onFrame, onLeave, onStep }) {
    this.root = root;
    this.onFrame = onFrame;
    this.onLeave = onLeave;
    this.onStep = onStep;
    this.stage = this.find("stage");
    this.stack = new Stack(this.find("pictures"));
    this.readout = new Readout(root);
    this.overlay = "";
    this.content = null;
    this.listen();
  }

  find(id) {
    return this.root.querySelector(`#${id}`);
  }

  listen() {
    watchPointer(this.stage, {
      onPoint: (place) => this.pointAt(place),
      onPick: (place) => this.focusAt(place),
      onHold: (held) => this.compare(held),
    });
    this.find("plane").addEventListener("input", (event) => this.showPlane(Number(event.target.value)));
    this.find("level").addEventListener("input", (event) => this.showLevel(Number(event.target.value)));
    for (const button of this.root.querySelectorAll("[data-overlay]")) {
      button.addEventListener("click", () => this.toggle(button.dataset.overlay));
    }
    const hold = this.find("compare");
    hold.addEventListener("pointerdown", () => this.compare(true));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) {
      hold.addEventListener(end, () => this.compare(false));
    }
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("keyup", (event) => this.released(event));
    globalThis.addEventListener("blur", () => this.compare(false));
    new ResizeObserver(() => this.content && this.drawMarks()).observe(this.stage);
  }

  /** Show a sample from `frame` on; null: its middle plane at its strongest blur. */
  open(content, card, frame, meanings) {
    this.content = content;
    this.card = card;
    this.comparing = false;
    this.levels = orderedLevels(content.frames);
    this.reachPx = Math.max(...content.frames.map((labels) => labels.radius_max_px), 1e-6);
    this.stage.style.setProperty("--ratio", content.width / content.height);
    this.stage.setAttribute("aria-label", `Photo ${card.name}. Arrow keys change plane and blur, Enter focuses.`);
    this.stack.open(content);
    this.readout.open(content);
    this.find("sample-name").textContent = card.name;
    this.find("sample-name").title = card.name;
    this.find("sample-place").textContent = `${card.key} · ${card.split}`;
    this.find("sample-flags").replaceChildren(...card.flags.map((flag) => flagItem(flag, meanings)));
    this.find("facts").replaceChildren(...content.facts.map(factRow));
    this.find("level").max = this.levels.length - 1;
    const strongest = this.levels.at(-1);
    const known = frame !== null && frame >= 0 && frame < content.frames.length;
    this.show(known ? frame : strongest[Math.floor((strongest.length - 1) / 2)], { atFocus: true });
    this.stage.focus({ preventScroll: true });
  }

  close() {
    this.content = null;
    this.stack.open(null);
  }

  get labels() {
    return this.content.frames[this.frame];
  }

  get level() {
    return this.levels.findIndex((frames) => frames.includes(this.frame));
  }

  /** Show a frame; `atFocus`: the point goes to where the label says the focus is. */
  show(frame, { atFocus = false } = {}) {
    this.frame = frame;
    if (atFocus) this.point = { x: this.labels.focus_x, y: this.labels.focus_y };
    this.stack.show(this.comparing ? "photo" : frame);
    this.drawControls();
    this.drawOverlay();
    this.drawMarks();
    this.onFrame(this.content.key, frame);
  }

  showPlane(place) {
    const frames = this.levels[this.level];
    this.show(frames[clamp(place, frames.length)], { atFocus: true });
  }

  /** Another blur level, with the plane that is nearest to the one in focus. */
  showLevel(place) {
    this.show(this.nearest(this.levels[clamp(place, this.levels.length)], this.labels.focus_disparity));
  }

  nearest(frames, disparity) {
    const distance = (frame) => Math.abs(this.content.frames[frame].focus_disparity - disparity);
    return frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best));
  }

  pointAt({ x, y }) {
    if (!this.content) return;
    this.point = { x: Math.min(1 - 1e-9, Math.max(0, x)), y: Math.min(1 - 1e-9, Math.max(0, y)) };
    this.drawMarks();
  }

  /** Focus at a place: the plane of this level whose disparity is nearest to that of the pixel there. */
  focusAt(place) {
    if (!this.content) return;
    this.pointAt(place);
    this.show(this.nearest(this.levels[this.level], this.disparityHere()));
  }

  pixel() {
    const { width, height } = this.content;
    return { column: Math.floor(this.point.x * width), row: Math.floor(this.point.y * height) };
  }

  disparityHere() {
    const { column, row } = this.pixel();
    return this.content.map.at(column, row);
  }

  compare(held) {
    if (!this.content || this.comparing === held) return;
    this.comparing = held;
    this.find("compare").setAttribute("aria-pressed", held);
    this.find("comparing").hidden = !held;
    this.stack.show(held ? "photo" : this.frame);
    this.drawOverlay();
  }

  toggle(overlay) {
    this.overlay = this.overlay === overlay ? "" : overlay;
    this.drawOverlay();
  }

  drawControls() {
    const frames = this.levels[this.level];
    const place = frames.indexOf(this.frame);
    const labels = this.labels;
    const plane = `${place + 1} of ${frames.length}`;
    const level = `${labels.blur_level.toFixed(2)} %`;
    setSlider(this.find("plane"), place, frames.length - 1, `plane ${plane}, far to near`);
    setSlider(this.find("level"), this.level, this.levels.length - 1, `blur level ${level} of the long side`);
    this.find("plane-text").textContent = `plane ${plane}`;
    this.find("level-text").textContent = level;
    this.find("said").textContent = `Plane ${plane}, blur level ${level}`;
  }

  drawOverlay() {
    const { map } = this.content;
    const name = this.comparing ? "" : this.overlay;
    paint(this.find("overlay"), name, map, this.labels, this.reachPx);
    for (const button of this.root.querySelectorAll("[data-overlay]")) {
      button.setAttribute("aria-pressed", button.dataset.overlay === this.overlay);
    }
    const place = this.find("legend");
    place.classList.toggle("on", Boolean(this.overlay));
    if (!this.overlay) return;
    const [gradient, ...texts] = legend(this.overlay, map, this.labels, this.reachPx);
    place.style.setProperty("--gradient", gradient);
    place.replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  }

  /** Focus mark, circle of the labeled radius, read-out, and the rail of planes. */
  drawMarks() {
    const { width: shownWidth, height: shownHeight } = this.stage.getBoundingClientRect();
    if (!shownWidth) return;
    const labels = this.labels;
    const zoom = shownWidth / this.content.width;
    const disparity = this.disparityHere();
    const radius = Math.abs(signedBlur(disparity, labels));
    const [x, y] = [this.point.x * shownWidth, this.point.y * shownHeight];
    this.find("focus-mark").setAttribute(
      "transform",
      `translate(${labels.focus_x * shownWidth} ${labels.focus_y * shownHeight})`,
    );
    this.find("cursor").setAttribute("transform", `translate(${x} ${y})`);
    for (const id of ["blur-circle", "blur-halo"]) this.find(id).setAttribute("r", radius * zoom);
    placeText(this.find("blur-text"), `r ${radius.toFixed(1)} px`, { x, y }, radius * zoom, shownWidth);
    this.readout.show(labels, this.pixel(), disparity, zoom);
    const planes = this.levels[this.level].map((frame) => this.content.frames[frame].focus_disparity);
    drawRail(this.find("rail"), this.content.map, planes, labels.focus_disparity, disparity);
  }

  key(event) {
    if (!this.content || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return this.onLeave();
    const typing = event.target.matches?.("input, select, textarea");
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (name === "Enter") {
      if (event.target !== this.stage && event.target !== document.body) return; // a button's or a link's own
      event.preventDefault();
      return this.focusAt(this.point);
    }
    if (name === " " && event.target === this.find("compare")) {
      event.preventDefault();
      return this.compare(true);
    }
    if (typing && event.key.startsWith("Arrow")) return; // a slider's own
    const act = this.actions(event.shiftKey)[name];
    if (!act) return;
    event.preventDefault();
    act();
  }

  actions(shifted) {
    const place = this.levels[this.level].indexOf(this.frame);
    const by = (dx, dy) => () =>
      this.pointAt({ x: this.point.x + dx * STEP, y: this.point.y + (dy * STEP * this.content.width) / this.content.height });
    const moves = { ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1) };
    const frames = {
      ArrowLeft: () => this.showPlane(place - 1),
      ArrowRight: () => this.showPlane(place + 1),
      ArrowUp: () => this.showLevel(this.level + 1),
      ArrowDown: () => this.showLevel(this.level - 1),
    };
    const overlays = Object.entries(OVERLAY_KEYS).map(([key, name]) => [key, () => this.toggle(name)]);
    return {
      ...(shifted ? moves : frames),
      ...Object.fromEntries(overlays),
      a: () => this.compare(true),
      ",": () => this.onStep(-1),
      ".": () => this.onStep(1),
    };
  }

  released(event) {
    const held = event.key.toLowerCase() === "a" || (event.key === " " && event.target === this.find("compare"));
    if (held) this.compare(false);
  }
}

/** Frame numbers of each level, far to near; levels from weak to strong. */
function orderedLevels(frames) {
  const groups = new Map();
  frames.forEach((labels, i) => groups.set(labels.group, [...(groups.get(labels.group) ?? []), i]));
  const levels = [...groups.values()];
  for (const level of levels) level.sort((a, b) => frames[a].focus_disparity - frames[b].focus_disparity);
  return levels.sort((a, b) => frames[a[0]].blur_scale_px - frames[b[0]].blur_scale_px);
}

function clamp(place, count) {
  return Math.min(count - 1, Math.max(0, place));
}

function setSlider(slider, value, max, text) {
  slider.max = max;
  slider.value = value;
  slider.setAttribute("aria-valuetext", text);
}

function flagItem(flag, meanings) {
  return Object.assign(document.createElement("li"), { textContent: flag, title: meanings[flag] ?? "", className: "flag" });
}

function factRow([name, text]) {
  const row = document.createElement("div");
  row.append(
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text }),
  );
  return row;
}
