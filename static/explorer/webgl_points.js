// A million cells as points, by WebGL. They are drawn in shuffled order, so that no group lies
// always above the others, and in portions: while the map moves, a portion a frame, which is a random
// sample of all cells; when it rests, the other portions on top, until all are there.

const VERTEX = `#version 300 es
in vec4 place; in float shade; in float selected;
uniform mat4 view; uniform sampler2D palette;
uniform float size, opacity, dim; uniform bool grouped;
out vec4 colour; flat out int shape;
void main() {
  int slot = int(shade);
  vec4 entry = texelFetch(palette, ivec2(slot, 0), 0);
  bool mine = selected > 0.5;
  gl_Position = entry.a < 0.5 ? vec4(2.0, 2.0, 2.0, 1.0) : view * place;
  gl_PointSize = mine ? size + 1.5 : size;
  colour = vec4(entry.rgb, dim < 0.5 || mine ? (mine ? 1.0 : opacity) : opacity * 0.18);
  shape = grouped && size > 3.5 && slot < 64 ? (slot / 8) % 4 : 0;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; flat in int shape;
uniform float round;
out vec4 shown;
void main() {
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  if (round > 0.5) {
    if (shape == 0 && dot(at, at) > 1.0) discard;
    if (shape == 1 && max(abs(at.x), abs(at.y)) > 0.82) discard;
    if (shape == 2 && (at.y > 0.8 || abs(at.x) > (at.y + 1.0) * 0.55)) discard;
    if (shape == 3 && abs(at.x) + abs(at.y) > 1.0) discard;
  }
  shown = vec4(colour.rgb * colour.a, colour.a);
}`;

const LEAST = 20_000; // cells of a portion
const SLOW = 36; // milliseconds of a frame above which portions shrink, and below which they grow
const FAST = 20;

export class PointCloud {
  constructor(canvas, { background }) {
    Object.assign(this, { canvas, background, cells: 0, portion: 200_000, from: 0, frame: 0, last: 0 });
    this.times = []; // of the latest frames, for measurements
    this.start();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.restore());
  }

  start() {
    const gl = this.canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser cannot draw maps of cells, because it has no WebGL 2. Use a current browser, or allow hardware acceleration in its settings.");
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(`The map cannot be drawn: ${gl.getProgramInfoLog(program)}`);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.gl = gl;
    const names = ["view", "size", "opacity", "dim", "grouped", "round"];
    this.places = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    this.inputs = Object.fromEntries(["place", "shade", "selected"].map((name) => [name, gl.getAttribLocation(program, name)]));
    this.buffers = Object.fromEntries(["place", "shade", "selected"].map((name) => [name, gl.createBuffer()]));
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  restore() {
    this.start();
    if (!this.content) return;
    this.setPlaces(this.content.values, this.dims);
    this.setShades(this.content.shades, this.content.palette, this.content.grouped);
    this.setSelected(this.content.selected, this.content.any);
  }

  // Browsers allow a page only some drawings at once
  end() {
    cancelAnimationFrame(this.frame);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  // --- what is drawn ---

  setPlaces(values, dims) {
    this.cells = values.length / dims;
    this.dims = dims;
    this.content = { ...this.content, values };
    this.order ??= orderOf(this.cells);
    const moved = new Float32Array(values.length);
    for (let n = 0; n < this.cells; n++) {
      for (let axis = 0; axis < dims; axis++) moved[n * dims + axis] = values[this.order[n] * dims + axis];
    }
    this.fill("place", moved, dims, this.gl.FLOAT);
    if (dims === 3) this.gl.enable(this.gl.DEPTH_TEST);
  }

  setShades(shades, palette, grouped) {
    this.content = { ...this.content, shades, palette, grouped };
    this.fill("shade", this.moved(shades), 1, this.gl.UNSIGNED_BYTE);
    const { gl } = this;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    gl.uniform1i(this.places.grouped, grouped ? 1 : 0);
    this.redraw();
  }

  setPalette(palette) {
    const { gl } = this;
    this.content.palette = palette;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, palette);
    this.redraw();
  }

  setSelected(selected, any) {
    this.content = { ...this.content, selected, any };
    this.fill("selected", this.moved(selected), 1, this.gl.UNSIGNED_BYTE);
    this.gl.uniform1f(this.places.dim, any ? 1 : 0);
    this.redraw();
  }

  moved(bytes) {
    const moved = new Uint8Array(this.cells);
    for (let n = 0; n < this.cells; n++) moved[n] = bytes[this.order[n]];
    return moved;
  }

  fill(name, values, size, kind) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(this.inputs[name]);
    gl.vertexAttribPointer(this.inputs[name], size, kind, false, 0, 0);
  }

  setView(matrix) {
    this.matrix = matrix;
    this.redraw();
  }

  // --- drawing ---

  get look() {
    const dense = devicePixelRatio || 1;
    const size = Math.min(9, Math.max(1.6, 260 / Math.sqrt(this.cells)));
    return { size: size * dense, opacity: this.dims === 3 ? 1 : Math.min(0.85, Math.max(0.35, 2.4 / this.cells ** 0.14)) };
  }

  redraw() {
    this.from = 0;
    this.next();
  }

  next() {
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.draw(now));
  }

  draw(now) {
    this.frame = 0;
    const { gl } = this;
    if (!this.matrix || !this.cells || gl.isContextLost()) return;
    this.adapt(now);
    if (this.from === 0) this.clear();
    const { size, opacity } = this.look;
    gl.uniformMatrix4fv(this.places.view, false, this.matrix);
    gl.uniform1f(this.places.size, size);
    gl.uniform1f(this.places.opacity, opacity);
    gl.uniform1f(this.places.round, size > 2.5 ? 1 : 0);
    const some = Math.min(this.portion, this.cells - this.from);
    gl.drawArrays(gl.POINTS, this.from, some);
    this.from += some;
    if (this.from < this.cells) this.next();
  }

  clear() {
    const { gl, canvas } = this;
    const dense = devicePixelRatio || 1;
    const [width, height] = [Math.round(canvas.clientWidth * dense), Math.round(canvas.clientHeight * dense)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.clearColor(...this.background(), 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }

  // As many cells a frame as the computer draws without stutter
  adapt(now) {
    const spent = now - this.last;
    this.last = now;
    if (spent > 250) return; // there was nothing to draw in between
    this.times.push(spent);
    if (this.times.length > 600) this.times.shift();
    if (spent > SLOW) this.portion = Math.max(LEAST, Math.round(this.portion * 0.75));
    else if (spent < FAST) this.portion = Math.min(this.cells, Math.round(this.portion * 1.15));
  }

  get whole() {
    return this.cells > 0 && this.from >= this.cells;
  }
}

const orders = new Map(); // by the number of cells: all plots of a page share one

function orderOf(cells) {
  if (!orders.has(cells)) orders.set(cells, shuffled(cells));
  return orders.get(cells);
}

// The same order every time (Fisher and Yates; the generator is Marsaglia's xorshift)
function shuffled(cells) {
  const order = new Uint32Array(cells);
  for (let n = 0; n < cells; n++) order[n] = n;
  let state = 2463534242;
  for (let n = cells - 1; n > 0; n--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (n + 1);
    [order[n], order[other]] = [order[other], order[n]];
  }
  return order;
}
