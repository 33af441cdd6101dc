// The pictures that can be chosen for either side of the divider.

/** Options of both selects; a choice that still exists stays. */
export function offerPictures([show, beside], stored) {
  const levels = stored.levels.map(([frame], i) => [`level:${i}`, `Level ${i + 1}: ${stored.frames[frame].blur_level.toFixed(2)} %`]);
  const pictures = [["photo", "All in focus"], ["frame", "Stored frame"], ["live", "Live preview"], ...levels];
  fill(show, [["", "Frame, else live"], ...pictures]);
  fill(beside, [["", "Nothing"], ...pictures]);
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
