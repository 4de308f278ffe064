// Where the eye is: centre, enlargement and, in space, direction. All projections are parallel, so
// that sizes can be compared, and one matrix serves the graphics card and the finding of cells.

export class View {
  constructor(values, dims) {
    this.dims = dims;
    this.limits = limitsOf(values, dims);
    this.fit();
  }

  fit() {
    const { low, high } = this.limits;
    this.centre = low.map((value, axis) => (value + high[axis]) / 2);
    this.extents = low.map((value, axis) => Math.max(high[axis] - value, 1e-9));
    this.whole = Math.hypot(...this.extents);
    this.zoom = 1;
    this.turned = [1, 0, 0, 0, 1, 0, 0, 0, 1]; // rows: right, up, towards the eye
    if (this.dims === 3) this.turn(0.5, -0.35);
  }

  // Pixels a unit of the data
  scale(width, height) {
    const room = this.dims === 2 ? Math.min(width / this.extents[0], height / this.extents[1]) : Math.min(width, height) / this.whole;
    return 0.92 * room * this.zoom;
  }

  // Column by column, as the graphics card takes it
  matrix(width, height) {
    const scale = this.scale(width, height);
    const each = [(2 * scale) / width, (2 * scale) / height, -1 / this.whole];
    const found = new Float32Array(16);
    for (let row = 0; row < 3; row++) {
      let shift = 0;
      for (let axis = 0; axis < 3; axis++) {
        const share = this.turned[3 * row + axis] * each[row];
        found[4 * axis + row] = share;
        shift -= share * (this.centre[axis] || 0);
      }
      found[12 + row] = shift;
    }
    found[15] = 1;
    return found;
  }

  move(right, down, width, height) {
    const scale = this.scale(width, height);
    for (let axis = 0; axis < this.dims; axis++) {
      this.centre[axis] -= (right * this.turned[axis] - down * this.turned[3 + axis]) / scale;
    }
  }

  // Enlarge, and keep what lies under the pointer where it is
  enlarge(factor, x, y, width, height) {
    const before = this.zoom;
    this.zoom = Math.min(2000, Math.max(0.2, this.zoom * factor));
    const moved = 1 - this.zoom / before;
    this.move((x - width / 2) * moved, (y - height / 2) * moved, width, height);
  }

  turn(across, along) {
    if (this.dims !== 3) return;
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
  const low = new Array(dims).fill(Infinity);
  const high = new Array(dims).fill(-Infinity);
  for (let n = 0; n < values.length; n++) {
    const axis = n % dims;
    if (values[n] < low[axis]) low[axis] = values[n];
    if (values[n] > high[axis]) high[axis] = values[n];
  }
  return { low, high };
}

// The cell that is shown nearest to a point of the stage; -1 if there is none within `reach` pixels
export function nearest({ values, dims, shown }, matrix, width, height, x, y, reach) {
  const [wx, wy] = [(2 * x) / width - 1, 1 - (2 * y) / height];
  const [rx, ry] = [width / 2, height / 2];
  let [found, best] = [-1, reach * reach];
  each({ values, dims }, matrix, (n, px, py) => {
    const [dx, dy] = [(px - wx) * rx, (py - wy) * ry];
    const far = dx * dx + dy * dy;
    if (far < best && shown(n)) [found, best] = [n, far];
  });
  return found;
}

// Call back for every shown cell that lies on a marked pixel of a mask of the stage
export function within({ values, dims, shown }, matrix, mask, width, height, take) {
  each({ values, dims }, matrix, (n, px, py) => {
    const [column, row] = [Math.floor(((px + 1) / 2) * width), Math.floor(((1 - py) / 2) * height)];
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    if ((!mask || mask[4 * (row * width + column) + 3] > 127) && shown(n)) take(n);
  });
}

function each({ values, dims }, m, call) {
  const cells = values.length / dims;
  for (let n = 0, at = 0; n < cells; n++, at += dims) {
    const [x, y, z] = [values[at], values[at + 1], dims === 3 ? values[at + 2] : 0];
    call(n, m[0] * x + m[4] * y + m[8] * z + m[12], m[1] * x + m[5] * y + m[9] * z + m[13]);
  }
}
