// Where the picture lies in the stage. Zoom 1 fits it; at any other the place under the cursor stays where it is.
// The stage has the picture's shape, so that at zoom 1 the two agree.

const MOST = 8; // screen pixels to a pixel of the sample,
const MOST_OF_FIT = 4; // or times the whole picture, whichever is more
const PIXELATED = 2; // from here pixels are shown as squares

export class Zoom {
  constructor(stage, pictures, onChange) {
    Object.assign(this, { stage, pictures, onChange, zoom: 1, left: 0, top: 0, width: 1 });
  }

  /** For a picture of `width` pixels. */
  open(width) {
    this.width = width;
    this.set(1);
  }

  get size() {
    return { width: this.stage.clientWidth, height: this.stage.clientHeight };
  }

  /** The zoom at which a pixel of the sample takes `scale` pixels of the screen. */
  zoomOf(scale) {
    return (scale * this.width) / (this.size.width * devicePixelRatio || 1);
  }

  /** Screen pixels to a pixel of the sample. */
  get scale() {
    return this.zoom / this.zoomOf(1);
  }

  /** `at`: a place of the stage, in its pixels; without one its middle. */
  set(zoom, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const before = this.zoom;
    this.zoom = Math.min(Math.max(zoom, Math.min(1, this.zoomOf(1))), Math.max(MOST_OF_FIT, this.zoomOf(MOST)));
    this.left = at.x - ((at.x - this.left) * this.zoom) / before;
    this.top = at.y - ((at.y - this.top) * this.zoom) / before;
    this.place();
  }

  move(x, y) {
    this.left += x;
    this.top += y;
    this.place();
  }

  /** Share of the picture, [0, 1], at a place of the stage. */
  share({ x, y }) {
    const { width, height } = this.size;
    return { x: (x - this.left) / (width * this.zoom), y: (y - this.top) / (height * this.zoom) };
  }

  /** The place of the stage where a share of the picture lies. */
  at({ x, y }) {
    const { width, height } = this.size;
    return { x: this.left + x * width * this.zoom, y: this.top + y * height * this.zoom };
  }

  place() {
    const { width, height } = this.size;
    this.left = within(this.left, width * (1 - this.zoom));
    this.top = within(this.top, height * (1 - this.zoom));
    this.pictures.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.zoom})`;
    this.pictures.classList.toggle("pixelated", this.scale > PIXELATED);
    this.stage.classList.toggle("zoomed", this.zoom > 1.001);
    this.onChange();
  }
}

/** No border shows while the picture is larger than the stage; a smaller one lies in its middle. */
function within(offset, room) {
  return room > 0 ? room / 2 : Math.min(0, Math.max(room, offset));
}
