// The live preview's shaders: rays through the lens, each to the nearest surface on its way.
//
// A pixel p sees through the point u of the lens (|u| <= 1, y down) the surface point q = p + s u, where s is the signed
// blur radius at q: s = K (d - f), positive in front of the plane in focus. A ray is followed from the nearest s to the
// farthest in small steps; the first surface that it meets hides the others. A ray that dives behind an edge sees the
// background, which is filled in there. Everything is in linear light; d is disparity mapped to [0, 1] by the photo's range.

export const TILE_PX = 16; // of the map of near and far, which bounds the rays of a pixel

export const FULL_VIEW = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0); }`;

export const GATHER = `#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
uniform sampler2D light;   // linear light with d as alpha, and smaller copies of it
uniform sampler2D depth;   // d
uniform sampler2D behind;  // the background: light with d as alpha
uniform sampler2D reach;   // a texel for each tile: the farthest and the nearest s that its pixels can meet
uniform sampler2D rays;    // u, weight behind the plane in focus, weight in front of it
uniform vec2 size;         // of the photo, pixels
uniform vec2 pixel;        // photo pixels to a pixel drawn
uniform float scale;       // K, pixels for the whole range of d
uniform float focus;       // f
uniform ivec2 chosen;      // first ray, number of rays
uniform float cell;        // side of a ray's share of the lens, in radii
uniform float stride;      // pixels between two looks along a ray
uniform float catEye;
uniform float barnDoors;   // of the hood, a square, as catEye of the rim
uniform vec2 stretch;      // of the lens, before the barrel's rim cuts it
uniform vec3 shift;        // of the plane in focus, for red, green, blue, in units of d
uniform vec3 magnification;
out vec4 sum;

vec2 inside(vec2 at) { return clamp(at, vec2(0.5), size - 0.5); }
float blurAt(vec2 at) { return scale * (texelFetch(depth, ivec2(inside(at)), 0).r - focus); }

// The light of a surface point whose s is known: from a smaller copy of the photo where rays are far apart, unless that
// copy mixes surfaces.
vec3 lightAt(vec2 at, float s) {
  at = inside(at);
  float level = log2(max(1.0, abs(s) * cell));
  if (level > 0.4) {
    vec4 mean = textureLod(light, at / size, level);
    if (abs(scale * (mean.a - focus) - s) < 0.75 + 0.06 * abs(s)) return mean.rgb;
  }
  return texelFetch(light, ivec2(at), 0).rgb;
}

vec3 seen(vec2 p, vec2 u, vec2 offset, float s) {
  if (shift == vec3(0.0) && magnification == vec3(1.0)) return lightAt(p + offset, s);
  vec3 color;
  for (int c = 0; c < 3; c++) {
    vec2 from = (p - 0.5 * size) / magnification[c] + 0.5 * size;
    float moved = scale * shift[c];
    color[c] = lightAt(from + offset - moved * u, s - moved)[c];
  }
  return color;
}

vec3 background(vec2 p, vec2 u, float far) {
  vec2 at = p + far * u;
  float s = scale * (textureLod(behind, inside(at) / size, 0.0).a - focus);
  at = p + s * u;
  vec4 filled = textureLod(behind, inside(at) / size, 0.0);
  return abs(blurAt(at) - scale * (filled.a - focus)) < 1.0 ? lightAt(at, s) : filled.rgb;
}

void main() {
  vec2 p = gl_FragCoord.xy * pixel;
  vec2 range = texelFetch(reach, ivec2(p) / ${TILE_PX}, 0).rg;
  if (max(abs(range.x), abs(range.y)) <= 0.5 && shift == vec3(0.0) && magnification == vec3(1.0)) {
    sum = vec4(texelFetch(light, ivec2(p), 0).rgb, 1.0) * float(chosen.y); // sharp: every ray ends in its own pixel
    return;
  }
  float span = range.y - range.x;
  vec2 field = (p - 0.5 * size) / (0.5 * length(size));
  sum = vec4(0.0);
  for (int k = chosen.x; k < chosen.x + chosen.y; k++) {
    vec4 ray = texelFetch(rays, ivec2(k, 0), 0);
    vec2 u = ray.xy;
    if (catEye > 0.0 && length(u * stretch + catEye * field) > 1.0) continue;
    vec2 hood = abs(u * stretch + barnDoors * field);
    if (barnDoors > 0.0 && max(hood.x, hood.y) > 1.0) continue;
    int steps = clamp(int(ceil(span * length(u) / stride)), 1, 64);
    float ds = span / float(steps);
    float same = max(1.0, 0.75 * stride); // neighbors on a surface differ by no more
    float before = 1e9, s = range.y, met = 1e9;
    for (int i = 0; i <= steps; i++) {
      float here = blurAt(p + s * u);
      if (before >= s && before < s + ds) { // the surface of the last look lies between the two: does it end before?
        float there = blurAt(p + before * u);
        if (abs(there - before) <= 0.5) { met = there; s = there; break; }
      }
      if (here >= s - 1e-3 && (here - s <= ds + 0.5 || abs(here - before) <= same)) { met = here; break; }
      before = here;
      s -= ds;
    }
    vec3 color;
    if (met > 1e8) {
      color = background(p, u, range.x);
      met = range.x;
    } else {
      vec2 offset = s * u;
      float closer = blurAt(p + met * u); // where the ray meets the surface, not where a step fell
      if (abs(closer - met) <= ds + 0.5) { met = closer; offset = met * u; }
      color = seen(p, u, offset, met);
    }
    float weight = met > 0.0 ? ray.w : ray.z;
    sum += vec4(color * weight, weight);
  }
}`;

export const DEVELOP = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D sums;
uniform vec2 shown; // pixels of the canvas
uniform bool shoulder;
uniform bool upright; // row 0 at the bottom, as a canvas has it
out vec4 srgb;
void main() {
  vec2 at = gl_FragCoord.xy / shown;
  vec4 sum = texture(sums, upright ? vec2(at.x, 1.0 - at.y) : at);
  vec3 light = max(sum.rgb / max(sum.a, 1e-6), 0.0);
  float most = max(light.r, max(light.g, light.b));
  if (shoulder && most > 0.8) light *= (0.8 + 0.2 * (1.0 - exp((0.8 - most) / 0.2))) / most;
  light = min(light, 1.0);
  vec3 bent = 1.055 * pow(max(light, 0.0031308), vec3(1.0 / 2.4)) - 0.055;
  srgb = vec4(mix(bent, light * 12.92, lessThanEqual(light, vec3(0.0031308))), 1.0);
}`;
