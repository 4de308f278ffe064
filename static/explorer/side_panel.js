// Beside the map: the selected cells, their composition, their pictures, and what to do with them.

const SHOWN = 48; // pictures of the gallery
const MOST_PARTS = 12; // rows of a table
const POLL = 700; // milliseconds between two questions about a set that is being saved

export const number = (value) => value.toLocaleString("en");

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export class SidePanel {
  constructor(explorer, root) {
    Object.assign(this, { explorer, root, pictures: null, turn: 0, rows: new Map(), asked: 0 });
    this.of = (name) => root.querySelector(`[data-of=${name}]`);
    this.of("channel").addEventListener("change", () => this.fillGallery());
    this.of("set").addEventListener("submit", (event) => this.save(event));
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-do]")?.dataset.do));
  }

  act(what) {
    if (what === "list") this.download();
    if (what === "others") {
      this.turn += 1;
      this.fillGallery();
    }
  }

  offer(pictures) {
    this.pictures = pictures;
    const all = pictures.channels.length > 1 ? [{ key: "all", name: "all channels, coloured" }] : [];
    this.of("channel").replaceChildren(...[...all, ...pictures.channels].map(({ key, name }) => make("option", { value: key, textContent: name })));
    this.of("channel").value = pictures.shown;
    this.of("missing").hidden = !pictures.missing;
    this.of("missing").textContent = pictures.missing && `No pictures: ${pictures.missing}`;
    for (const part of [this.of("set"), this.of("channel").closest(".x-controls")]) part.hidden = Boolean(pictures.missing);
    this.fillGallery();
  }

  picture(cell) {
    const path = this.root.dataset.picture.replace("/cell/0/", `/cell/${cell}/`).replace("CHANNEL", this.of("channel").value);
    return `${path}?v=${this.pictures.stamp}`;
  }

  async row(cell) {
    if (!this.rows.has(cell)) {
      if (this.rows.size > 2000) this.rows.clear();
      const answer = await fetch(this.root.dataset.cell.replace("/cell/0.json", `/cell/${cell}.json`), { headers: { Accept: "application/json" } });
      const row = await answer.json();
      if (!answer.ok) throw new Error(row.error);
      this.rows.set(cell, row);
    }
    return this.rows.get(cell);
  }

  // --- the selection ---

  update() {
    const { number: selected, cells } = this.explorer;
    this.of("count").textContent = selected ? `${number(selected)} of ${number(cells)}` : "none";
    this.of("how").hidden = selected > 0;
    this.of("selected").hidden = !selected;
    this.turn = 0;
    if (!selected) return;
    this.fillParts();
    this.fillGallery();
  }

  async fillParts() {
    const asked = (this.asked += 1);
    const { explorer } = this;
    const tables = [];
    for (const column of explorer.about.columns.filter((each) => each.values.length > 1)) {
      const codes = await explorer.codes(column);
      if (asked !== this.asked) return;
      const counts = new Uint32Array(column.values.length);
      for (let n = 0; n < explorer.cells; n++) if (explorer.selected[n] && codes[n] < counts.length) counts[codes[n]] += 1;
      tables.push(this.table(column, counts));
    }
    this.of("parts").replaceChildren(...tables);
  }

  table(column, counts) {
    const order = [...counts.keys()].filter((code) => counts[code]).sort((a, b) => counts[b] - counts[a]);
    const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
    const line = (label, cells, all) => make("tr", {}, make("th", { scope: "row", textContent: label }), ...[number(cells), percent(cells / this.explorer.number), all && percent(cells / all)].map((textContent) => make("td", { className: "r-num", textContent })));
    const lines = order.slice(0, MOST_PARTS).map((code) => line(column.values[code], counts[code], column.counts[code]));
    const rest = order.slice(MOST_PARTS);
    if (rest.length) lines.push(line(`${rest.length} others`, rest.reduce((sum, code) => sum + counts[code], 0), ""));
    const unknown = this.explorer.number - order.reduce((sum, code) => sum + counts[code], 0);
    if (unknown) lines.push(line("unknown", unknown, this.explorer.cells - column.counts.reduce((sum, cells) => sum + cells, 0)));
    const head = [this.explorer.titleOf(column), "Cells", "Of selection", "Of group"].map((textContent, n) => make("th", { scope: "col", textContent, className: n ? "r-num" : "" }));
    return make("table", { className: "r-table" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
  }

  // Cells taken evenly from the selection, other ones at every turn
  some() {
    const { selected, number: all } = this.explorer;
    const step = Math.max(1, Math.floor(all / SHOWN));
    const cells = [];
    for (let n = 0, seen = 0; n < selected.length && cells.length < SHOWN; n++) {
      if (!selected[n]) continue;
      if (seen % step === this.turn % step) cells.push(n);
      seen += 1;
    }
    return cells;
  }

  fillGallery() {
    if (!this.pictures || this.pictures.missing || !this.explorer.number) return;
    this.root.querySelector("[data-do=others]").hidden = this.explorer.number < 2 * SHOWN;
    this.of("gallery").replaceChildren(
      ...this.some().map((cell) => {
        const image = make("img", { loading: "lazy", width: 96, height: 96, alt: `Cell in row ${number(cell + 1)} of the table` });
        image.src = this.picture(cell);
        image.addEventListener("pointerenter", () => this.name(image, cell), { once: true });
        return make("li", {}, image);
      }),
    );
  }

  async name(image, cell) {
    const { source, object } = await this.row(cell).catch(() => ({}));
    if (source) image.alt = image.title = `object ${object} of ${source}`;
  }

  // --- what to do with them ---

  answer(...content) {
    this.of("answer").replaceChildren(...content);
  }

  async download() {
    try {
      const answer = await this.explorer.post("/cells.csv");
      const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: "cells.csv" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      this.answer(make("p", { className: "r-note", textContent: error.message }));
    }
  }

  async save(event, replace = "no") {
    event.preventDefault();
    const name = this.of("set").elements.name.value.trim();
    if (!name) return this.answer(make("p", { className: "r-note", textContent: "Please name the set first." }));
    this.answer(make("p", { textContent: "Starting …" }));
    try {
      const started = await (await this.explorer.post(`/set?name=${encodeURIComponent(name)}&replace=${replace}`)).json();
      this.watch(started);
    } catch (error) {
      const told = make("p", { className: "r-note", textContent: error.message });
      if (error.used) {
        const button = make("button", { type: "button", className: "plain", textContent: "Replace it" });
        button.addEventListener("click", (pressed) => this.save(pressed, "yes"));
        told.append(" ", button);
      }
      this.answer(told);
    }
  }

  async watch(started) {
    const answer = await fetch(`${this.root.dataset.sets}/${started.job}.json`, { headers: { Accept: "application/json" } }).catch(() => null);
    const job = answer?.ok ? await answer.json() : { state: "lost", text: "The server does not answer." };
    if (["queued", "running"].includes(job.state)) {
      const share = job.total ? ` ${number(job.done)} of ${number(job.total)}` : "";
      this.answer(make("p", { textContent: `${job.title}: ${job.text || "saving the set"}${share}` }));
      setTimeout(() => this.watch(started), POLL);
    } else if (job.state === "done") {
      const use = make("p", {}, `Saved ${number(started.cells)} cells as the set ${started.name} in `, make("code", { textContent: job.folder }), ". To train on two or more sets, enter ", make("code", { textContent: job.output }), " as Input location of Model training, and Set as Target.");
      this.answer(use);
    } else this.answer(make("p", { className: "r-note", textContent: `The set was not saved. ${job.text}` }));
  }
}
