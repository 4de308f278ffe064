// The selections that are kept under a name, the same as in the gallery: used, shown in their
// colours, and made from the selected cells. The server draws their list; see templates/cells/.
import { SELECTIONS } from "./colours.js";
import { cellsBytes, cellsJson, make, of, postToCells, root } from "./page.js";
import { flagsOf } from "./selection.js";

const MOST = 200; // drawn in colours of their own

export class KeptSelections {
  constructor(explorer) {
    Object.assign(this, { explorer, fetched: new Map(), hidden: new Set(), listed: null });
    this.form = of("keep");
    this.form.addEventListener("submit", (event) => this.keep(event));
    root.addEventListener("htmx:afterSwap", (event) => event.target.matches(".c-kept") && this.swapped(event.target));
    root.addEventListener("click", (event) => this.use(event.target.closest(".c-kept [data-selection]")?.dataset.selection));
    root.addEventListener("change", (event) => event.target.matches("[data-show]") && this.show(event.target));
  }

  // The list was drawn anew: some may have other cells, colours or names
  swapped(place) {
    for (const box of place.querySelectorAll("[data-show]")) box.checked = !this.hidden.has(box.dataset.show);
    this.listed = null;
    this.recolour();
  }

  recolour() {
    if (this.explorer.colours.choice.value === SELECTIONS) this.explorer.colours.colour();
  }

  show(box) {
    if (box.checked) this.hidden.delete(box.dataset.show);
    else this.hidden.add(box.dataset.show);
    this.explorer.colours.colourBy(SELECTIONS);
  }

  // All of them, with a stamp that changes when their cells do
  list() {
    this.listed ??= cellsJson("/selections.json");
    return this.listed;
  }

  // Those that are to be seen, with their cells
  async shown() {
    const chosen = (await this.list()).filter(({ name }) => !this.hidden.has(name)).slice(0, MOST);
    return Promise.all(chosen.map(async (each) => ({ ...each, flags: await this.flags(each.name, each.stamp) })));
  }

  async flags(name, stamp) {
    const { stamp: before, flags } = this.fetched.get(name) ?? {};
    if (before === stamp) return flags;
    const bits = new Uint8Array(await cellsBytes(`/selections/${encodeURIComponent(name)}.bin`));
    const fresh = flagsOf(bits, this.explorer.cells);
    this.fetched.set(name, { stamp, flags: fresh });
    return fresh;
  }

  async use(name) {
    if (name === undefined) return;
    try {
      const { stamp } = (await this.list()).find((each) => each.name === name) ?? {};
      this.explorer.selection.take(await this.flags(name, stamp));
      this.answer(`The cells of ${name} are selected.`);
    } catch (error) {
      this.answer(error.message);
    }
  }

  async keep(event, replace = "no") {
    event.preventDefault();
    const field = this.form.elements.name;
    const name = field.value.trim();
    if (!name) return this.answer("Please name the selection first.");
    try {
      await postToCells(`/selections?name=${encodeURIComponent(name)}&replace=${replace}`, this.explorer.selection.bits);
    } catch (error) {
      return this.answer(error.message, error.used);
    }
    field.value = "";
    this.answer(`Kept as ${name}.`);
    return document.body.dispatchEvent(new Event("selections-changed"));
  }

  answer(text, used = false) {
    const line = make("p", { textContent: text });
    if (used) {
      const button = make("button", { type: "button", className: "plain", textContent: "Replace it" });
      button.addEventListener("click", (event) => this.keep(event, "yes"));
      line.append(" ", button);
    }
    of("kept-answer").replaceChildren(line);
  }
}
