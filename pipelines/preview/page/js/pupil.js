// The lens as rays: points of the pupil, spread evenly, with the share of light that passes there.

import { unpacked } from "preview/disparity.js";

const TABLE = 64; // cells of a stored pupil along each axis, [-1, 1]: pupil_table.py
const GOLDEN = [0.7548776662466927, 0.5698402909980532]; // any run of this sequence fills the square evenly

/** Codes of the pupil behind and in front of the plane in focus; null for a disc. */
export async function decodePupil(pupil) {
  if (!pupil) return null;
  const behind = await unpacked(pupil.behind, TABLE, TABLE);
  return { behind, front: pupil.front ? await unpacked(pupil.front, TABLE, TABLE) : behind };
}

/** Float32Array of `count` rays: x, y (down), weight behind the plane in focus, weight in front. `pupil`: {behind, front},
 *  codes of TABLE x TABLE cells; null: a disc. */
export function lensRays(pupil, count) {
  const rays = new Float32Array(4 * count);
  for (let k = 0, found = 0; found < count && k < 400 * count; k++) {
    const [x, y] = GOLDEN.map((step) => 2 * ((0.5 + step * (k + 1)) % 1) - 1);
    const [behind, front] = pupil ? [pupil.behind, pupil.front].map((codes) => cell(codes, x, y)) : disc(x, y);
    if (behind + front > 0) rays.set([x, y, behind, front], 4 * found++);
  }
  return rays;
}

function disc(x, y) {
  const open = Number(x * x + y * y <= 1);
  return [open, open];
}

function cell(codes, x, y) {
  const [column, row] = [x, y].map((place) => Math.min(TABLE - 1, Math.floor(((place + 1) / 2) * TABLE)));
  return codes[row * TABLE + column] / 65535;
}
