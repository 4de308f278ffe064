// The labelling page: its parts, and what it tells of labels and cells.
import { Assist } from "./assist.js";
import { Classes } from "./classes.js";
import { Focus } from "./focus.js";
import { Grid } from "./grid.js";
import { Hands } from "./hands.js";
import { Labels } from "./labels.js";
import { counted, number, of, remember, remembered, root } from "./page.js";
import { People } from "./people.js";
import { Pictures } from "./pictures.js";
import { Pointer } from "./pointer.js";
import { Screens } from "./screens.js";

const ANNOTATOR = "deepometry-annotator";
const SOON = 300; // milliseconds until it is asked again how far the cells are read
const LATER = 2000; // while the server is away

class Page {
  constructor() {
    this.labels = new Labels();
    const field = of("who");
    field.value = remembered(ANNOTATOR, "") || root.dataset.who;
    this.labels.who = field.value.trim();
    this.begin();
  }

  // Asks until the cells are read
  async begin() {
    try {
      const opening = await this.labels.read();
      if (!opening) return this.ready();
      const { text, done, total } = opening;
      of("wait").textContent = `${text}${total ? `: ${number(done)} of ${number(total)} cells` : ""} …`;
      setTimeout(() => this.begin(), SOON);
    } catch (error) {
      of("wait").textContent = error.message;
      if (error.away) setTimeout(() => this.begin(), LATER);
    }
  }

  async ready() {
    const { labels } = this;
    this.pictures = new Pictures(labels.about);
    this.grid = new Grid(labels, this.pictures);
    this.screens = new Screens(labels, this.pictures, this.grid);
    this.classes = new Classes(labels);
    this.people = new People(labels);
    this.focus = new Focus(labels, this.pictures, this.grid);
    this.hands = new Hands(this);
    this.pointer = new Pointer(this.grid, this.hands);
    this.listen();
    this.classes.show();
    this.tell();
    labels.send();
    await this.screens.load();
    this.grid.list.focus({ preventScroll: true });
    this.assist = new Assist(labels, this.screens);
    root.dataset.ready = "yes";
  }

  listen() {
    const { labels, screens, hands } = this;
    root.addEventListener("click", (event) => this.press(event.target.closest("[data-do]")?.dataset.do));
    document.addEventListener("keydown", (event) => hands.key(event));
    this.classes.addEventListener("chosen", ({ detail }) => hands.choose(detail));
    of("who").addEventListener("change", (event) => this.rename(event.target.value.trim()));
    window.addEventListener("beforeunload", (event) => labels.failed && event.preventDefault());
    labels.addEventListener("about", () => this.tell());
    labels.addEventListener("saved", () => this.saved());
    labels.addEventListener("turned", ({ detail }) => this.turned(detail));
    labels.addEventListener("refused", ({ detail }) => this.refused(detail));
    screens.addEventListener("shown", () => this.tell());
  }

  press(what) {
    const { hands, screens } = this;
    const acts = {
      undo: () => hands.turn("undo"),
      redo: () => hands.turn("redo"),
      none: () => hands.label(null),
      edit: () => this.classes.edit(!this.classes.editing),
      before: () => screens.back(),
      after: () => screens.forward(),
      focus: () => this.focus.toggle(),
      differ: () => screens.settle(),
      "cancel-measuring": () => this.assist.cancel(),
    };
    acts[what]?.();
  }

  rename(who) {
    Object.assign(this.labels, { who, past: [], future: [] });
    remember(ANNOTATOR, who);
    this.labels.read().then(() => this.screens.load(), (error) => this.screens.failed(error));
  }

  // --- what is told ---

  tell() {
    const { labels, screens } = this;
    const { about } = labels;
    const able = (what, can) => (root.querySelector(`[data-do=${what}]`).disabled = !can);
    of("progress").textContent = `${number(about.labelled)} of ${counted(about.cells, "cell")} labelled`;
    const few = about.classes.filter((each) => each.cells).length < 2;
    for (const button of of("train").querySelectorAll("button")) button.disabled = few;
    of("few").hidden = !few;
    Object.assign(of("bar"), { max: Math.max(about.cells, 1), value: about.labelled });
    able("undo", about.undo || labels.past.length);
    able("redo", about.redo || labels.future.length);
    able("before", screens.at > 0);
    able("after", screens.now && !screens.ended);
    of("count").textContent = screens.count();
  }

  saved() {
    const { waiting, failed, error } = this.labels;
    const place = of("saved");
    const state = !waiting.length ? "good" : failed ? "bad" : "busy";
    const texts = { good: "All labels saved", busy: "Saving …", bad: `${counted(waiting.length, "change")} not saved yet: ${error} Trying again …` };
    place.textContent = texts[state];
    // read out only when something is wrong, and when it is right again
    if (state === "bad") this.trouble ||= of("trouble").textContent = texts.bad;
    if (state === "good" && this.trouble) {
      of("trouble").textContent = texts.good;
      this.trouble = "";
    }
    place.dataset.state = state;
    this.tell();
  }

  turned({ what, changed, shown }) {
    const done = what === "undo" ? "Undone" : "Done again";
    this.screens.note(changed ? `${done}: ${counted(changed, "cell")} changed.` : `There is nothing to ${what}.`);
    const first = shown.map((each) => this.grid.places.get(each.key)).find((n) => n !== undefined);
    if (first !== undefined) this.grid.frame(Math.max(first, this.grid.open(first, this.hands.field)));
  }

  async refused(message) {
    await this.labels.read().catch(() => null);
    await this.screens.load();
    this.screens.note(`Not saved: ${message}`);
  }
}

new Page();
