// A button that acts as long as it is held: by the mouse, a finger or Space.

export function holdButton(button, onHold) {
  const hold = (held) => {
    button.setAttribute("aria-pressed", held);
    onHold(held);
  };
  button.addEventListener("pointerdown", () => hold(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, () => hold(false));
  button.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    hold(true);
  });
  button.addEventListener("keyup", (event) => event.key === " " && hold(false));
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a phone
}
