// Beside the map: how many cells are selected, their composition, and their table.
import { make, number, of, postToMap, root } from "./page.js";

const MOST_PARTS = 12; // rows of a table

export class SidePanel {
  constructor(explorer) {
    Object.assign(this, { explorer, asked: 0 });
    root.querySelector("[data-do=list]").addEventListener("click", () => this.download());
  }

  update() {
    const { cells, selection } = this.explorer;
    const selected = selection.number;
    of("selected-count").textContent = selected ? `${number(selected)} of ${number(cells)}` : "none";
    of("how").hidden = selected > 0;
    of("selected").hidden = of("composition").hidden = !selected;
    if (selected) this.fillParts();
  }

  async fillParts() {
    const asked = (this.asked += 1);
    const { explorer } = this;
    const tables = [];
    for (const column of explorer.about.columns.filter((each) => each.values.length > 1)) {
      const codes = await explorer.colours.codes(column);
      if (asked !== this.asked) return;
      const counts = new Uint32Array(column.values.length);
      for (let n = 0; n < explorer.cells; n++) if (explorer.selection.flags[n] && codes[n] < counts.length) counts[codes[n]] += 1;
      tables.push(this.table(column, counts));
    }
    of("parts").replaceChildren(...tables);
  }

  table(column, counts) {
    const order = [...counts.keys()].filter((code) => counts[code]).sort((a, b) => counts[b] - counts[a]);
    const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
    const line = (label, cells, all) => make("tr", {}, make("th", { scope: "row", textContent: label }), ...[number(cells), percent(cells / this.explorer.selection.number), all && percent(cells / all)].map((textContent) => make("td", { className: "r-num", textContent })));
    const lines = order.slice(0, MOST_PARTS).map((code) => line(column.values[code], counts[code], column.counts[code]));
    const rest = order.slice(MOST_PARTS);
    if (rest.length) lines.push(line(`${rest.length} others`, rest.reduce((sum, code) => sum + counts[code], 0), ""));
    const unknown = this.explorer.selection.number - order.reduce((sum, code) => sum + counts[code], 0);
    if (unknown) lines.push(line("unknown", unknown, this.explorer.cells - column.counts.reduce((sum, cells) => sum + cells, 0)));
    const head = [this.explorer.colours.titleOf(column), "Cells", "Of selection", "Of group"].map((textContent, n) => make("th", { scope: "col", textContent, className: n ? "r-num" : "" }));
    return make("table", { className: "r-table" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines));
  }

  async download() {
    try {
      const answer = await postToMap("/cells.csv", this.explorer.selection.bits);
      const link = make("a", { href: URL.createObjectURL(await answer.blob()), download: "cells.csv" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      of("kept-answer").replaceChildren(make("p", { className: "r-note", textContent: error.message }));
    }
  }
}
