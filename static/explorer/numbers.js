// The numbers of cells: coordinates, probabilities, intensities, values of the instrument, features.
import { make, mapBytes, mapJson } from "./page.js";

export const GATES = "gates/"; // keys that begin so say which cells are gated out
const KEPT = 12; // columns; of a million cells, 4 MB each

export class Numbers {
  constructor({ about, values }) {
    Object.assign(this, { about, values, fetched: new Map(), groups: [] });
    const axes = about.axes.map((name, n) => ({ key: `axis/${n}`, name: name.replace("_", " ") }));
    const sure = about.confidence ? [{ key: "confidence", name: "probability of the predicted class" }] : [];
    this.first = [{ title: "Prediction", columns: sure }, { title: "Coordinates", columns: axes }];
  }

  // What the tables have is known once they are read
  async load() {
    const groups = await mapJson("/columns.json");
    this.groups = groups.map(({ key, title, names, missing }) => ({ title, missing, columns: names.map((name, n) => ({ key: `${key}/${n}`, name })) }));
  }

  get all() {
    return [...this.first, ...this.groups].filter(({ columns, missing }) => columns.length || missing);
  }

  nameOf(key) {
    return this.all.flatMap(({ columns }) => columns).find((column) => column.key === key)?.name ?? "";
  }

  of(key) {
    if (!this.fetched.has(key)) {
      if (this.fetched.size >= KEPT) this.fetched.delete(this.fetched.keys().next().value);
      const fetching = this.fetch(key);
      fetching.catch(() => this.fetched.delete(key)); // so that it is asked for again
      this.fetched.set(key, fetching);
    }
    return this.fetched.get(key);
  }

  async fetch(key) {
    const [kind, number] = key.split("/");
    if (kind === "axis") return this.coordinate(Number(number));
    return new Float32Array(await mapBytes(kind === "confidence" ? "/confidence.bin" : `/column/${key}.bin`));
  }

  coordinate(axis) {
    const dims = this.about.axes.length;
    return Float32Array.from({ length: this.about.cells }, (_, n) => this.values[n * dims + axis]);
  }
}

// A choice of them; one that is not there says why
export function optionsOf(groups) {
  return groups.map(({ title, columns, missing }) => {
    const options = columns.map(({ key, name }) => make("option", { value: key, textContent: name }));
    if (missing) options.push(make("option", { textContent: `not there: ${missing}`, disabled: true }));
    return make("optgroup", { label: title }, ...options);
  });
}
