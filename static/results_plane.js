// A canvas of many points in groups: draws tens of thousands at interactive speed, zooms, moves, and
// finds the point under the pointer or the next one in the direction of an arrow key.

const MARGIN = { left: 46, right: 10, top: 10, bottom: 40 };
const NEAR = 14; // pixels within which a point is found

export class Plane {
  constructor(canvas, { colour, onPoint }) {
    Object.assign(this, { canvas, colour, onPoint, x: [], y: [], codes: [], marks: [], hidden: new Set() });
    this.labels = ["", ""];
    this.view = { x: 0, y: 0, width: 1, height: 1 };
    this.current = -1;
    this.frame = 0;
    this.listen();
  }

  setPoints(x, y, labels, keepGroups) {
    Object.assign(this, { x, y, labels });
    if (!keepGroups) this.codes = [];
    this.fit();
  }

  setGroups(codes, marks, hidden) {
    Object.assign(this, { codes, marks, hidden });
    this.stamps = marks.map((mark) => this.stamp(mark));
    this.redraw();
  }

  fit() {
    const range = (values) => {
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
      const room = 0.05 * (high - low || 1);
      return [low - room, high - low + 2 * room];
    };
    if (!this.x.length) return;
    [this.view.x, this.view.width] = range(this.x);
    [this.view.y, this.view.height] = range(this.y);
    this.redraw();
  }

  // --- pixels and values ---

  get size() {
    return [this.canvas.clientWidth, this.canvas.clientHeight];
  }

  get area() {
    const [width, height] = this.size;
    return { left: MARGIN.left, top: MARGIN.top, width: Math.max(1, width - MARGIN.left - MARGIN.right), height: Math.max(1, height - MARGIN.top - MARGIN.bottom) };
  }

  toPixels(area) {
    const { view } = this;
    const [sx, sy] = [area.width / view.width, area.height / view.height];
    return [(value) => area.left + (value - view.x) * sx, (value) => area.top + area.height - (value - view.y) * sy];
  }

  // --- drawing ---

  redraw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  stamp({ colour, shape }) {
    const side = this.radius * 2 + 2;
    const dense = devicePixelRatio || 1;
    const stamp = document.createElement("canvas");
    stamp.width = stamp.height = Math.ceil(side * dense);
    const pen = stamp.getContext("2d");
    pen.scale(dense, dense);
    trace(pen, shape, side / 2, this.radius);
    pen.fillStyle = colour;
    pen.fill();
    return stamp;
  }

  get radius() {
    return this.x.length > 5000 ? 2 : this.x.length > 1000 ? 3 : 4;
  }

  drawMark(canvas, mark) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, 28, 28);
    trace(pen, mark.shape, 14, 9);
    pen.fillStyle = mark.colour;
    pen.fill();
  }

  draw() {
    const [width, height] = this.size;
    const dense = devicePixelRatio || 1;
    if (!width || !height) return;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
    const pen = this.canvas.getContext("2d");
    pen.scale(dense, dense);
    const area = this.area;
    this.drawAxes(pen, area);
    pen.save();
    pen.beginPath();
    pen.rect(area.left, area.top, area.width, area.height);
    pen.clip();
    this.drawPoints(pen, area);
    pen.restore();
  }

  drawPoints(pen, area) {
    const [px, py] = this.toPixels(area);
    const side = this.radius * 2 + 2;
    pen.globalAlpha = this.x.length > 5000 ? 0.7 : 0.85;
    for (let n = 0; n < this.codes.length; n++) {
      if (this.hidden.has(this.codes[n])) continue;
      pen.drawImage(this.stamps[this.codes[n]], px(this.x[n]) - side / 2, py(this.y[n]) - side / 2, side, side);
    }
    pen.globalAlpha = 1;
    if (this.current < 0 || this.current >= this.x.length) return;
    pen.strokeStyle = this.colour("--text");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(px(this.x[this.current]), py(this.y[this.current]), this.radius + 4, 0, 2 * Math.PI);
    pen.stroke();
  }

  drawAxes(pen, area) {
    const [px, py] = this.toPixels(area);
    const [text, line] = [this.colour("--muted"), this.colour("--line")];
    pen.font = "11px system-ui, sans-serif";
    Object.assign(pen, { fillStyle: text, strokeStyle: line, lineWidth: 1 });
    const rule = (...ends) => {
      pen.beginPath();
      pen.moveTo(...ends.slice(0, 2));
      pen.lineTo(...ends.slice(2));
      pen.stroke();
    };
    const bottom = area.top + area.height;
    pen.textAlign = "center";
    for (const value of ticks(this.view.x, this.view.width, area.width / 70)) {
      rule(px(value), area.top, px(value), bottom);
      pen.fillText(label(value), px(value), bottom + 14);
    }
    pen.fillText(this.labels[0], area.left + area.width / 2, bottom + 32);
    pen.textAlign = "right";
    for (const value of ticks(this.view.y, this.view.height, area.height / 50)) {
      rule(area.left, py(value), area.left + area.width, py(value));
      pen.fillText(label(value), area.left - 5, py(value) + 4);
    }
    pen.save();
    pen.translate(11, area.top + area.height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(this.labels[1], 0, 0);
    pen.restore();
  }

  // --- moving about ---

  act(name) {
    if (name === "fit") this.fit();
    if (name === "in") this.zoom(1.4);
    if (name === "out") this.zoom(1 / 1.4);
  }

  zoom(factor, left, top) {
    const { view, area } = this;
    const across = left === undefined ? 0.5 : (left - area.left) / area.width;
    const up = top === undefined ? 0.5 : 1 - (top - area.top) / area.height;
    view.x += (view.width - view.width / factor) * across;
    view.y += (view.height - view.height / factor) * up;
    view.width /= factor;
    view.height /= factor;
    this.redraw();
  }

  move(dx, dy) {
    const { view, area } = this;
    view.x -= (dx / area.width) * view.width;
    view.y += (dy / area.height) * view.height;
    this.redraw();
  }

  // --- finding a point ---

  nearest(left, top, most, allowed = () => true) {
    const [px, py] = this.toPixels(this.area);
    let [best, found] = [most * most, -1];
    for (let n = 0; n < this.codes.length; n++) {
      if (this.hidden.has(this.codes[n])) continue;
      const [dx, dy] = [px(this.x[n]) - left, py(this.y[n]) - top];
      const far = dx * dx + dy * dy;
      if (far < best && allowed(dx, dy, n)) [best, found] = [far, n];
    }
    return found;
  }

  point(index) {
    if (index === this.current) return;
    this.current = index;
    this.redraw();
    this.onPoint(index);
  }

  step(x, y) {
    const { area } = this;
    const [px, py] = this.toPixels(area);
    if (this.current < 0) return this.point(this.nearest(area.left + area.width / 2, area.top + area.height / 2, Infinity));
    const towards = (dx, dy, n) => n !== this.current && (dx * x > Math.abs(dy) || dy * y > Math.abs(dx));
    const found = this.nearest(px(this.x[this.current]), py(this.y[this.current]), Infinity, towards);
    if (found < 0) return undefined;
    const [left, top] = [px(this.x[found]), py(this.y[found])];
    const outside = left < area.left || left > area.left + area.width || top < area.top || top > area.top + area.height;
    if (outside) this.move(area.left + area.width / 2 - left, area.top + area.height / 2 - top);
    return this.point(found);
  }

  // --- events ---

  listen() {
    const { canvas } = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const fingers = new Map();
    canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event);
      canvas.setPointerCapture(event.pointerId);
      this.point(this.nearest(...at(event), NEAR));
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        const found = this.nearest(...at(event), NEAR);
        if (found >= 0) this.point(found);
        return;
      }
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      if (other) this.zoom(apart(event) / apart(before), ...at(other));
      else this.move(event.clientX - before.clientX, event.clientY - before.clientY);
      fingers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls past it
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 300), ...at(event));
      },
      { passive: false },
    );
    const keys = {
      ArrowLeft: () => this.step(-1, 0),
      ArrowRight: () => this.step(1, 0),
      ArrowUp: () => this.step(0, -1),
      ArrowDown: () => this.step(0, 1),
      "+": () => this.act("in"),
      "=": () => this.act("in"),
      "-": () => this.act("out"),
      0: () => this.act("fit"),
    };
    canvas.addEventListener("keydown", (event) => {
      if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    this.watch = new ResizeObserver(() => this.redraw());
    this.watch.observe(canvas);
  }

  end() {
    cancelAnimationFrame(this.frame);
    this.watch.disconnect();
  }
}

function trace(pen, shape, middle, radius) {
  const corners = { triangle: [3, -Math.PI / 2, 1.15], diamond: [4, 0, 1.2], square: [4, Math.PI / 4, 1.2] }[shape];
  pen.beginPath();
  if (!corners) return pen.arc(middle, middle, radius, 0, 2 * Math.PI);
  const [number, first, larger] = corners;
  for (let n = 0; n < number; n++) {
    const angle = first + (2 * Math.PI * n) / number;
    pen.lineTo(middle + larger * radius * Math.cos(angle), middle + larger * radius * Math.sin(angle));
  }
  return pen.closePath();
}

function ticks(low, span, wanted) {
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) || rough;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= low + span; value += step) found.push(value);
  return found.slice(0, 50);
}

function label(value) {
  return String(Number(value.toPrecision(4)));
}
