// A box that is drawn in the second plot becomes a gate, where both axes are features that gates know.
import { number, of, root } from "./page.js";

const KNOWN = /^(cleaning|imported)\//; // keys of such features
const FINE = 500; // parts of an axis to which limits are rounded

export class BoxGate {
  constructor(second) {
    Object.assign(this, { second, columns: null });
    second.plot.whenDrawn = (tool, outline) => this.drawn(tool, outline);
  }

  // The axes are drawn: their values, which the gate is counted on
  begin(columns) {
    this.reach = columns.map(reachOf);
    const known = [this.second.x, this.second.y].every((choice) => KNOWN.test(choice.value));
    this.columns = known && this.second.x.value !== this.second.y.value ? columns : null;
    this.show(this.columns ? "Choose Box and draw one to make a gate of it." : "", "");
  }

  drawn(tool, outline) {
    if (!this.columns || tool !== "box") return;
    const limits = [0, 1].map((axis) => this.limitOf(axis, outline));
    const some = limits.filter(({ low, high }) => low !== null || high !== null);
    if (!some.length) return this.show("All values lie inside of this box.", "");
    const text = some.map(({ name, low, high }) => `${name} = ${low ?? ""}..${high ?? ""}`).join("; ");
    const out = this.count(limits);
    this.show(`${text}: ${number(this.second.explorer.cells - out)} cells inside, ${number(out)} outside.`, text);
  }

  // The range of a box on an axis; an end beyond all values is no limit
  limitOf(axis, outline) {
    const { second } = this;
    const [from, to] = second.span(axis);
    const size = second.plot.size[axis];
    const shares = outline.map((at) => at[axis] / size).map((share) => (axis ? 1 - share : share));
    const fine = 10 ** Math.floor(Math.log10((to - from) / FINE));
    const [low, high] = [Math.min(...shares), Math.max(...shares)].map((share) => Number((Math.round((from + share * (to - from)) / fine) * fine).toPrecision(12)));
    const reach = this.reach[axis];
    const name = second.explorer.numbers.nameOf([second.x, second.y][axis].value);
    return { name, low: low > reach.low ? low : null, high: high < reach.high ? high : null };
  }

  // As gates do it, a cell without a value is inside
  count([x, y]) {
    const [across, along] = this.columns;
    const beyond = (value, { low, high }) => (low !== null && value < low) || (high !== null && value > high);
    let out = 0;
    for (let n = 0; n < across.length; n++) if (beyond(across[n], x) || beyond(along[n], y)) out += 1;
    return out;
  }

  show(words, limits) {
    const place = of("second-gate");
    const link = place.querySelector("a");
    place.hidden = !words;
    place.querySelector("span").textContent = words;
    link.hidden = !limits;
    link.href = `${root.dataset.base}/gate?${new URLSearchParams({ limits })}`;
  }
}

function reachOf(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
