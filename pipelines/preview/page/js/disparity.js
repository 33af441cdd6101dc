// Stored disparity: 16-bit codes, decoded to exactly the bits of the data set. D = offset + scale * code.
// No canvas takes part: a canvas may change values (color management, 8 bits). The other side: disparity_code.py.

export class Disparity {
  constructor(record, codes) {
    Object.assign(this, { width: record.width, height: record.height, stride: record.stride });
    Object.assign(this, { scale: record.scale, offset: record.offset, unit: record.unit, codes });
    [this.low, this.high] = range(codes);
  }

  static async decode(record) {
    return new Disparity(record, await unpacked(record.codes, record.width, record.height));
  }

  /** D of a code. */
  value(code) {
    return this.offset + this.scale * code;
  }

  /** D at a pixel of the sample; where only every stride-th pixel is stored, at the one nearest to it. */
  at(column, row) {
    return this.value(this.codes[this.place(row, this.height) * this.width + this.place(column, this.width)]);
  }

  place(pixel, size) {
    const index = Math.round((pixel - Math.floor(this.stride / 2)) / this.stride);
    return Math.min(size - 1, Math.max(0, index));
  }
}

/** 16-bit codes of a packed map, row by row. */
export async function unpacked(text, width, height) {
  return undone(await inflated(text), width, height);
}

async function inflated(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** High bytes, then low bytes, of differences to the left neighbor (first column: to the one above). */
function undone(bytes, width, height) {
  const size = width * height;
  if (bytes.length !== 2 * size) throw new Error(`disparity must have ${2 * size} bytes, got ${bytes.length}`);
  const codes = new Uint16Array(size); // additions wrap around at 2^16, as they must
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const before = column > 0 ? codes[i - 1] : row > 0 ? codes[i - width] : 0;
      codes[i] = before + ((bytes[i] << 8) | bytes[size + i]);
    }
  }
  return codes;
}

function range(codes) {
  let low = 65535;
  let high = 0;
  for (const code of codes) {
    if (code < low) low = code;
    if (code > high) high = code;
  }
  return [low, high];
}
