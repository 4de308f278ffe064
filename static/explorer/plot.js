// A plot of the cells: its points, its camera, and the pointer on it. All plots draw the same
// selection in the same colours.
import { rgb } from "./palette.js";
import { PointCloud } from "./webgl_points.js";
import { Pointer } from "./pointer.js";
import { Camera } from "./camera.js";

export class Plot {
  constructor(explorer, stage, values, dims, limits = null) {
    Object.assign(this, { explorer, stage, values, dims, whenSeen: () => {}, whenDrawn: () => {} });
    this.canvas = stage.querySelector("[data-of=cloud]");
    this.cloud = new PointCloud(this.canvas, { background: () => rgbOf("--panel") });
    this.camera = new Camera(values, dims, limits);
    this.cloud.setPlaces(values, dims);
    this.select();
    this.pointer = new Pointer(this);
    this.resized = new ResizeObserver(() => this.look());
    this.resized.observe(stage);
  }

  end() {
    this.resized.disconnect();
    this.cloud.end();
  }

  setPlaces(values) {
    this.values = values;
    this.cloud.setPlaces(values, this.dims);
    this.fit();
  }

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  get matrix() {
    return this.camera.matrix(...this.size);
  }

  get points() {
    const { hidden, shades } = this.explorer.colours;
    return { values: this.values, dims: this.dims, shown: (n) => !hidden.has(shades[n]) };
  }

  // Where a cell is drawn, in pixels of the stage
  at(cell) {
    const { dims, matrix: m, size: [width, height], values } = this;
    const [x, y, z] = [0, 1, 2].map((axis) => (axis < dims ? values[cell * dims + axis] : 0));
    const along = (row) => m[row] * x + m[4 + row] * y + m[8 + row] * z + m[12 + row];
    return [((along(0) + 1) / 2) * width, ((1 - along(1)) / 2) * height];
  }

  look() {
    this.cloud.setView(this.matrix);
    this.whenSeen();
    this.explorer.looked();
  }

  select() {
    const { flags, number } = this.explorer.selection;
    this.cloud.setSelected(flags, number > 0);
  }

  zoom(factor) {
    const [width, height] = this.size;
    this.camera.zoomBy(factor, width / 2, height / 2, width, height);
    this.look();
  }

  fit() {
    this.camera.fit();
    this.look();
  }
}

function rgbOf(name) {
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return rgb(colour).map((value) => value / 255);
}
