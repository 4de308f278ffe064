// The cells of a run: ticks, selections, the address of what is shown, and single cells enlarged.
// The server draws the gallery; see templates/cells/.
import { Enlarged } from "./enlarged.js";
import { LabelMenu } from "./label_menu.js";

export function start(root, tools) {
  const gallery = new Gallery(root, tools);
  return () => gallery.end();
}

class Gallery {
  constructor(root, tools) {
    Object.assign(this, { root, tools, ticked: new Set(), last: null, shown: new URLSearchParams(location.search) });
    this.base = root.dataset.base;
    this.form = root.querySelector("form.c-controls");
    this.place = root.querySelector(".c-place");
    this.of = (name) => root.querySelector(`[data-of=${name}]`);
    this.enlarged = new Enlarged(root.querySelector("dialog"), this);
    root.addEventListener("click", (event) => this.click(event));
    root.addEventListener("change", (event) => event.target.matches(".c-grid input") && this.tick(event.target));
    root.addEventListener("keydown", (event) => this.key(event));
    this.of("ticks").addEventListener("submit", (event) => this.keep(event));
    const [ofTicked, ofOne] = root.querySelectorAll("form.c-labels");
    this.labels = new LabelMenu(ofTicked, () => ({ rows: [...this.ticked] }));
    this.enlarged.labels = new LabelMenu(ofOne, () => ({ rows: [this.enlarged.row] }));
    this.changed = () => this.relabel();
    document.body.addEventListener("labels-changed", this.changed);
    this.relabel();
    root.addEventListener("htmx:afterSwap", (event) => event.target === this.place && this.swapped());
    // Cells are found while one types: to leave the field asks for nothing, and a press on a cell is not lost
    this.form.elements.q.addEventListener("change", (event) => event.stopPropagation());
    this.form.addEventListener("htmx:configRequest", (event) => this.remember(event.detail.parameters));
    // What a map asks for, which shows the same cells
    root.addEventListener("cells:show", (event) => this.show(event.detail));
    root.addEventListener("cells:open", (event) => this.enlarged.open(event.detail));
    const cell = this.shown.get("cell");
    this.shown.delete("cell");
    if (this.ours && cell !== null) this.enlarged.open(Number(cell), false);
    root.dataset.ready = "yes";
    root.dispatchEvent(new CustomEvent("cells:ready", { bubbles: true }));
  }

  end() {
    document.body.removeEventListener("labels-changed", this.changed);
    this.enlarged.end();
  }

  get ours() {
    return /^\/runs\/[^/]+\/cells$/.test(location.pathname);
  }

  get rows() {
    return [...this.place.querySelectorAll("[data-row]")].map((item) => Number(item.dataset.row));
  }

  // The address of the page says what is shown, so that it can be kept and sent
  remember(parameters) {
    if (!this.ours) return;
    const shown = new URLSearchParams();
    const pairs = parameters.entries ? [...parameters.entries()] : Object.entries(parameters);
    for (const [name, value] of pairs) if (value !== "" && name !== "part") shown.set(name, value);
    this.shown = shown;
    history.replaceState(history.state, "", shown.size ? `?${shown}` : location.pathname);
  }

  rememberCell(row) {
    if (!this.ours) return;
    const shown = new URLSearchParams(this.shown);
    if (row !== null) shown.set("cell", row);
    const state = history.state && row !== null ? { enlarged: row } : history.state;
    history.replaceState(state, "", shown.size ? `?${shown}` : location.pathname);
  }

  show(values) {
    for (const [name, value] of Object.entries(values)) if (this.form.elements[name]) this.form.elements[name].value = value;
    this.form.requestSubmit();
  }

  swapped() {
    for (const box of this.place.querySelectorAll(".c-grid input")) box.checked = this.ticked.has(Number(box.value));
    this.enlarged.swapped();
    this.relabel();
  }

  // What the cells are labelled as, where they have labels given by hand
  relabel() {
    this.labels.tell(this.place);
    this.enlarged.tellLabel();
  }

  // --- what one presses ---

  click(event) {
    const open = event.target.closest(".c-open");
    if (open) return this.enlarged.open(Number(open.closest("[data-row]").dataset.row));
    const box = event.target.closest(".c-grid input");
    if (box) this.shift = event.shiftKey;
    const name = event.target.closest("[data-selection]")?.dataset.selection;
    if (name !== undefined) return this.show({ selection: name, similar: "", q: "" });
    const what = event.target.closest("[data-do]")?.dataset.do;
    if (what === "unlike") this.show({ similar: "" });
    if (what === "unselect") this.show({ selection: "" });
    if (what === "unmark") this.show({ marked: "" });
    if (what === "again") this.show({});
    if (what === "clear") this.clear();
  }

  key(event) {
    const open = event.target.closest(".c-open");
    if (!open || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...this.place.querySelectorAll(".c-open")];
    const across = all.filter((each) => each.getBoundingClientRect().top === all[0].getBoundingClientRect().top).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
    if (!step) return;
    event.preventDefault();
    all[all.indexOf(open) + step]?.focus();
  }

  // --- ticks: Shift ticks all between this one and the last ---

  tick(box) {
    const boxes = [...this.place.querySelectorAll(".c-grid input")];
    const [here, there] = [boxes.indexOf(box), this.shift ? boxes.findIndex((each) => Number(each.value) === this.last) : -1];
    const [from, to] = there < 0 ? [here, here] : [Math.min(here, there), Math.max(here, there)];
    for (const each of boxes.slice(from, to + 1)) this.set(Number(each.value), box.checked);
    Object.assign(this, { last: Number(box.value), shift: false });
  }

  set(row, on) {
    if (on) this.ticked.add(row);
    else this.ticked.delete(row);
    const box = this.place.querySelector(`.c-grid input[value="${row}"]`);
    if (box) box.checked = on;
    this.of("bar").hidden = !this.ticked.size;
    this.of("count").textContent = `${this.tools.number(this.ticked.size)} ticked`;
    this.of("answer").textContent = "";
  }

  clear() {
    for (const row of [...this.ticked]) this.set(row, false);
  }

  async keep(event, replace = false) {
    event.preventDefault();
    const name = this.of("ticks").elements.name.value.trim();
    if (!name) return this.answer("Please name the selection first.");
    const body = JSON.stringify({ name, rows: [...this.ticked], replace });
    const token = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
    const headers = { "X-CSRFToken": token, "Content-Type": "application/json", Accept: "application/json" };
    const answer = await fetch(`${this.base}/selections`, { method: "POST", body, headers });
    if (!answer.ok) return this.refused(await answer.json().catch(() => ({})));
    document.body.dispatchEvent(new Event("selections-changed"));
    this.clear();
    this.of("ticks").elements.name.value = "";
    document.querySelector(".c-kept").addEventListener("htmx:afterSwap", (event) => event.target.scrollIntoView({ block: "nearest" }), { once: true });
  }

  refused({ error = "Deepometry could not answer; reload the page.", used }) {
    this.answer(error);
    if (!used) return;
    const button = this.tools.make("button", { type: "button", className: "plain", textContent: "Replace it" });
    button.addEventListener("click", (event) => this.keep(event, true));
    this.of("answer").append(" ", button);
  }

  answer(text) {
    this.of("answer").textContent = text;
  }
}
