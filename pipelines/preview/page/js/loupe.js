// The loupe: the compared pictures beside each other around the point, each pixel of the sample four of the screen.

import { pictureName } from "preview/picture_choice.js";

const SCALE = 4;
const PANE_PX = 184; // of the page, at most
const GAP_PX = 22; // between the point and the loupe

export class Loupe {
  constructor(root) {
    this.root = root;
    this.panes = [...root.querySelectorAll("figure")];
    this.held = false;
  }

  /** `pictures`: [name, element] of one or two; `share`: the point in the picture; `at`: in the stage of `size`. */
  draw(pictures, share, at, size, sampleWidth) {
    const pane = Math.min(PANE_PX, Math.floor((size.width - 12) / 2));
    this.panes.forEach((figure, i) => {
      figure.hidden = i >= pictures.length;
      if (figure.hidden) return;
      const [name, picture] = pictures[i];
      figure.lastElementChild.textContent = pictureName(name);
      enlarge(figure.firstElementChild, picture, share, pane, sampleWidth);
      if (picture.complete === false) picture.addEventListener("load", () => this.held && this.draw(pictures, share, at, size, sampleWidth), { once: true });
    });
    const { offsetWidth: width, offsetHeight: height } = this.root;
    const left = Math.max(4, Math.min(size.width - width - 4, at.x - width / 2));
    const below = at.y + GAP_PX + height < size.height;
    this.root.style.transform = `translate(${left}px, ${below ? at.y + GAP_PX : Math.max(4, at.y - GAP_PX - height)}px)`;
  }
}

function enlarge(canvas, picture, share, pane, sampleWidth) {
  const side = Math.round(pane * devicePixelRatio);
  Object.assign(canvas, { width: side, height: side });
  canvas.style.width = canvas.style.height = `${pane}px`;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  const [width, height] = [picture.naturalWidth ?? picture.width, picture.naturalHeight ?? picture.height];
  const span = ((side / SCALE) * width) / sampleWidth; // of the picture's own pixels
  context.drawImage(picture, share.x * width - span / 2, share.y * height - span / 2, span, span, 0, 0, side, side);
}
