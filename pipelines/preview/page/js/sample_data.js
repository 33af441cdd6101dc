// A sample's content when it is opened: from a script element of the page, or from a script beside it (`--linked`).

import { Disparity } from "preview/disparity.js";
import { decodePupil } from "preview/pupil.js";

const KEPT = 3; // samples whose decoded disparity is kept, for going back and forth

const decoded = new Map();
const waiting = new Map();

// What a sample's script calls. A page opened from disk can load scripts, but may not read any other file.
globalThis.takeSample = (key, content) => {
  waiting.get(key)?.(content);
  waiting.delete(key);
};

/** Labels and pictures of a sample, nothing decoded. */
export async function sampleContent(key, linked) {
  return linked ? beside(key) : JSON.parse(document.getElementById(`sample-${key}`).textContent);
}

export async function loadSample(key, linked) {
  if (!decoded.has(key)) {
    const content = await sampleContent(key, linked);
    content.map = await Disparity.decode(content.disparity);
    content.pupil = await decodePupil(content.optics.pupil);
    decoded.set(key, content);
    if (decoded.size > KEPT) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(key);
}

function beside(key) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(key, resolve);
    script.onerror = () => reject(new Error(`media/${key}/sample.js is not beside the page`));
    script.onload = () => script.remove();
    script.src = `media/${key}/sample.js`;
    document.head.append(script);
  });
}
