// The pictures of a sample, one on the other: the photo, the frames, and the live canvas. A new one fades in over the
// old one, which stays opaque below it: light does not dip in between. Another one may lie beside it, left of a divider.

export class Stack {
  constructor(root, canvas) {
    this.root = root;
    this.canvas = canvas; // of the live preview
    this.pictures = new Map();
    this.top = 0;
    this.turn = 0;
  }

  open(content) {
    this.root.replaceChildren();
    this.pictures.clear();
    this.top = 0;
    this.turn += 1;
    this.content = content;
    this.left = null;
  }

  /** Show the picture of a name: a frame's number, "photo" or "live". */
  async show(name) {
    const turn = ++this.turn;
    const picture = this.picture(name);
    if (picture.decode) await picture.decode().catch(() => {}); // a picture that cannot be decoded shows as what it is
    if (turn !== this.turn) return; // another one was asked for meanwhile
    if (!("current" in picture.dataset)) picture.style.zIndex = ++this.top;
    picture.classList.add("shown");
    picture.dataset.current = "";
    for (const other of this.pictures.values()) {
      if (other === picture) continue;
      delete other.dataset.current;
      hideBelow(other, picture);
    }
  }

  /** Show another picture left of the divider; null: none. */
  beside(name) {
    if (this.left && this.left.dataset.beside === String(name)) return;
    this.left?.remove();
    this.left = null;
    if (name === null) return;
    this.left = name === "live" ? this.canvas : this.image(name);
    this.left.classList.add("beside");
    this.left.dataset.beside = name;
    if (name === "live") this.pictures.delete("live");
    this.root.append(this.left);
  }

  picture(name) {
    if (!this.pictures.has(name)) {
      const picture = name === "live" ? this.canvas : this.image(name);
      picture.classList.remove("beside", "shown");
      delete picture.dataset.beside;
      picture.dataset.index = name;
      this.root.append(picture);
      void picture.offsetWidth; // so that its opacity has a value to start from
      this.pictures.set(name, picture);
    }
    return this.pictures.get(name);
  }

  image(name) {
    const image = document.createElement("img");
    image.alt = "";
    image.draggable = false;
    image.src = name === "photo" ? this.content.photo : this.content.pictures[name];
    return image;
  }
}

/** Hide what lies below once the new picture covers it: at once without motion, else after its fade. */
function hideBelow(below, above) {
  const fades = above.getAnimations();
  Promise.allSettled(fades.map((fade) => fade.finished)).then(() => {
    if (!("current" in below.dataset) && "current" in above.dataset) below.classList.remove("shown");
  });
}
