// What lies behind near things: a smaller picture in which they are filled in from the far side, once a sample.

const SHRINK = 4; // photo pixels to a cell
const WINDOW = 0.05; // of the long side, within which a thing is near or far
const FAR = 0.3; // share of the window's range of disparity that counts as far
const FLAT = 0.03; // of the photo's range: where the window holds no more, nothing is hidden

/** {data, width, height}: light and disparity in [0, 1], four values a cell, from a photo of the same kind. */
export function background({ data, width, height }) {
  const cells = farthest(data, width, height);
  const reach = Math.max(2, Math.round((WINDOW * Math.max(width, height)) / SHRINK));
  const disparity = Float32Array.from({ length: cells.width * cells.height }, (_, i) => cells.data[4 * i + 3]);
  const low = extremes(disparity, cells.width, cells.height, reach, Math.min);
  const high = extremes(disparity, cells.width, cells.height, reach, Math.max);
  const weight = disparity.map((d, i) => Number(d - low[i] <= Math.max(FLAT, FAR * (high[i] - low[i]))));
  return { ...cells, data: filled(cells.data, weight, cells.width, cells.height) };
}

/** Of each block the pixel that is farthest. */
function farthest(data, width, height) {
  const [columns, rows] = [Math.ceil(width / SHRINK), Math.ceil(height / SHRINK)];
  const cells = new Float32Array(4 * columns * rows);
  for (let i = 3; i < cells.length; i += 4) cells[i] = Infinity;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 4 * (y * width + x);
      const to = 4 * (Math.floor(y / SHRINK) * columns + Math.floor(x / SHRINK));
      if (data[from + 3] < cells[to + 3]) cells.set(data.subarray(from, from + 4), to);
    }
  }
  return { data: cells, width: columns, height: rows };
}

/** Least or greatest value within `reach` cells, one axis after the other. */
function extremes(values, width, height, reach, better) {
  for (const [step, length, line, lines] of [[1, width, width, height], [width, height, 1, width]]) {
    const out = new Float32Array(values.length);
    for (let j = 0; j < lines; j++) {
      for (let i = 0; i < length; i++) {
        let best = values[j * line + i * step];
        for (let k = Math.max(0, i - reach); k <= Math.min(length - 1, i + reach); k++) {
          best = better(best, values[j * line + k * step]);
        }
        out[j * line + i * step] = best;
      }
    }
    values = out;
  }
  return values;
}

/** Cells of weight 0 from those around them: means of ever larger blocks, then back (pull-push). */
function filled(data, weight, width, height) {
  if (width * height === 1) return data;
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const sums = new Float32Array(4 * columns * rows);
  const counts = new Float32Array(columns * rows);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [from, to] = [y * width + x, (y >> 1) * columns + (x >> 1)];
      counts[to] += weight[from];
      for (let c = 0; c < 4; c++) sums[4 * to + c] += weight[from] * data[4 * from + c];
    }
  }
  for (let i = 0; i < sums.length; i++) sums[i] /= counts[i >> 2] || 1;
  const coarse = filled(sums, counts.map((count) => Math.min(1, count)), columns, rows);
  const out = data.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [to, from] = [y * width + x, (y >> 1) * columns + (x >> 1)];
      for (let c = 0; c < 4; c++) out[4 * to + c] += (1 - weight[to]) * (coarse[4 * from + c] - out[4 * to + c]);
    }
  }
  return out;
}
