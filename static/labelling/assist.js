// Assistance: what the classifier says of itself, and the job that measures the cells for it.
import { counted, getJson, number, of, postJson, root } from "./page.js";

const SOON = 1000; // milliseconds until it is asked again while something goes on
const PAUSE = 600; // after labels were given

export class Assist {
  constructor(labels, screens) {
    Object.assign(this, { labels, screens, state: "", busy: false });
    this.controls = of("controls").elements;
    for (const name of ["assist-measure", "assist-again"]) {
      of(name).addEventListener("submit", (event) => {
        event.preventDefault();
        this.measure(event.target.elements.features.value);
      });
    }
    for (const button of this.buttons) button.addEventListener("click", () => this.sort(button.dataset.order));
    labels.addEventListener("saved", () => this.later(PAUSE));
    screens.addEventListener("shown", () => this.press());
    this.press();
    this.ask();
  }

  get buttons() {
    return root.querySelectorAll("[data-order]");
  }

  // --- orders ---

  sort(order) {
    this.controls.order.value = order;
    this.screens.changed(this.controls.order);
    this.press();
  }

  press() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", button.dataset.order === this.controls.order.value);
  }

  get sorted() {
    return [...this.buttons].some((button) => button.dataset.order === this.controls.order.value);
  }

  // --- what is asked ---

  later(milliseconds) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), milliseconds);
  }

  async ask() {
    try {
      this.show(await getJson("assist.json", { who: this.labels.who }));
    } catch (error) {
      if (error.away) this.later(2 * SOON);
      else of("assist-error").textContent = error.message;
    }
  }

  async measure(features) {
    of("assist-error").textContent = "";
    try {
      this.show(await postJson("measure", { features }));
    } catch (error) {
      of("assist-error").textContent = error.message;
    }
  }

  async cancel() {
    this.show(await postJson("measure/cancel", {}));
  }

  // --- what is shown ---

  show(told) {
    const before = this.state;
    Object.assign(this, { state: told.state, told });
    of("assist-measure").hidden = told.state !== "missing";
    of("assist-told").hidden = told.state !== "ready";
    this.showJob(told);
    if (told.state === "missing") this.missing(told);
    if (told.state === "reading") of("assist-state").textContent = `${told.text || "Reading the features"} …`;
    if (told.state === "ready") this.ready(told);
    if (["measuring", "reading"].includes(told.state) || told.busy) this.later(SOON);
    const appeared = before && before !== "ready" && told.state === "ready";
    if (appeared && this.sorted) this.screens.load();
  }

  showJob({ state, job }) {
    of("assist-job").hidden = state !== "measuring";
    if (state !== "measuring") return;
    of("assist-state").textContent = `${job.text || "Measuring the cells"} …`;
    const bar = of("assist-bar");
    if (job.total) Object.assign(bar, { max: job.total, value: job.done });
    else bar.removeAttribute("value");
    root.querySelector("[data-do=cancel-measuring]").disabled = job.cancelling;
  }

  missing({ reason, job }) {
    const why = reason ? `${reason} ` : "";
    of("assist-state").textContent = `${why}A classifier can sort the cells, so that you label those that teach it most.`;
    of("assist-error").textContent = job?.error ?? "";
  }

  ready({ features, labels, busy, accuracy, cells, fewest, advice, error }) {
    const learning = busy ? "Learning …" : labels ? `Has learnt from ${counted(labels, "label")}.` : "Begins when two classes have labels.";
    of("assist-state").textContent = `${learning} It looks at ${features}.`;
    const [share, low, high] = accuracy ?? [];
    of("assist-accuracy").textContent = accuracy ? `${share} % (${low} to ${high} %)` : "not yet";
    const known = `By ${counted(cells ?? 0, "randomly chosen cell")}, each predicted without its label; 95 % interval.`;
    const wanted = `After ${number(fewest)} randomly chosen cells; so far ${number(cells ?? 0)}. One cell in five, at first one in two, is chosen at random for it.`;
    of("assist-how").textContent = accuracy ? known : busy && cells === undefined ? "" : wanted;
    of("assist-advice").textContent = advice ?? "";
    of("assist-error").textContent = error;
  }
}
