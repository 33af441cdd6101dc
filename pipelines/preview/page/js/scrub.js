// A card's focus pull: the mouse's place across the card, or that of a finger that pressed long, chooses the plane.

import { StoredFrames } from "preview/lens_setting.js";
import { sampleContent } from "preview/sample_data.js";

const HOLD_MS = 400;

export function scrub(link, image, card, linked) {
  let planes = null; // pictures of the strongest level, far to near
  let wanted = 0;
  let timer = 0;
  let held = false;
  let pulled = false; // by a finger: its release is no click

  const begin = async () => {
    if (planes) return;
    planes = []; // on their way
    try {
      const content = await sampleContent(card.key, linked);
      planes = new StoredFrames(content).levels.at(-1).map((frame) => content.pictures[frame]);
      if (link.classList.contains("pulling")) show();
    } catch {
      planes = null; // the card keeps its small picture
    }
  };
  const at = (event) => {
    const box = image.getBoundingClientRect();
    wanted = Math.min(0.999, Math.max(0, (event.clientX - box.left) / box.width));
    link.classList.add("pulling");
    if (planes) show();
  };
  const show = () => {
    const source = planes[Math.floor(wanted * planes.length)];
    if (source && image.src !== source) image.src = source;
  };
  const end = () => {
    clearTimeout(timer);
    held = false;
    if (!link.classList.contains("pulling")) return;
    link.classList.remove("pulling");
    image.src = image.thumb;
    planes = null; // large, and quickly there again
  };

  link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && begin());
  link.addEventListener("pointermove", (event) => (event.pointerType === "mouse" || held) && at(event));
  link.addEventListener("pointerdown", (event) => {
    pulled = false;
    if (event.pointerType === "mouse") return;
    timer = setTimeout(() => {
      held = pulled = true;
      begin();
      at(event);
    }, HOLD_MS);
  });
  for (const name of ["pointerleave", "pointerup", "pointercancel"]) link.addEventListener(name, end);
  link.addEventListener("touchmove", (event) => held && event.cancelable && event.preventDefault(), { passive: false }); // it pulls
  link.addEventListener("click", (event) => pulled && event.preventDefault());
  link.addEventListener("contextmenu", (event) => held && event.preventDefault());
}
