// All photos of the page: small pictures that load when they come into sight, and filters.

import { sampleAddress } from "preview/address.js";
import { scrub } from "preview/scrub.js";

export class Gallery {
  /** `data`: cards, meanings of flags, figures of the report; `onFilter(filter, text)`: another filter holds. */
  constructor(root, { cards, meanings, figures, linked }, { onFilter }) {
    Object.assign(this, { cards, figures, linked, onFilter, bar: "" });
    this.barButton = root.querySelector("#filter-bar");
    this.list = root.querySelector("#gallery");
    this.text = root.querySelector("#filter-text");
    this.split = root.querySelector("#filter-split");
    this.kind = root.querySelector("#filter-kind");
    this.flag = root.querySelector("#filter-flag");
    this.count = root.querySelector("#filter-count");
    this.empty = root.querySelector("#gallery-empty");
    this.sight = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && this.load(entry.target)), { rootMargin: "300px" });
    addEventListener("beforeprint", () => this.list.querySelectorAll("img:not([src])").forEach((image) => this.load(image)));
    this.items = cards.map((card) => this.item(card, meanings));
    this.list.append(...this.items);
    options(this.split, cards.map((card) => card.split), {});
    const kinds = cards.map((card) => card.kind).filter(Boolean);
    options(this.kind, kinds, {});
    this.kind.hidden = !kinds.length;
    options(this.flag, cards.flatMap((card) => card.flags), meanings);
    root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
    for (const input of [this.text, this.split, this.kind, this.flag]) input.addEventListener("input", () => this.filter());
    this.barButton.addEventListener("click", () => this.set({ ...this.filterNow, bar: "" }));
    this.list.addEventListener("keydown", (event) => this.step(event));
  }

  /** Built node by node: names are text, whatever they contain. */
  item(card, meanings) {
    const image = element("img", { alt: "", decoding: "async", draggable: false });
    const picture = element("span", { className: "picture" });
    picture.append(image);
    const name = element("span", { className: "name", textContent: card.name, title: card.name });
    const about = element("span", { className: "dim", textContent: [card.key, card.split, card.kind].filter(Boolean).join(" · ") });
    const link = element("a", { href: sampleAddress(card.key) });
    link.dataset.key = card.key;
    link.append(picture, name, about);
    scrub(link, image, card, this.linked);
    for (const flag of card.flags) {
      link.append(element("span", { className: "flag", textContent: flag, title: meanings[flag] ?? "" }));
    }
    const item = element("li", {});
    item.append(link);
    this.sight.observe(image);
    image.thumb = card.thumb;
    return item;
  }

  load(image) {
    image.src = image.thumb;
    this.sight.unobserve(image);
  }

  get filterNow() {
    return { text: this.text.value, split: this.split.value, kind: this.kind.value, flag: this.flag.value, bar: this.bar };
  }

  set(filter) {
    for (const name of ["text", "split", "kind", "flag"]) this[name].value = filter[name] ?? "";
    this.bar = this.barText(filter.bar ?? "") ? filter.bar : "";
    this.filter();
  }

  filter() {
    const { text, split, kind, flag, bar } = this.filterNow;
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const [figure, bin] = bar.split(".").map(Number);
    let shown = 0;
    this.cards.forEach((card, i) => {
      const about = card.words.toLowerCase();
      const fits =
        words.every((word) => about.includes(word)) &&
        (!split || card.split === split) &&
        (!kind || card.kind === kind) &&
        (!flag || card.flags.includes(flag)) &&
        (!bar || card.bins[figure].includes(bin));
      this.items[i].hidden = !fits;
      shown += fits;
    });
    this.count.textContent = shown === this.cards.length ? `${shown} photos` : `${shown} of ${this.cards.length}`;
    this.barButton.textContent = `${this.barText(bar)} ✕`;
    this.barButton.setAttribute("aria-label", `Remove the filter ${this.barText(bar)}`);
    this.barButton.hidden = !bar;
    this.empty.hidden = shown > 0;
    this.onFilter(this.filterNow, `${this.count.textContent} shown`);
  }

  /** `2.7`, the eighth bar of the third figure, in words; "" where there is no such bar. */
  barText(bar) {
    const [figure, bin] = bar.split(".").map(Number);
    const { title, unit, edges } = this.figures[figure] ?? {};
    if (!bar || !(edges?.[bin + 1] > edges[bin])) return "";
    return `${title}: ${short(edges[bin])} to ${short(edges[bin + 1])} ${unit}`.trim();
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

function short(value) {
  return String(Number(value.toPrecision(3)));
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
