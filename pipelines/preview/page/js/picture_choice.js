// The pictures that can be chosen for either side of the divider, and what is written on them.

export class PictureChoice {
  constructor(root, onChoose) {
    this.find = (id) => root.querySelector(`#${id}`);
    for (const id of ["show", "beside"]) this.find(id).addEventListener("input", onChoose);
  }

  /** Options of both selects; a choice that still exists stays. */
  open(stored) {
    this.stored = stored;
    const levels = stored.levels.map(([frame], i) => [`level:${i}`, `Level ${i + 1}: ${stored.frames[frame].blur_level.toFixed(2)} %`]);
    const pictures = [["photo", "All in focus"], ["frame", "Stored frame"], ["live", "Live preview"], ...levels];
    fill(this.find("show"), [["", "Frame, else live"], ...pictures]);
    fill(this.find("beside"), [["", "Nothing"], ...pictures]);
  }

  /** Whether a glide of the focus is seen. */
  get followsFocus() {
    return !["photo", "frame"].includes(this.find("show").value);
  }

  /** {shown, left}, each "photo", "live" or a frame's number; left: null without a divider. */
  pictures(lens, isLive, comparing) {
    const shown = comparing ? "photo" : this.picture(this.find("show").value, lens, isLive);
    const beside = this.find("beside").value;
    const left = beside && !comparing ? this.picture(beside, lens, isLive) : null;
    return { shown, left: left === shown ? null : left };
  }

  picture(choice, lens, isLive) {
    if (choice === "photo") return "photo";
    if (choice.startsWith("level:")) return this.stored.frame(lens.focus, Number(choice.slice(6)));
    return isLive && (choice === "live" || (!choice && this.stored.exact(lens) === null)) ? "live" : this.stored.nearest(lens);
  }

  /** A stored frame alone needs no name. */
  name({ shown, left }) {
    this.write("right", shown, left !== null || shown === "live" || shown === "photo");
    this.write("left", left, left !== null);
  }

  write(side, picture, isNamed) {
    this.find(`${side}-name`).textContent = isNamed ? pictureName(picture) : "";
    this.find(`${side}-name`).hidden = !isNamed;
  }
}

/** What is written on a picture: "photo", "live" or a frame's number. */
export function pictureName(picture) {
  return { live: "live preview", photo: "all in focus" }[picture] ?? `data set, frame ${picture}`;
}

function fill(select, choices) {
  const before = select.value;
  select.replaceChildren(...choices.map(([value, textContent]) => Object.assign(document.createElement("option"), { value, textContent })));
  select.value = choices.some(([value]) => value === before) ? before : "";
}
