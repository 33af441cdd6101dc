// The live preview on a canvas: WebGL2. A lens is drawn at once in one coarse pass, then, once it rests, refined by more
// rays until all of them are summed. No pass is begun before the last one is done, so that a click never waits long.

import { RAYS } from "preview/live_scene.js";
import { DEVELOP, FULL_VIEW, GATHER } from "preview/live_shader.js";

const PASS_RAYS = 64; // at full speed; a slow device takes fewer at a time
const FEWEST_RAYS = 16; // of a picture while the focus moves
const FEWEST_ADDED = 2; // of a pass of the refinement: a click waits for one pass
const MOVING_MS = 30; // what a frame may take while the focus moves
const RESTING_MS = 90; // and a pass of the refinement
const WAITING_MS = 5; // until a browser's timer sees that a pass is done
const SMALLEST = 0.25; // of the picture's size, while the focus moves

export class LiveRenderer {
  /** null where the browser has no WebGL2, or cannot add light in floating point. */
  static on(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    const adds = gl && (gl.getExtension("EXT_color_buffer_float") || gl.getExtension("EXT_color_buffer_half_float"));
    return adds ? new LiveRenderer(canvas, gl) : null;
  }

  constructor(canvas, gl) {
    Object.assign(this, { canvas, gl, scene: null, textures: {}, turn: 0, rayMs: 0.4, frames: 0 });
    this.gather = program(gl, GATHER);
    this.develop = program(gl, DEVELOP);
    gl.bindVertexArray(gl.createVertexArray());
  }

  /** Show another scene; null frees what the last one took. */
  open(scene) {
    this.turn += 1;
    for (const texture of Object.values(this.textures)) this.gl.deleteTexture(texture);
    this.textures = {};
    this.gl.deleteFramebuffer(this.buffer);
    this.buffer = null;
    this.scene = scene;
    if (!scene) return;
    const { gl } = this;
    Object.assign(this.canvas, { width: scene.width, height: scene.height });
    this.textures = {
      light: texture(gl, gl.RGBA16F, scene.width, scene.height, scene.light),
      depth: texture(gl, gl.R32F, scene.width, scene.height, scene.depth),
      behind: texture(gl, gl.RGBA16F, scene.behind.width, scene.behind.height, scene.behind.data),
      reach: texture(gl, gl.RG32F, scene.tiles.columns, scene.tiles.rows, null),
      rays: texture(gl, gl.RGBA32F, RAYS, 1, scene.rays),
    };
    gl.bindTexture(gl.TEXTURE_2D, this.textures.light);
    gl.generateMipmap(gl.TEXTURE_2D);
    filter(gl, gl.LINEAR_MIPMAP_LINEAR);
    gl.bindTexture(gl.TEXTURE_2D, this.textures.behind);
    filter(gl, gl.LINEAR);
  }

  /** Draw a lens {focus: D_f, scale: K}; moving: one quick pass. Resolves to whether nothing else was asked for since. */
  async draw(lens, { moving = false } = {}) {
    const turn = ++this.turn;
    while (this.busy) await this.busy;
    if (turn !== this.turn || !this.scene) return false;
    const size = moving ? this.movingSize() : 1;
    const count = moving ? this.affordable(size, MOVING_MS, FEWEST_RAYS) : this.affordable(1, RESTING_MS, FEWEST_ADDED);
    this.begin(lens, size);
    for (let first = 0; first < (moving ? count : RAYS) && turn === this.turn; first += count) {
      const total = moving ? count : RAYS;
      this.busy = this.pass(first, Math.min(count, total - first), total, size);
      await this.busy;
      this.busy = null;
      if (turn === this.turn && (moving || first + count >= RAYS)) this.show();
    }
    return turn === this.turn;
  }

  affordable(size, ms, fewest) {
    const rays = ms / (this.rayMs * size * size);
    return Math.max(fewest, Math.min(PASS_RAYS, 2 ** Math.floor(Math.log2(rays))));
  }

  movingSize() {
    const fits = Math.sqrt(MOVING_MS / (this.rayMs * FEWEST_RAYS * 1.5));
    return fits >= 1 ? 1 : Math.max(SMALLEST, 2 ** Math.floor(Math.log2(fits)));
  }

  begin(lens, size) {
    const { gl, scene } = this;
    this.lens = scene.lens(lens);
    this.width = Math.ceil(scene.width * size);
    this.height = Math.ceil(scene.height * size);
    this.target(this.width, this.height);
    gl.bindTexture(gl.TEXTURE_2D, this.textures.reach);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, scene.tiles.columns, scene.tiles.rows, gl.RG, gl.FLOAT, scene.reach(this.lens));
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** The floating-point picture in which light is summed. */
  target(width, height) {
    const { gl } = this;
    if (this.buffer && this.targetWidth === width && this.targetHeight === height) return;
    Object.assign(this, { targetWidth: width, targetHeight: height });
    gl.deleteTexture(this.textures.sums ?? null);
    this.textures.sums = texture(gl, gl.RGBA16F, width, height, null);
    filter(gl, gl.LINEAR);
    this.buffer ??= gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.textures.sums, 0);
  }

  /** Add the light of some rays; resolves once the device is done, and learns how long a ray takes. */
  async pass(first, count, total, size) {
    const { gl, gather, scene, lens } = this;
    const { cat_eye: catEye, barn_doors: barnDoors, squeeze, focus_shift: shift, magnification } = scene.optics;
    const start = performance.now();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.viewport(0, 0, this.width, this.height);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    gl.useProgram(gather.program);
    ["light", "depth", "behind", "reach", "rays"].forEach((name, unit) => this.bind(gather, name, unit));
    gl.uniform2f(gather.at("size"), scene.width, scene.height);
    gl.uniform2f(gather.at("pixel"), scene.width / this.width, scene.height / this.height);
    gl.uniform1f(gather.at("scale"), lens.scale);
    gl.uniform1f(gather.at("focus"), lens.focus);
    gl.uniform2i(gather.at("chosen"), first, count);
    gl.uniform1f(gather.at("cell"), Math.sqrt(Math.PI / total));
    gl.uniform1f(gather.at("stride"), total === RAYS ? 1.5 : 3);
    gl.uniform1f(gather.at("catEye"), catEye);
    gl.uniform1f(gather.at("barnDoors"), barnDoors);
    gl.uniform2f(gather.at("stretch"), Math.max(1, squeeze), Math.max(1, 1 / squeeze));
    gl.uniform3f(gather.at("shift"), ...shift.map((value) => value / scene.span));
    gl.uniform3f(gather.at("magnification"), ...magnification);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.disable(gl.BLEND);
    await finished(gl);
    const ms = Math.max(0.2, performance.now() - start - WAITING_MS);
    this.rayMs += 0.4 * (ms / (count * size * size) - this.rayMs);
  }

  /** Sums to display values, on the canvas. */
  show() {
    this.frames += 1;
    this.developed(null, this.canvas.width, this.canvas.height, true);
  }

  developed(buffer, width, height, upright) {
    const { gl, develop } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, buffer);
    gl.viewport(0, 0, width, height);
    gl.useProgram(develop.program);
    this.bind(develop, "sums", 0);
    gl.uniform2f(develop.at("shown"), width, height);
    gl.uniform1i(develop.at("shoulder"), Number(this.scene.optics.tone === "shoulder"));
    gl.uniform1i(develop.at("upright"), Number(upright));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  bind(into, name, unit) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, this.textures[name]);
    gl.uniform1i(into.at(name), unit);
  }

  /** sRGB bytes of the canvas, row 0 at the top. */
  pixels() {
    const { gl } = this;
    const { width, height } = this.canvas;
    this.developed(null, width, height, false);
    const bytes = new Uint8Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    return bytes;
  }
}

function program(gl, fragment) {
  const made = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, FULL_VIEW], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(made).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`shader: ${logs.join(" ")} ${gl.getProgramInfoLog(made)}`);
  }
  const places = new Map();
  const at = (name) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(made, name));
    return places.get(name);
  };
  return { program: made, at };
}

function texture(gl, format, width, height, data) {
  const layout = { [gl.RGBA16F]: gl.RGBA, [gl.RGBA32F]: gl.RGBA, [gl.RG32F]: gl.RG, [gl.R32F]: gl.RED }[format];
  const made = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texImage2D(gl.TEXTURE_2D, 0, format, width, height, 0, layout, gl.FLOAT, data);
  filter(gl, gl.NEAREST);
  return made;
}

function filter(gl, small) {
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, small);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, small === gl.NEAREST ? gl.NEAREST : gl.LINEAR);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
}

/** Resolves once the device has done all it was told, without blocking the page. */
function finished(gl) {
  const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  return new Promise((resolve) => {
    const look = () => {
      if (!gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) return setTimeout(look, 2);
      gl.deleteSync(fence);
      resolve();
    };
    setTimeout(look, 0);
  });
}
