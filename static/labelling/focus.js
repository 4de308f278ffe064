// One large cell at a time: the framed one, in every ticked channel and as their composite.
import { make, of, root } from "./page.js";

export class Focus {
  constructor(labels, pictures, grid) {
    Object.assign(this, { labels, pictures, grid, on: false });
    root.querySelector("[data-do=focus]").setAttribute("aria-pressed", false);
    grid.addEventListener("framed", () => this.draw());
    pictures.addEventListener("changed", () => this.draw());
    labels.addEventListener("cells", () => this.tell());
  }

  toggle(on = !this.on) {
    this.on = on;
    of("focus").hidden = !on;
    root.classList.toggle("is-focus", on);
    root.querySelector("[data-do=focus]").setAttribute("aria-pressed", on);
    if (on) this.grid.clear();
    this.draw();
    this.grid.list.focus({ preventScroll: true });
    this.grid.frame(this.grid.cursor);
    if (on) root.querySelector(".b-main").scrollIntoView({ block: "start" });
  }

  draw() {
    if (!this.on) return;
    const cell = this.grid.current;
    of("focus-title").textContent = cell ? `Object ${cell.object} of ${cell.source}` : "";
    const figures = cell ? this.figures(cell.row) : [];
    of("large").style.setProperty("--pictures", figures.length);
    of("large").replaceChildren(...figures);
    this.tell();
  }

  tell() {
    if (!this.on || !this.grid.current) return;
    const { mine, settled } = this.labels.state(this.grid.current.key);
    const shown = this.labels.classOf(settled || mine);
    of("focus-label").textContent = shown?.name ?? "unlabelled";
    of("focus").style.setProperty("--class", shown?.colour ?? "transparent");
  }

  figures(row) {
    const { pictures } = this;
    const several = pictures.ticked.length > 1;
    const looks = [...(several && pictures.together ? [["Composite", pictures.ticked, true]] : []), ...pictures.ticked.map((n) => [pictures.channels[n].name, [n], false])];
    return looks.map(([name, ticked, together]) => {
      const canvas = make("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", name);
      pictures.draw(canvas, row, ticked, together);
      return make("figure", {}, canvas, make("figcaption", { textContent: name }));
    });
  }
}
