// Which cells are shown: filtered, in an order, a screenful at a time, the next one fetched ahead.
import { KEPT, counted, getJson, make, of, remember, remembered } from "./page.js";

const SIZE = `${KEPT} size`;
const PAUSE = 250; // milliseconds after the last letter of a search
const RETRY = 2000; // milliseconds, while the server is away
const SEEN = 240; // cells that were left unlabelled, and do not come again at once
const SETTLING = "open"; // of the filters: cells on which annotators differ
const TELLING = ["labelled", SETTLING, "settled", "by", "class"]; // that show what others gave

export class Screens extends EventTarget {
  constructor(labels, pictures, grid) {
    super();
    Object.assign(this, { labels, pictures, grid, all: [], at: -1, coming: null, asked: 0, seen: [], loading: false });
    this.controls = of("controls").elements;
    this.offer();
    of("controls").addEventListener("submit", (event) => event.preventDefault());
    of("controls").addEventListener("change", (event) => this.changed(event.target));
    of("others").addEventListener("change", () => this.tellOthers());
    this.controls.size.addEventListener("input", () => this.resize());
    this.controls.q.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.load(), PAUSE);
    });
    labels.addEventListener("about", () => this.fill());
  }

  get now() {
    return this.all[this.at];
  }

  get settling() {
    return this.controls.show.value === SETTLING;
  }

  // --- what one chooses ---

  offer() {
    const { sides } = this.labels.about;
    of("side").hidden = sides.length < 2;
    this.controls.side.append(...sides.map((side) => make("option", { textContent: side })));
    this.fill();
    const address = new URLSearchParams(location.search);
    for (const name of ["show", "order", "side", "q"]) if (address.get(name)) this.controls[name].value = address.get(name);
    this.controls.size.value = remembered(SIZE, 96);
    this.resize();
  }

  // The filters by class and by annotator follow what there is
  fill() {
    const { classes, annotators } = this.labels.about;
    const { show } = this.controls;
    const chosen = show.value;
    const named = JSON.stringify([classes, annotators].map((all) => all.map((each) => [each.id, each.name])));
    if (named === this.named) return; // a list that is open would close
    this.named = named;
    of("by-class").replaceChildren(...classes.map((each) => make("option", { value: `class:${each.id}`, textContent: each.name })));
    of("by-annotator").replaceChildren(...annotators.map((each) => make("option", { value: `by:${each.id}`, textContent: each.name })));
    show.value = chosen;
    if (!show.value) show.value = "unlabelled";
    const { label } = this.controls;
    const before = label.value;
    label.replaceChildren(...classes.map((each) => make("option", { value: each.id, textContent: each.name })));
    if (before) label.value = before;
    this.ofClass();
  }

  // Some orders are about a class
  ofClass() {
    of("order-class").hidden = this.controls.order.selectedOptions[0]?.dataset.ofClass === undefined;
  }

  // An order of labelled cells shows those, and the others go back to unlabelled ones
  showOrdered() {
    const { show, order } = this.controls;
    const labelled = order.selectedOptions[0]?.dataset.ofLabelled !== undefined;
    if (labelled && show.value === "unlabelled") show.value = "labelled";
    if (!labelled && this.ofLabelled && show.value === "labelled") show.value = "unlabelled";
    this.ofLabelled = labelled;
  }

  changed(field) {
    if (field === this.controls.order) this.showOrdered();
    if (field === this.controls.size) return remember(SIZE, Number(field.value));
    if (field === this.controls.q) return; // found while one types
    this.ofClass();
    const address = new URLSearchParams(location.search);
    for (const name of ["show", "order", "side"]) address.set(name, this.controls[name].value);
    history.replaceState(null, "", `?${address}`);
    this.load();
  }

  settle() {
    this.controls.show.value = SETTLING;
    this.changed(this.controls.show);
  }

  resize() {
    const { size } = this.controls;
    size.setAttribute("aria-valuetext", `${size.value} pixels`);
    of("grid").style.setProperty("--size", `${size.value}px`);
  }

  tellOthers() {
    this.grid.others = of("others").checked || TELLING.includes(this.controls.show.value.split(":")[0]);
    this.grid.refresh([...this.grid.places.keys()]);
  }

  // --- screenfuls ---

  async load() {
    Object.assign(this, { all: [], at: -1, coming: null, seen: [] });
    await this.forward();
  }

  back() {
    if (this.at > 0) this.display(this.at - 1);
  }

  get ended() {
    return this.at === this.all.length - 1 && this.now?.next === null && this.now.lasting;
  }

  async forward() {
    if (this.at < this.all.length - 1) return this.display(this.at + 1);
    if (this.ended) return this.note(this.ending);
    const asked = (this.asked += 1);
    // in an order that changes, also what was labelled just now, which the server may not know yet
    const left = (this.now?.shown ?? []).filter((cell) => !this.now.lasting || !this.labels.state(cell.key).mine);
    this.seen = [...left.map((cell) => cell.row), ...this.seen].slice(0, SEEN);
    this.wait(true);
    try {
      const screen = await (this.coming ?? this.fetch(this.now));
      if (asked !== this.asked) return;
      this.coming = null;
      this.all.push(screen);
      await this.display(this.all.length - 1);
    } catch (error) {
      if (asked === this.asked) this.failed(error);
    }
  }

  async fetch(last) {
    const { show, order, label, side, q, size } = this.controls;
    const chosen = { show: show.value, order: order.value, label: label.value, side: side.value, q: q.value };
    const place = { after: last?.next ?? 0, stamp: last?.stamp ?? "", skip: this.seen.join(",") };
    const screen = await getJson("cells.json", { who: this.labels.who, count: this.grid.fitting(Number(size.value)), ...chosen, ...place });
    this.labels.learn(screen);
    await this.pictures.load(screen.shown.map((cell) => cell.row));
    return screen;
  }

  async display(at) {
    const screen = this.all[at];
    await this.pictures.load(screen.shown.map((cell) => cell.row));
    this.at = at;
    this.wait(false);
    this.tellOthers();
    this.grid.show(screen.shown);
    this.note(this.noteOf(screen));
    this.dispatchEvent(new Event("shown"));
    const near = [at - 1, at, at + 1].flatMap((n) => this.all[n]?.shown ?? []);
    if (!this.coming) this.pictures.forget(new Set(near.map((cell) => cell.row)));
    this.ahead();
  }

  // The next screenful, where labels given meanwhile do not change which it is
  ahead() {
    if (this.coming || this.at < this.all.length - 1 || this.now.next === null || !this.now.lasting) return;
    const coming = this.fetch(this.now);
    this.coming = coming;
    coming.catch(() => {
      if (this.coming === coming) this.coming = null; // it is asked for again when it is needed
    });
  }

  wait(on) {
    this.loading = on;
    Object.assign(of("wait"), { hidden: !on, textContent: "Reading the cells …" });
  }

  failed(error) {
    of("wait").textContent = error.message;
    this.loading = Boolean(error.away);
    if (error.away) setTimeout(() => this.forward(), RETRY);
  }

  // --- what is told ---

  note(text) {
    of("note").textContent = text ?? "";
  }

  get ending() {
    return this.controls.show.value === "unlabelled" ? "These are the last unlabelled cells." : "These are the last of these cells.";
  }

  noteOf(screen) {
    if (!screen.shown.length) return this.controls.show.value === "unlabelled" ? "All of these cells are labelled." : "There are no such cells.";
    if (this.settling) return "Annotators differ on these cells: the key of a class settles what they are.";
    return screen.note;
  }

  count() {
    return this.now ? `${this.now.shown.length} of ${counted(this.now.total, "cell")}` : "";
  }
}
