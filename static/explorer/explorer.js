// The explorer: loads a map, draws it, and lets its user colour, look at and select cells.
import { Colours } from "./colours.js";
import { LabelMenu } from "../cells/label_menu.js";
import { GalleryLink } from "./gallery_link.js";
import { KeptSelections } from "./kept_selections.js";
import { Numbers } from "./numbers.js";
import { mapBytes, mapJson, of, root } from "./page.js";
import { Plot } from "./plot.js";
import { SecondPlot } from "./second_plot.js";
import { Selection } from "./selection.js";
import { SidePanel } from "./side_panel.js";
import { ViewState } from "./view_state.js";

class Explorer {
  constructor(about, values) {
    Object.assign(this, { about, values, cells: about.cells, pictures: null, plots: [] });
    this.numbers = new Numbers(this);
    this.selection = new Selection(this.cells);
    this.kept = new KeptSelections(this);
    this.colours = new Colours(this);
    this.map = new Plot(this, of("stage"), values, about.axes.length);
    this.plots.push(this.map);
    this.second = new SecondPlot(this);
    this.side = new SidePanel(this);
    this.gallery = new GalleryLink(this);
    this.labels = new LabelMenu(root.querySelector(".x-side form.c-labels"), () => this.selection.bits);
    this.selection.whenChanged(() => this.changed());
    this.view = new ViewState(this);
    this.view.restore();
    if (this.map.dims === 3) nameTurning();
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-do]")?.dataset.do));
    document.addEventListener("keydown", (event) => this.key(event));
  }

  act(what) {
    const { map, selection } = this;
    const acts = {
      in: () => map.zoom(1.5),
      out: () => map.zoom(1 / 1.5),
      fit: () => map.fit(),
      view: () => map.pointer.take(null, ""),
      none: () => selection.choose(() => {}, ""),
      invert: () => selection.invert(),
      undo: () => selection.undo(),
      redo: () => selection.redo(),
    };
    acts[what]?.();
  }

  // Undo and redo, unless one is writing
  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.target.matches("[type=text], [type=search]") || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const what = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : "";
    if (!what) return;
    event.preventDefault();
    this.act(what);
  }

  changed() {
    for (const plot of this.plots) plot.select();
    root.querySelector("[data-do=undo]").disabled = !this.selection.done.length;
    root.querySelector("[data-do=redo]").disabled = !this.selection.undone.length;
    this.side.update();
  }

  looked() {
    this.view?.changed();
  }
}

function nameTurning() {
  of("move").textContent = "Turn";
  of("turn").textContent = "; in 3-D they turn the map, and with Shift they move it";
}

async function begin() {
  const start = performance.now();
  try {
    const [about, places] = await Promise.all([mapJson("/about.json"), mapBytes("/places.bin")]);
    const explorer = new Explorer(about, new Float32Array(places));
    window.deepometryExplorer = explorer; // for measurements
    await explorer.colours.colour();
    explorer.map.look();
    of("wait").hidden = true;
    of("axes").textContent = about.axes.map((name) => name.replace("_", " ")).join(" · ");
    root.dataset.ready = String(Math.round(performance.now() - start));
    explorer.pictures = await mapJson("/pictures.json");
    await explorer.numbers.load();
    explorer.colours.offerNumbers();
    await explorer.view.restoreNumbers();
    root.dataset.numbers = "yes";
  } catch (error) {
    of("wait").hidden = false;
    of("wait").textContent = error.message;
  }
}

begin();
