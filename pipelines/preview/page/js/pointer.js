// Mouse, pen and fingers on the photo: moving shows the point, a click or tap focuses, holding shows all in focus; the
// wheel and two fingers zoom, dragging moves what is zoomed.

const HOLD_MS = 450;
const SLIP_PX = 8; // a finger that moves farther does not press
const WHEEL = 0.0016; // of the zoom's logarithm, for a pixel of the wheel

/** Places are pixels of the stage. `onZoom(factor, place)` says whether it took the wheel; `onDrag(dx, dy)`. */
export function watchPointer(stage, { onPoint, onPick, onHold, onZoom, onDrag }) {
  const fingers = new Map();
  let down = null;
  let spread = 0;

  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const release = () => {
    clearTimeout(down?.timer);
    if (down?.held) onHold(false);
    down = null;
  };

  stage.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = fingers.get(event.pointerId);
    if (before) fingers.set(event.pointerId, now);
    if (fingers.size === 2) return pinch();
    if (event.pointerType !== "touch") onPoint(now);
    if (!down || !before || down.held) return;
    if (Math.hypot(now.x - down.x, now.y - down.y) > SLIP_PX) {
      clearTimeout(down.timer);
      down.slipped = true;
    }
    if (down.slipped) onDrag(now.x - before.x, now.y - before.y);
  });

  function pinch() {
    const [a, b] = [...fingers.values()];
    const now = Math.hypot(a.x - b.x, a.y - b.y);
    if (spread) onZoom(now / spread, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    spread = now;
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest(".divider")) return;
    fingers.set(event.pointerId, place(event));
    spread = 0;
    if (fingers.size > 1) return release();
    if (stage.classList.contains("zoomed")) stage.setPointerCapture(event.pointerId);
    down = { ...place(event), held: false, slipped: false };
    down.timer = setTimeout(() => {
      if (down) down.held = true;
      onHold(true);
    }, HOLD_MS);
  });
  stage.addEventListener("pointerup", (event) => {
    const picked = down && !down.held && !down.slipped;
    fingers.delete(event.pointerId);
    release();
    if (picked) onPick(place(event));
  });
  for (const end of ["pointercancel", "pointerleave"]) {
    stage.addEventListener(end, (event) => {
      fingers.delete(event.pointerId);
      release();
    });
  }
  stage.addEventListener("contextmenu", (event) => {
    if (down?.held) event.preventDefault(); // a long press on a phone
  });
  stage.addEventListener(
    "wheel",
    (event) => {
      const lines = event.deltaMode === 1 ? 18 : 1;
      const strength = event.ctrlKey ? 6 : 1; // two fingers on a touchpad come as a wheel with Ctrl
      if (onZoom(Math.exp(-event.deltaY * lines * WHEEL * strength), place(event))) event.preventDefault();
    },
    { passive: false },
  );
}
