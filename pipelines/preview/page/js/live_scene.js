// A sample made ready for the live preview: its photo in linear light with the estimated light of lamps, its disparity
// mapped to [0, 1] at the photo's pixels, the background, the rays of its lens.

import { background } from "preview/background.js";
import { TILE_PX } from "preview/live_shader.js";
import { lensRays } from "preview/pupil.js";

export const RAYS = 128; // of a lens at rest
const LINEAR = Float32Array.from({ length: 256 }, (_, v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));

export class LiveScene {
  static async of(content) {
    const photo = new Image();
    photo.src = content.photo;
    await photo.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: photo.naturalWidth, height: photo.naturalHeight });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(photo, 0, 0);
    return new LiveScene(content, context.getImageData(0, 0, canvas.width, canvas.height));
  }

  /** `content`: a loaded sample; `pixels`: its photo as the page shows it, ImageData. */
  constructor(content, pixels) {
    this.optics = content.optics;
    this.width = pixels.width;
    this.height = pixels.height;
    this.map = content.map;
    this.span = Math.max(1e-12, this.map.value(this.map.high) - this.map.value(this.map.low));
    this.far = this.map.value(this.map.low);
    this.pixelScale = pixels.width / content.width; // the page's pixels to those of the labels
    this.depth = this.depths(content.width);
    this.light = linearLight(pixels.data, this.width, this.height, this.optics.highlight);
    for (let i = 0; i < this.depth.length; i++) this.light[4 * i + 3] = this.depth[i];
    this.behind = background({ data: this.light, width: this.width, height: this.height });
    this.rays = lensRays(content.pupil, RAYS);
    this.tiles = this.nearAndFar();
  }

  depths(sampleWidth) {
    const { map, width, height } = this;
    const zoom = sampleWidth / width;
    const inverse = 1 / Math.max(1, map.high - map.low);
    const columns = Int32Array.from({ length: width }, (_, x) => map.place(Math.floor((x + 0.5) * zoom), map.width));
    const depth = new Float32Array(width * height);
    for (let y = 0, i = 0; y < height; y++) {
      const row = map.place(Math.floor((y + 0.5) * zoom), map.height) * map.width;
      for (let x = 0; x < width; x++, i++) depth[i] = (map.codes[row + columns[x]] - map.low) * inverse;
    }
    return depth;
  }

  nearAndFar() {
    const columns = Math.ceil(this.width / TILE_PX);
    const rows = Math.ceil(this.height / TILE_PX);
    const [near, far] = [new Float32Array(columns * rows), new Float32Array(columns * rows).fill(1)];
    for (let y = 0, i = 0; y < this.height; y++) {
      for (let x = 0; x < this.width; x++, i++) {
        const tile = Math.floor(y / TILE_PX) * columns + Math.floor(x / TILE_PX);
        near[tile] = Math.max(near[tile], this.depth[i]);
        far[tile] = Math.min(far[tile], this.depth[i]);
      }
    }
    return { near, far, columns, rows };
  }

  /** {scale, focus} of the shader, from K in pixels of the sample and D_f. */
  lens({ focus, scale }) {
    return { scale: scale * this.span * this.pixelScale, focus: (focus - this.far) / this.span };
  }

  /** For each tile the farthest and the nearest s among the surfaces that blur into it: Float32Array of pairs. */
  reach({ scale, focus }) {
    const { near, far, columns, rows } = this.tiles;
    const s = [far, near].map((end) => end.map((d) => scale * (d - focus)));
    const widest = s[0].map((value, i) => Math.max(Math.abs(value), Math.abs(s[1][i])));
    const around = Math.ceil(Math.max(...widest) / TILE_PX) + 1;
    const out = new Float32Array(2 * columns * rows);
    for (let y = 0, i = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, i++) {
        let [low, high] = [s[0][i], s[1][i]];
        for (let v = Math.max(0, y - around); v <= Math.min(rows - 1, y + around); v++) {
          for (let u = Math.max(0, x - around); u <= Math.min(columns - 1, x + around); u++) {
            const j = v * columns + u;
            const gap = Math.hypot(Math.max(0, Math.abs(u - x) - 1), Math.max(0, Math.abs(v - y) - 1)) * TILE_PX;
            if (widest[j] < gap) continue;
            low = Math.min(low, s[0][j]);
            high = Math.max(high, s[1][j]);
          }
        }
        out.set([low, high], 2 * i);
      }
    }
    return out;
  }
}

/** sRGB bytes to linear light, the alpha left free; clipped lamps brightened as the labels' highlight curve says. */
function linearLight(bytes, width, height, [knee, peak, window]) {
  const light = new Float32Array(bytes.length);
  const clipped = new Float32Array(width * height);
  for (let i = 0; i < bytes.length; i += 4) {
    for (let c = 0; c < 3; c++) light[i + c] = LINEAR[bytes[i + c]];
    const most = Math.max(light[i], light[i + 1], light[i + 2]);
    clipped[i >> 2] = Math.min(1, Math.max(0, (most - knee) / (1 - knee)));
  }
  if (peak === 1) return light;
  const reach = Math.max(1, Math.round((window * Math.max(width, height)) / 2));
  const around = meanAround(meanAround(clipped, width, height, reach), height, width, reach); // each turns rows to columns
  for (let i = 0; i < clipped.length; i++) {
    if (!clipped[i]) continue;
    const gain = 1 + (peak - 1) * clipped[i] ** 2 * (1 - around[i]) ** 2;
    for (let c = 0; c < 3; c++) light[4 * i + c] *= gain;
  }
  return light;
}

/** Means over 2 reach + 1 values of each row, edges repeated; transposed. */
function meanAround(values, width, height, reach) {
  const out = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    const at = (x) => values[y * width + Math.min(width - 1, Math.max(0, x))];
    let sum = 0;
    for (let x = -reach; x <= reach; x++) sum += at(x);
    for (let x = 0; x < width; x++) {
      out[x * height + y] = sum / (2 * reach + 1);
      sum += at(x + reach + 1) - at(x - reach);
    }
  }
  return out;
}
