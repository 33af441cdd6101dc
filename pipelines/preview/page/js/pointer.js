// Mouse, pen and finger on the photo: moving shows the point, a click or tap focuses, holding shows all in focus.

const HOLD_MS = 450;
const SLIP_PX = 8; // a finger that moves farther scrolls

export function watchPointer(stage, { onPoint, onPick, onHold }) {
  let down = null;

  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };
  const release = () => {
    clearTimeout(down?.timer);
    if (down?.held) onHold(false);
    down = null;
  };

  stage.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") onPoint(place(event));
    if (down && Math.hypot(event.clientX - down.x, event.clientY - down.y) > SLIP_PX) clearTimeout(down.timer);
  });
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down = { x: event.clientX, y: event.clientY, held: false };
    down.timer = setTimeout(() => {
      if (down) down.held = true;
      onHold(true);
    }, HOLD_MS);
  });
  stage.addEventListener("pointerup", (event) => {
    const picked = down && !down.held && Math.hypot(event.clientX - down.x, event.clientY - down.y) <= SLIP_PX;
    release();
    if (picked) onPick(place(event));
  });
  for (const end of ["pointercancel", "pointerleave"]) stage.addEventListener(end, release);
  stage.addEventListener("contextmenu", (event) => {
    if (down?.held) event.preventDefault(); // a long press on a phone
  });
}
