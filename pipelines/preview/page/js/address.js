// The part of the address behind `#`: which view, which sample through which lens, which filter. It can be kept and
// passed on.

const FILTERS = ["text", "split", "kind", "flag", "bar"];

/** `#key=00000003&frame=5` -> {view: "sample", key, lens: {frame}}, or {focus, blur} as lens; `#report`; `#split=val&bar=1.7`
 *  and anything else -> {view: "photos", filter}. */
export function readAddress(hash) {
  const text = hash.replace(/^#/, "");
  if (text === "report") return { view: "report" };
  const pairs = new URLSearchParams(text);
  if (!pairs.has("key")) return { view: "photos", filter: Object.fromEntries(FILTERS.map((name) => [name, pairs.get(name) ?? ""])) };
  const [frame, focus, blur] = ["frame", "focus", "blur"].map((name) => Number.parseFloat(pairs.get(name) ?? ""));
  const lens = Number.isInteger(frame) ? { frame } : Number.isFinite(focus) && blur > 0 ? { focus, blur } : null;
  return { view: "sample", key: pairs.get("key"), lens };
}

/** `lens`: {frame}, {focus, blur} or null. */
export function sampleAddress(key, lens = null) {
  const place = Object.entries(lens ?? {}).map(([name, value]) => `&${name}=${name === "frame" ? value : Number(value.toFixed(6))}`);
  return `#key=${encodeURIComponent(key)}${place.join("")}`;
}

export function filterAddress(filter) {
  const pairs = new URLSearchParams(FILTERS.filter((name) => filter[name]).map((name) => [name, filter[name]]));
  return `#${pairs.toString() || "photos"}`;
}
