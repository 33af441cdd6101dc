// What is drawn over the photo: a mark where it is focused, and the circle of the labeled radius at the point.

export class Marks {
  constructor(root) {
    this.find = (id) => root.querySelector(`#${id}`);
  }

  /** Places are pixels of the stage, which is `width` wide; `radius`: r in pixels of the sample, `shownPx` of the stage each. */
  draw(focus, point, radius, shownPx, width) {
    this.find("focus-mark").setAttribute("transform", `translate(${focus.x} ${focus.y})`);
    this.find("cursor").setAttribute("transform", `translate(${point.x} ${point.y})`);
    for (const id of ["blur-circle", "blur-halo"]) this.find(id).setAttribute("r", radius * shownPx);
    placeText(this.find("blur-text"), `r ${radius.toFixed(1)} px`, point, radius * shownPx, width);
  }
}

/** On the side where there is room; at the point's own height, kept inside the picture. */
function placeText(text, content, { x, y }, radius, width) {
  text.textContent = content;
  const gap = Math.max(radius, 9) + 7;
  const right = x + gap + 74 < width;
  const left = x - gap - 74 > 0;
  text.setAttribute("text-anchor", right || !left ? "start" : "end");
  text.setAttribute("x", right ? gap : left ? -gap : 12 - x);
  text.setAttribute("y", Math.max(4, 16 - y));
}
