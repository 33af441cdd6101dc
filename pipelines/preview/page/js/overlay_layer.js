// The overlay that is chosen, with its buttons and its legend.

import { legend, paint } from "preview/overlay.js";

export class OverlayLayer {
  constructor(root) {
    Object.assign(this, { canvas: root.querySelector("#overlay"), legend: root.querySelector("#legend"), name: "" });
    this.buttons = [...root.querySelectorAll("[data-overlay]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.toggle(button.dataset.overlay));
  }

  toggle(name) {
    this.name = this.name === name ? "" : name;
    this.draw(...this.drawn);
  }

  /** `off`: while the sharp photo is looked at. */
  draw(map, labels, reachPx, off) {
    this.drawn = [map, labels, reachPx, off];
    paint(this.canvas, off ? "" : this.name, map, labels, reachPx);
    for (const button of this.buttons) button.setAttribute("aria-pressed", button.dataset.overlay === this.name);
    this.legend.classList.toggle("on", Boolean(this.name));
    if (!this.name) return;
    const [gradient, ...texts] = legend(this.name, map, labels, reachPx);
    this.legend.style.setProperty("--gradient", gradient);
    this.legend.replaceChildren(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  }
}
