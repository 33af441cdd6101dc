// The line between two pictures of a sample: dragged, or moved by arrow keys.

export class Divider {
  constructor(handle, stage, onMove) {
    Object.assign(this, { handle, stage, onMove, share: 0.5 });
    handle.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      const box = stage.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
    });
    handle.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
      if (!by || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(this.share + by);
    });
  }

  /** `share` of the stage's width that lies left of the line. */
  move(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.handle.style.left = `${100 * this.share}%`;
    this.handle.setAttribute("aria-valuenow", Math.round(100 * this.share));
    this.onMove();
  }
}
