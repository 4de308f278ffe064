// The gallery below the map, the same as everywhere (cells/gallery.js): shows the selected cells, and
// enlarges the cell that one clicks on the map.
import { of, postToCells } from "./page.js";

const WAIT = 300; // milliseconds after the last change of the selection

export class GalleryLink {
  constructor(explorer) {
    Object.assign(this, { explorer, pending: [], timer: 0, mark: "" });
    this.place = of("gallery");
    this.place.addEventListener("cells:ready", () => this.ready());
    explorer.selection.whenChanged(() => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.show(), WAIT);
    });
  }

  get widget() {
    return this.place.querySelector("[data-widget=gallery][data-ready]");
  }

  // What was asked for before the gallery was there
  ready() {
    for (const event of this.pending.splice(0)) this.widget.dispatchEvent(event);
  }

  send(event) {
    if (this.widget) this.widget.dispatchEvent(event);
    else this.pending.push(event);
  }

  open(cell) {
    this.send(new CustomEvent("cells:open", { detail: cell }));
  }

  // The channel in which the gallery shows the cells
  get channel() {
    return this.place.querySelector("[name=channel]")?.value || this.explorer.pictures?.shown;
  }

  async show() {
    const { bits, number } = this.explorer.selection;
    try {
      const mark = number ? (await (await postToCells("/marked", bits)).json()).mark : "";
      if (bits !== this.explorer.selection.bits || mark === this.mark) return;
      this.mark = mark;
      this.send(new CustomEvent("cells:show", { detail: { marked: mark, selection: "", similar: "" } }));
    } catch (error) {
      of("status").textContent = error.message;
    }
  }
}
