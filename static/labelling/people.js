// The annotators, and how far they agree.
import { counted, getJson, make, number, of } from "./page.js";

export class People {
  constructor(labels) {
    Object.assign(this, { labels, compared: "" });
    this.place = of("people");
    labels.addEventListener("about", () => this.show());
    this.place.addEventListener("toggle", () => this.compare());
    this.show();
  }

  show() {
    const { annotators, open } = this.labels.about;
    this.place.hidden = annotators.length < 2;
    of("annotators").replaceChildren(...annotators.map((each) => make("li", {}, make("span", { textContent: each.name }), make("span", { className: "b-count", textContent: number(each.cells) }))));
    const state = JSON.stringify([annotators, open]);
    if (state !== this.compared) this.compare(state);
  }

  // Kappa is computed when somebody looks at it
  async compare(state = "") {
    if (!this.place.open || this.place.hidden) return;
    this.compared = state;
    try {
      const { pairs, open } = await getJson("agreement.json");
      const lines = pairs.map((pair) => make("p", { className: "b-agreed" }, make("b", { textContent: `${pair.first} and ${pair.second}:` }), ` ${counted(pair.cells, "cell")} labelled by both, ${number(pair.same)} the same; Cohen's kappa ${pair.kappa === null ? "is not defined" : pair.kappa.toFixed(2)}`));
      const settle = make("button", { type: "button", className: "plain", textContent: `Settle ${counted(open, "cell")}` });
      settle.dataset.do = "differ";
      of("agreement").replaceChildren(...lines, ...(open ? [settle] : []));
    } catch (error) {
      of("agreement").textContent = error.message;
    }
  }
}
