// The live preview of the sample that is open: made ready when it is first needed, and the rack focus.

import { LiveRenderer } from "preview/live_renderer.js";
import { LiveScene } from "preview/live_scene.js";

const GLIDE_MS = 400;

export class LiveView {
  constructor(canvas) {
    canvas.dataset.live = "";
    this.opened = 0;
    this.glides = 0;
    try {
      this.renderer = LiveRenderer.on(canvas);
      canvas.addEventListener("webglcontextlost", () => (this.renderer = this.scene = null));
    } catch (error) {
      console.warn(error); // a driver that does not take the shaders: stored frames remain
      this.renderer = null;
    }
  }

  /** Resolves to whether this sample can be drawn; null closes. */
  async open(content) {
    const opened = ++this.opened;
    this.stop();
    this.scene = null;
    this.renderer?.open(null);
    if (!this.renderer || !content) return false;
    const scene = await LiveScene.of(content).catch(() => null); // a photo that cannot be read
    if (!scene) return false;
    if (opened !== this.opened || !this.renderer) return false;
    this.renderer.open(scene);
    this.scene = scene;
    return true;
  }

  get ready() {
    return Boolean(this.scene);
  }

  /** Resolves to whether the lens was drawn, and no other asked for since. */
  async draw(lens, moving) {
    return this.ready && this.renderer.draw(lens, { moving });
  }

  /** Rack focus from one plane to another, `onStep(focus)` after each picture; ends at exactly `to`. */
  async glide(from, to, scale, onStep) {
    const turn = ++this.glides;
    const start = performance.now();
    for (let share = 0; share < 1; ) {
      await new Promise(requestAnimationFrame);
      if (turn !== this.glides || !this.ready) return false;
      share = Math.min(1, (performance.now() - start) / GLIDE_MS);
      const focus = share < 1 ? from + (to - from) * eased(share) : to;
      await this.draw({ focus, scale }, true);
      if (turn === this.glides) onStep(focus);
    }
    return turn === this.glides;
  }

  /** Whatever glides stops where it is. */
  stop() {
    this.glides += 1;
  }
}

/** Slow at both ends, as a hand turns the ring. */
function eased(share) {
  return share * share * (3 - 2 * share);
}
