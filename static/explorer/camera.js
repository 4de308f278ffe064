// The camera: centre, zoom and, in 3-D, direction. All projections are parallel, so that sizes can
// be compared, and one matrix serves both drawing and the search for the cell under the pointer.

// With `limits`, the axes have units of their own, and each fills the stage.
export class Camera {
  constructor(values, dims, limits = null) {
    this.dims = dims;
    this.free = Boolean(limits);
    this.limits = limits ?? limitsOf(values, dims);
    this.fit();
  }

  // As text that fits into an address; blank while all is shown from in front
  get state() {
    if (!this.moved) return "";
    return [...this.centre, this.zoom, ...(this.dims === 3 ? this.turned : [])].map((value) => Number(value.toPrecision(6))).join(" ");
  }

  // What is no such text is left out: an address may have been shortened on its way
  set state(text) {
    const numbers = text.split(" ").map(Number);
    const { dims } = this;
    if (!text || numbers.length !== dims + 1 + (dims === 3 ? 9 : 0) || !numbers.every(Number.isFinite) || numbers[dims] <= 0) return;
    Object.assign(this, { centre: numbers.slice(0, dims), zoom: numbers[dims], moved: true });
    if (dims === 3) this.turned = numbers.slice(4);
  }

  fit() {
    const { low, high } = this.limits;
    this.centre = low.map((value, axis) => (value + high[axis]) / 2);
    this.extents = low.map((value, axis) => Math.max(high[axis] - value, 1e-9));
    this.whole = Math.hypot(...this.extents);
    this.zoom = 1;
    this.turned = [1, 0, 0, 0, 1, 0, 0, 0, 1]; // rows: right, up, towards the eye
    if (this.dims === 3) this.turn(0.5, -0.35);
    this.moved = false;
  }

  // Pixels a unit of the data, to the right and up
  scales(width, height) {
    const fill = 0.92 * this.zoom;
    const [right, up] = [width / this.extents[0], height / this.extents[1]];
    if (this.free) return [fill * right, fill * up];
    const both = fill * (this.dims === 2 ? Math.min(right, up) : Math.min(width, height) / this.whole);
    return [both, both];
  }

  // What an axis shows from end to end
  span(axis, width, height) {
    const half = [width, height][axis] / this.scales(width, height)[axis] / 2;
    return [this.centre[axis] - half, this.centre[axis] + half];
  }

  // Column by column, as the graphics card takes it
  matrix(width, height) {
    const [across, along] = this.scales(width, height);
    const each = [(2 * across) / width, (2 * along) / height, -1 / this.whole];
    const matrix = new Float32Array(16);
    for (let row = 0; row < 3; row++) {
      let shift = 0;
      for (let axis = 0; axis < 3; axis++) {
        const share = this.turned[3 * row + axis] * each[row];
        matrix[4 * axis + row] = share;
        shift -= share * (this.centre[axis] || 0);
      }
      matrix[12 + row] = shift;
    }
    matrix[15] = 1;
    return matrix;
  }

  move(right, down, width, height) {
    const [across, along] = this.scales(width, height);
    for (let axis = 0; axis < this.dims; axis++) {
      this.centre[axis] -= (right / across) * this.turned[axis] - (down / along) * this.turned[3 + axis];
    }
    this.moved = true;
  }

  // Zoom, and keep what lies under the pointer where it is
  zoomBy(factor, x, y, width, height) {
    const before = this.zoom;
    this.zoom = Math.min(2000, Math.max(0.2, this.zoom * factor));
    const moved = 1 - this.zoom / before;
    this.move((x - width / 2) * moved, (y - height / 2) * moved, width, height);
  }

  turn(across, along) {
    if (this.dims !== 3) return;
    this.moved = true;
    const [c, s, d, e] = [Math.cos(across), Math.sin(across), Math.cos(along), Math.sin(along)];
    const step = [c, 0, s, e * s, d, -e * c, -d * s, e, d * c];
    const old = this.turned;
    this.turned = step.map((_, n) => {
      const [row, column] = [3 * Math.floor(n / 3), n % 3];
      return step[row] * old[column] + step[row + 1] * old[3 + column] + step[row + 2] * old[6 + column];
    });
  }
}

function limitsOf(values, dims) {
  const [low, high] = [new Float64Array(dims).fill(Infinity), new Float64Array(dims).fill(-Infinity)];
  for (let at = 0; at < values.length; at += dims) {
    for (let axis = 0; axis < dims; axis++) {
      const value = values[at + axis];
      if (value < low[axis]) low[axis] = value;
      if (value > high[axis]) high[axis] = value;
    }
  }
  return { low: [...low], high: [...high] };
}

// Plain loops below: a call for each of a million cells would take longer than all the rest

// The cell that is shown nearest to a point of the stage; -1 if there is none within `reach` pixels.
// `allowed` is called with how many pixels a cell lies to the right and above, and its number.
export function nearest({ values, dims, shown }, m, width, height, x, y, reach, allowed = () => true) {
  const [ax, bx, cx, dx] = [m[0], m[4], m[8], m[12] - ((2 * x) / width - 1)].map((part) => (part * width) / 2);
  const [ay, by, cy, dy] = [m[1], m[5], m[9], m[13] - (1 - (2 * y) / height)].map((part) => (part * height) / 2);
  let cell = -1;
  let best = reach * reach;
  for (let at = 0, n = 0; at < values.length; at += dims, n++) {
    const w = dims === 3 ? values[at + 2] : 0;
    const right = ax * values[at] + bx * values[at + 1] + cx * w + dx;
    const up = ay * values[at] + by * values[at + 1] + cy * w + dy;
    const far = right * right + up * up;
    if (far < best && shown(n) && allowed(right, up, n)) {
      best = far;
      cell = n;
    }
  }
  return cell;
}

// Call back for every shown cell that lies on a marked pixel of a mask of the stage, or in view
export function within({ values, dims, shown }, m, mask, width, height, take) {
  const [ax, bx, cx, dx] = [m[0], m[4], m[8], m[12] + 1].map((part) => (part * width) / 2);
  const [ay, by, cy, dy] = [-m[1], -m[5], -m[9], 1 - m[13]].map((part) => (part * height) / 2);
  for (let at = 0, n = 0; at < values.length; at += dims, n++) {
    const w = dims === 3 ? values[at + 2] : 0;
    const column = Math.floor(ax * values[at] + bx * values[at + 1] + cx * w + dx);
    const row = Math.floor(ay * values[at] + by * values[at + 1] + cy * w + dy);
    if (column < 0 || row < 0 || column >= width || row >= height) continue;
    if ((!mask || mask[4 * (row * width + column) + 3] > 127) && shown(n)) take(n);
  }
}
