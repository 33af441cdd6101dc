// The pictures of a stack, one on the other. A new one fades in over the old one, which stays opaque below it: light
// does not dip in between.

export class Stack {
  constructor(root) {
    this.root = root;
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
  }

  /** Show frame `index`, or the all-in-focus photo for `photo`. */
  async show(index) {
    const turn = ++this.turn;
    const image = this.picture(index);
    await image.decode().catch(() => {}); // a picture that cannot be decoded shows as what it is
    if (turn !== this.turn) return; // another one was asked for meanwhile
    image.style.zIndex = ++this.top;
    image.classList.add("shown");
    image.dataset.current = "";
    for (const other of this.pictures.values()) {
      if (other === image) continue;
      delete other.dataset.current;
      hideBelow(other, image);
    }
  }

  picture(index) {
    if (!this.pictures.has(index)) {
      const image = document.createElement("img");
      image.alt = "";
      image.draggable = false;
      image.dataset.index = index;
      image.src = index === "photo" ? this.content.photo : this.content.pictures[index];
      this.root.append(image);
      void image.offsetWidth; // so that its opacity has a value to start from
      this.pictures.set(index, image);
    }
    return this.pictures.get(index);
  }
}

/** Hide what lies below once the new picture covers it: at once without motion, else after its fade. */
function hideBelow(below, above) {
  const fades = above.getAnimations();
  Promise.allSettled(fades.map((fade) => fade.finished)).then(() => {
    if (!("current" in below.dataset) && "current" in above.dataset) below.classList.remove("shown");
  });
}
