// Keys of the viewer; `page.html` lists them for people.

const POINT_STEP = 0.02; // of the picture's width, by which Shift and an arrow move the point
const ZOOM_STEP = 1.5;
const OVERLAYS = { d: "disparity", b: "blur", f: "band" };

export function viewerKey(viewer, event) {
  if (!viewer.content || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return viewer.zoom.zoom > 1 ? viewer.zoomTo(0) : viewer.onLeave();
  const typing = event.target.matches?.("input, select, textarea");
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (name === "Enter") {
    if (event.target !== viewer.stage && event.target !== document.body) return; // a button's or a link's own
    event.preventDefault();
    return viewer.focusAt(viewer.point);
  }
  if (typing && event.target.matches("select")) return; // letters choose
  if (typing && /^(Arrow|Page|Home|End)/.test(event.key)) return; // a slider's own
  const act = actions(viewer, event.shiftKey)[name];
  if (!act) return;
  event.preventDefault();
  act();
}

export function viewerKeyUp(viewer, event) {
  const key = event.key.toLowerCase();
  if (key === "a") viewer.compare(false);
  if (key === "l") viewer.magnify(false);
}

function actions(viewer, shifted) {
  const { width, height } = viewer.content;
  const by = (dx, dy) => () =>
    viewer.pointAt({ x: viewer.point.x + dx * POINT_STEP, y: viewer.point.y + (dy * POINT_STEP * width) / height });
  const moves = { ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1) };
  const lenses = {
    ArrowLeft: () => viewer.step(-1),
    ArrowRight: () => viewer.step(1),
    ArrowUp: () => viewer.stepLevel(1),
    ArrowDown: () => viewer.stepLevel(-1),
  };
  const zoom = (factor) => () => viewer.zoomBy(factor, viewer.zoom.at(viewer.point));
  return {
    ...(shifted ? moves : lenses),
    ...Object.fromEntries(Object.entries(OVERLAYS).map(([key, overlay]) => [key, () => viewer.overlay.toggle(overlay)])),
    "+": zoom(ZOOM_STEP),
    "=": zoom(ZOOM_STEP),
    "-": zoom(1 / ZOOM_STEP),
    0: () => viewer.zoomTo(0),
    1: () => viewer.zoomTo(1),
    4: () => viewer.zoomTo(4),
    a: () => viewer.compare(true),
    l: () => viewer.magnify(true),
    ",": () => viewer.onStep(-1),
    ".": () => viewer.onStep(1),
  };
}
