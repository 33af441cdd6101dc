// One sample: its pictures, the controls beside them, and what they do to each other.
//
// A lens is set (plane in focus, blur scale); where a stored frame was made with it, that frame is shown, else the live
// preview draws it. Without WebGL2 the nearest stored frame stands for every lens.

import { Divider } from "preview/divider.js";
import { holdButton } from "preview/hold_button.js";
import { StoredFrames } from "preview/lens_setting.js";
import { LensSliders } from "preview/lens_sliders.js";
import { LiveView } from "preview/live_view.js";
import { Loupe } from "preview/loupe.js";
import { Marks } from "preview/marks.js";
import { signedBlur } from "preview/overlay.js";
import { OverlayLayer } from "preview/overlay_layer.js";
import { PictureChoice } from "preview/picture_choice.js";
import { watchPointer } from "preview/pointer.js";
import { Readout } from "preview/readout.js";
import { showFacts } from "preview/sample_facts.js";
import { Stack } from "preview/stack.js";
import { viewerKey, viewerKeyUp } from "preview/viewer_keys.js";
import { Zoom } from "preview/zoom.js";

const REST_MS = 160; // without a move of a slider: it rests

export class Viewer {
  /** `onLens(key, {frame} or {focus, blur})`: another lens is shown; `onLeave()`: to all photos; `onStep(by)`: to another
   *  photo; `say(text)`: for those who cannot see it. */
  constructor(root, { onLens, onLeave, onStep, say }) {
    Object.assign(this, { root, onLens, onLeave, onStep, say, content: null });
    this.stage = this.find("stage");
    const canvas = document.createElement("canvas");
    this.live = new LiveView(canvas);
    this.stack = new Stack(this.find("pictures"), canvas);
    this.choice = new PictureChoice(root, () => this.refresh());
    this.overlay = new OverlayLayer(root);
    this.marks = new Marks(root);
    this.loupe = new Loupe(this.find("loupe"));
    this.readout = new Readout(root);
    this.sliders = new LensSliders(root, (change) => this.slide(change));
    this.zoom = new Zoom(this.stage, this.find("view"), () => this.content && this.drawMarks());
    this.divider = new Divider(this.find("divider"), this.stage, () => this.content && this.drawMarks());
    this.listen();
  }

  find(id) {
    return this.root.querySelector(`#${id}`);
  }

  listen() {
    watchPointer(this.stage, {
      onPoint: (place) => this.pointAt(this.zoom.share(place)),
      onPick: (place) => this.focusAt(this.zoom.share(place)),
      onHold: (held) => this.compare(held),
      onZoom: (factor, place) => this.zoomBy(factor, place),
      onDrag: (x, y) => this.zoom.zoom > 1 && this.zoom.move(x, y),
    });
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoomTo(Number(button.dataset.zoom)));
    }
    holdButton(this.find("compare"), (held) => this.compare(held));
    holdButton(this.find("magnify"), (held) => this.magnify(held));
    document.addEventListener("keydown", (event) => viewerKey(this, event));
    document.addEventListener("keyup", (event) => viewerKeyUp(this, event));
    globalThis.addEventListener("blur", () => {
      this.compare(false);
      this.magnify(false);
    });
    new ResizeObserver(() => this.content && this.zoom.place()).observe(this.stage);
  }

  /** Show a sample through `lens` ({frame}, or {focus, blur}); null: its middle plane at its strongest blur. */
  open(content, card, lens, meanings) {
    this.content = content;
    this.comparing = false;
    this.stored = new StoredFrames(content);
    this.sliders.open(this.stored, content);
    this.reachPx = Math.max(...content.frames.map((labels) => labels.radius_max_px), 1e-6);
    this.point = this.focused = { x: 0.5, y: 0.5 };
    this.stage.style.setProperty("--ratio", content.width / content.height);
    this.stage.setAttribute("aria-label", `Photo ${card.name}. Arrow keys change plane and blur, Enter focuses.`);
    this.stack.open(content);
    this.readout.open(content);
    showFacts(this.root, content, card, meanings);
    this.choice.open(this.stored);
    this.lens = this.shown = null;
    this.zoom.open(content.width);
    this.opening = this.live.open(content).then((ready) => {
      if (this.content !== content) return;
      this.find("live-note").textContent = content.optics.note;
      this.root.dataset.live = ready ? "ready" : "none";
      if (ready) this.refresh();
      else if (this.stored.exact(this.lens) === null) this.set(this.lens); // to the nearest stored frame
    });
    this.root.dataset.live = "";
    this.set(this.known(lens), { atFocus: true });
    this.stage.focus({ preventScroll: true });
  }

  /** The lens that an address names, or the middle plane at the strongest blur. */
  known(address) {
    const { stored, content } = this;
    if (address?.frame >= 0 && address.frame < content.frames.length) return stored.lens(address.frame);
    if (address?.blur > 0) {
      const scale = (address.blur * Math.max(content.width, content.height)) / 100;
      return { focus: address.focus, scale: Math.min(stored.most, Math.max(stored.least, scale)) };
    }
    const planes = stored.levels.at(-1);
    return stored.lens(planes[Math.floor((planes.length - 1) / 2)]);
  }

  close() {
    this.content = null;
    this.live.open(null);
    this.stack.open(null);
  }

  get labels() {
    if (this.labeled !== this.shown) {
      this.shownLabels = this.stored.labels(this.shown, this.focused);
      this.labeled = this.shown;
    }
    return this.shownLabels;
  }

  /** Set the lens at once; `moving`: more is to come. */
  set(lens, { atFocus = false, moving = false } = {}) {
    this.live.stop();
    this.lens = this.shown = this.canDraw ? lens : this.stored.lens(this.stored.nearest(lens));
    const frame = this.stored.exact(this.shown);
    if (atFocus && frame !== null) {
      this.point = { x: this.content.frames[frame].focus_x, y: this.content.frames[frame].focus_y };
    }
    this.refresh({ moving });
    if (moving) return;
    const { blur_level: blur, focus_disparity: focus } = this.labels;
    this.onLens(this.content.key, frame !== null ? { frame } : { focus, blur });
    this.say(`Focus ${this.find("plane-text").textContent}, blur ${this.find("level-text").textContent}`);
  }

  /** Until the live preview is ready, a lens is kept as it was asked for. */
  get canDraw() {
    return this.live.ready || this.root.dataset.live === "";
  }

  slide(change) {
    this.set({ ...this.lens, ...change }, { moving: true });
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.content && this.set(this.lens), REST_MS);
  }

  /** Focus at a place: the focus glides to the disparity there. */
  async focusAt(place) {
    if (!this.content) return;
    this.pointAt(place);
    this.focused = this.point;
    await this.rack(this.disparityHere());
  }

  async rack(focus) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const lens = { focus, scale: this.lens.scale };
    if (this.live.ready && !still && this.choice.followsFocus) {
      const from = this.shown.focus;
      this.lens = lens;
      const arrived = await this.live.glide(from, focus, lens.scale, (now) => {
        this.shown = { focus: now, scale: lens.scale };
        this.refresh({ drawn: true });
      });
      if (!arrived || !this.content) return;
    }
    this.set(lens);
  }

  /** To the stored plane before or after the one in focus. */
  step(by) {
    const { stored, lens } = this;
    const beyond = stored.planes(lens.scale).filter((plane) => by * (plane - lens.focus) > 1e-9);
    if (beyond.length) this.set({ focus: by > 0 ? beyond[0] : beyond.at(-1), scale: lens.scale }, { atFocus: true });
  }

  /** To the stored blur level below or above. */
  stepLevel(by) {
    const { stored, lens } = this;
    const beyond = stored.scales.filter((scale) => by * Math.log(scale / lens.scale) > 1e-6);
    if (beyond.length) this.set({ focus: lens.focus, scale: by > 0 ? beyond[0] : beyond.at(-1) });
  }

  pointAt({ x, y }) {
    if (!this.content) return;
    this.point = { x: Math.min(1 - 1e-9, Math.max(0, x)), y: Math.min(1 - 1e-9, Math.max(0, y)) };
    this.drawMarks();
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
    this.refresh();
  }

  magnify(held) {
    if (!this.content || this.loupe.held === held) return;
    this.loupe.held = held;
    this.drawMarks();
  }

  /** Whether the wheel was taken: the page scrolls on where there is nothing left to zoom out of. */
  zoomBy(factor, place) {
    if (!this.content || (factor < 1 && this.zoom.zoom <= 1)) return false;
    this.zoom.set(Math.max(1, this.zoom.zoom * factor), place);
    return true;
  }

  /** 0: the whole picture; else screen pixels to a pixel, about the point. */
  zoomTo(scale) {
    this.zoom.set(scale ? this.zoom.zoomOf(scale) : 1, this.zoom.at(this.point));
  }

  /** Pictures and controls follow the lens. `drawn`: whoever calls has the live picture drawn. */
  refresh({ moving = false, drawn = false } = {}) {
    this.pictures = this.choice.pictures(this.shown, this.live.ready, this.comparing);
    const { shown, left } = this.pictures;
    this.find("divider").hidden = left === null;
    this.stack.beside(left);
    if (shown === "live" || left === "live") {
      const ready = drawn ? Promise.resolve(true) : this.drawLive(moving);
      ready.then((done) => {
        if (!done || !this.content) return;
        if (shown === "live") this.stack.show("live");
        this.drawLoupe();
      });
    }
    if (shown !== "live") this.stack.show(shown);
    this.choice.name(this.pictures);
    this.find("marks").classList.toggle("off", shown === "photo");
    this.sliders.draw(this.shown, this.readout.unit);
    this.stage.dataset.frame = this.stored.exact(this.shown) ?? "";
    this.overlay.draw(this.content.map, this.labels, this.reachPx, this.comparing);
    this.drawMarks();
  }

  /** A quick picture at once, then the refined one where the lens rests. */
  async drawLive(moving) {
    const lens = this.shown;
    const first = await this.live.draw(lens, true);
    if (first && !moving && lens === this.shown) this.live.draw(lens, false);
    return lens === this.shown;
  }

  /** Focus mark, circle of the labeled radius, read-out, the focus slider's scale, and where the divider cuts. */
  drawMarks() {
    if (!this.shown || !this.zoom.size.width) return;
    const { labels } = this;
    const { width } = this.zoom.size;
    const shownPx = (width * this.zoom.zoom) / this.content.width;
    const disparity = this.disparityHere();
    const focus = this.zoom.at({ x: labels.focus_x, y: labels.focus_y });
    this.marks.draw(focus, this.zoom.at(this.point), Math.abs(signedBlur(disparity, labels)), shownPx, width);
    this.readout.show(labels, this.pixel(), disparity, shownPx);
    this.sliders.drawScale(labels, disparity);
    const cut = this.zoom.share({ x: this.divider.share * width, y: 0 }).x;
    this.find("pictures").style.setProperty("--cut", `${100 * (1 - Math.min(1, Math.max(0, cut)))}%`);
    this.find("zoom-text").textContent = `${Math.round(100 * this.zoom.scale)} %`;
    this.drawLoupe();
  }

  /** What is shown, and left of it what lies beside it, or the sharp photo. */
  drawLoupe() {
    this.loupe.root.hidden = !this.loupe.held;
    if (!this.loupe.held) return;
    const { shown, left } = this.pictures;
    const right = [shown, this.stack.picture(shown)];
    const other = left ?? "photo";
    const pictures = other === shown ? [right] : [[other, this.stack.left ?? this.stack.picture(other)], right];
    this.loupe.draw(pictures, this.point, this.zoom.at(this.point), this.zoom.size, this.content.width);
  }
}
