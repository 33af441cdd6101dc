// The part of the address behind `#`: which view, which sample, which frame. It can be kept and passed on.

/** `#key=00000003&frame=5` -> {view: "sample", key, frame}; `#report`; anything else: the photos. */
export function readAddress(hash) {
  const text = hash.replace(/^#/, "");
  if (text === "report") return { view: "report" };
  const pairs = new URLSearchParams(text);
  if (!pairs.has("key")) return { view: "photos" };
  const frame = Number.parseInt(pairs.get("frame") ?? "", 10);
  return { view: "sample", key: pairs.get("key"), frame: Number.isNaN(frame) ? null : frame };
}

export function sampleAddress(key, frame = null) {
  return `#key=${encodeURIComponent(key)}` + (frame === null ? "" : `&frame=${frame}`);
}
