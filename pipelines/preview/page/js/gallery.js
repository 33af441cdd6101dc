// All photos of the page: small pictures that load when they come into sight, and filters.

import { sampleAddress } from "preview/address.js";

export class Gallery {
  constructor(root, cards, meanings) {
    this.cards = cards;
    this.list = root.querySelector("#gallery");
    this.text = root.querySelector("#filter-text");
    this.split = root.querySelector("#filter-split");
    this.kind = root.querySelector("#filter-kind");
    this.flag = root.querySelector("#filter-flag");
    this.count = root.querySelector("#filter-count");
    this.empty = root.querySelector("#gallery-empty");
    this.sight = new IntersectionObserver((entries) => this.load(entries), { rootMargin: "300px" });
    this.items = cards.map((card) => this.item(card, meanings));
    this.list.append(...this.items);
    options(this.split, cards.map((card) => card.split), {});
    const kinds = cards.map((card) => card.kind).filter(Boolean);
    options(this.kind, kinds, {});
    this.kind.hidden = !kinds.length;
    options(this.flag, cards.flatMap((card) => card.flags), meanings);
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    for (const input of [this.text, this.split, this.kind, this.flag]) input.addEventListener("input", () => this.filter());
    this.list.addEventListener("keydown", (event) => this.step(event));
    this.filter();
  }

  /** Built node by node: names are text, whatever they contain. */
  item(card, meanings) {
    const image = element("img", { alt: "", decoding: "async", width: card.width, height: card.height });
    const name = element("span", { className: "name", textContent: card.name, title: card.name });
    const about = element("span", { className: "dim", textContent: [card.key, card.split, card.kind].filter(Boolean).join(" · ") });
    const link = element("a", { href: sampleAddress(card.key) });
    link.dataset.key = card.key;
    link.append(image, name, about);
    for (const flag of card.flags) {
      link.append(element("span", { className: "flag", textContent: flag, title: meanings[flag] ?? "" }));
    }
    const item = element("li", {});
    item.append(link);
    this.sight.observe(image);
    image.thumb = card.thumb;
    return item;
  }

  load(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      target.src = target.thumb;
      this.sight.unobserve(target);
    }
  }

  filter() {
    const words = this.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    this.cards.forEach((card, i) => {
      const text = card.words.toLowerCase();
      const fits =
        words.every((word) => text.includes(word)) &&
        (!this.split.value || card.split === this.split.value) &&
        (!this.kind.value || card.kind === this.kind.value) &&
        (!this.flag.value || card.flags.includes(this.flag.value));
      this.items[i].hidden = !fits;
      shown += fits;
    });
    this.count.textContent = shown === this.cards.length ? `${shown} photos` : `${shown} of ${this.cards.length}`;
    this.empty.hidden = shown > 0;
  }

  /** Keys of the photos that the filter lets through, for going on to the next. */
  get shownKeys() {
    return this.cards.filter((_, i) => !this.items[i].hidden).map((card) => card.key);
  }

  focus(key) {
    const link = this.list.querySelector(`a[data-key="${CSS.escape(key)}"]`);
    (link && !link.parentElement.hidden ? link : this.text).focus();
  }

  /** Arrow keys go from photo to photo, as they lie. */
  step(event) {
    const links = [...this.list.querySelectorAll("li:not([hidden]) > a")];
    const now = links.indexOf(document.activeElement);
    if (now < 0) return;
    const top = links[0].offsetTop;
    const columns = Math.max(1, links.findIndex((link) => link.offsetTop > top));
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
    const next = links[now + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
}

function options(select, values, titles) {
  for (const value of [...new Set(values)].sort()) {
    const count = values.filter((other) => other === value).length;
    select.append(element("option", { value, textContent: `${value} (${count})`, title: titles[value] ?? "" }));
  }
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
