// The pictures of the cells: counts come once for a screenful, every change of the look is drawn here.
import { addTo, rgb, shadesOf } from "../cells/drawing.js";
import { KEPT, getBytes, make, of, remember, remembered } from "./page.js";

const LOOK = `${KEPT} look`;

export class Pictures extends EventTarget {
  constructor(about) {
    super();
    const { ticked, together, looks } = remembered(LOOK, {});
    const all = about.channels.map((_, n) => n);
    Object.assign(this, { frame: about.frame, channels: about.channels, counts: new Map() });
    this.ticked = (ticked ?? (all.length <= 3 ? all : [0])).filter((n) => n < all.length);
    this.together = together ?? this.ticked.length > 1;
    this.looks = about.channels.map(({ low, high, colour }, n) => ({ low, high, colour, ...looks?.[n] }));
    this.controls();
  }

  // --- what is shown ---

  controls() {
    const several = this.channels.length > 1;
    const boxes = this.channels.map((channel, n) => check(channel.name, this.ticked.includes(n), (on) => this.tick(n, on), this.looks[n].colour));
    const one = check("Composite", this.together, (on) => this.change({ together: on }));
    of("channels").replaceChildren(...(several ? [...boxes, one] : []));
    of("contrast").closest("details").addEventListener("toggle", () => this.sliders());
    this.sliders();
  }

  async tick(n, on) {
    this.ticked = on ? [...this.ticked, n].sort((a, b) => a - b) : this.ticked.filter((each) => each !== n);
    if (!this.ticked.length) this.ticked = [n];
    this.controls();
    await this.load([...this.counts.keys()]);
    this.change({});
  }

  change(values) {
    Object.assign(this, values);
    remember(LOOK, { ticked: this.ticked, together: this.together, looks: this.looks });
    this.dispatchEvent(new Event("changed"));
  }

  changeLook(look, values) {
    Object.assign(look, values);
    this.change({});
  }

  sliders() {
    if (!of("contrast").closest("details").open) return;
    const reset = make("button", { type: "button", className: "plain", textContent: "Reset contrast" });
    reset.addEventListener("click", () => {
      this.looks = this.channels.map(({ low, high, colour }) => ({ low, high, colour }));
      this.change({});
      this.sliders();
    });
    of("contrast").replaceChildren(...this.ticked.map((n) => this.slidersOf(n)), reset);
  }

  slidersOf(n) {
    const look = this.looks[n];
    const { name, low, high } = this.channels[n];
    const [least, most] = this.extremes(n, low, high);
    const slider = (title, key) => {
      const input = make("input", { type: "range", min: least, max: most, step: "any", value: look[key] });
      input.setAttribute("aria-label", `${title} of ${name}`);
      input.addEventListener("input", () => this.changeLook(look, { [key]: Number(input.value) }));
      return make("label", {}, make("span", { textContent: title }), input);
    };
    const colour = make("input", { type: "color", value: look.colour });
    colour.setAttribute("aria-label", `Colour of ${name} in the composite`);
    colour.addEventListener("input", () => this.changeLook(look, { colour: colour.value }));
    const title = make("span", { className: "c-name" }, make("b", { textContent: name }), colour);
    return make("div", { className: "b-channel" }, title, slider("Black", "low"), slider("White", "high"));
  }

  extremes(n, low, high) {
    let [least, most] = [low, high];
    for (const planes of this.counts.values()) {
      for (const value of planes.get(n) ?? []) {
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    return [least, most];
  }

  // --- counts ---

  // Fetches the counts of cells in the ticked channels; `others` are forgotten
  async load(rows) {
    const asked = [...this.ticked];
    const missing = rows.filter((row) => asked.some((n) => !this.counts.get(row)?.has(n)));
    if (missing.length) {
      const all = new Float32Array(await getBytes("pixels.bin", { rows: missing.join(","), channels: asked.join(",") }));
      const size = this.frame ** 2;
      missing.forEach((row, place) => {
        const planes = this.counts.get(row) ?? new Map();
        asked.forEach((n, at) => planes.set(n, all.subarray((place * asked.length + at) * size, (place * asked.length + at + 1) * size)));
        this.counts.set(row, planes);
      });
    }
  }

  forget(rows) {
    for (const row of [...this.counts.keys()]) if (!rows.has(row)) this.counts.delete(row);
  }

  // --- drawing ---

  // How many pictures stand side by side
  get across() {
    return this.together ? 1 : this.ticked.length;
  }

  draw(canvas, row, ticked = this.ticked, together = this.together) {
    const planes = this.counts.get(row);
    Object.assign(canvas, { width: this.frame * (together ? 1 : ticked.length), height: this.frame });
    if (!planes || ticked.some((n) => !planes.has(n))) return;
    const pen = canvas.getContext("2d");
    if (together) return void pen.putImageData(this.composite(planes, ticked), 0, 0);
    ticked.forEach((n, place) => pen.putImageData(this.grey(planes.get(n), this.looks[n]), place * this.frame, 0));
  }

  grey(plane, look) {
    const image = new ImageData(this.frame, this.frame);
    const pixels = new Uint32Array(image.data.buffer);
    shadesOf(plane, look).forEach((shade, n) => (pixels[n] = 0xff000000 | (shade << 16) | (shade << 8) | shade));
    return image;
  }

  composite(planes, ticked) {
    const sum = new Float32Array(3 * this.frame ** 2);
    const alone = ticked.length === 1;
    for (const n of ticked) addTo(sum, shadesOf(planes.get(n), this.looks[n]), alone ? [255, 255, 255] : rgb(this.looks[n].colour));
    const image = new ImageData(this.frame, this.frame);
    for (let pixel = 0; pixel < this.frame ** 2; pixel++) image.data.set([sum[3 * pixel], sum[3 * pixel + 1], sum[3 * pixel + 2], 255], 4 * pixel);
    return image;
  }
}

function check(text, on, act, colour = "") {
  const box = make("input", { type: "checkbox", checked: on });
  box.addEventListener("change", () => act(box.checked));
  const mark = make("i", { className: "b-dot" });
  mark.style.background = colour;
  return make("label", { className: "c-check" }, box, ...(colour ? [mark] : []), make("span", { textContent: text }));
}
