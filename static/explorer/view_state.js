// What survives a reload. What is small stands in the address, so that a view can be bookmarked and
// sent: colours, cameras, the columns of the second plot. The selected cells are too many for an
// address (a million are 125 KB), and a file in the folder of the run would let two tabs of one map
// write over each other: they are in the storage of this tab, which lasts as long as the tab. What is
// to last longer is kept under a name, and then is a file.
import { of, root } from "./page.js";
import { flagsOf } from "./selection.js";

const WAIT = 300; // milliseconds after the last change: browsers limit how often an address changes

export class ViewState {
  constructor(explorer) {
    Object.assign(this, { explorer, timer: 0, asked: new URLSearchParams(location.search) });
    this.place = `selected cells of ${root.dataset.base}`;
  }

  // --- as it was ---

  restore() {
    const { map, selection, about } = this.explorer;
    map.camera.state = this.asked.get("camera") ?? "";
    const { stamp, bits } = JSON.parse(sessionStorage.getItem(this.place) ?? "{}");
    if (stamp === about.stamp) selection.start(flagsOf(bytesOf(bits), selection.cells));
    this.coloured = this.explorer.colours.tryChoice(this.asked.get("colour"));
    selection.whenChanged(() => this.keepSelection());
  }

  // What needs the names of columns, which come last
  async restoreNumbers() {
    const { colours, second } = this.explorer;
    if (!this.coloured && colours.tryChoice(this.asked.get("colour"))) await colours.colour();
    await second.restore(this.asked);
    this.done = true;
  }

  // --- as it is now ---

  changed() {
    if (!this.done) return; // or the address would lose what is not restored yet
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.writeAddress(), WAIT);
  }

  writeAddress() {
    const { colours, map, second } = this.explorer;
    const parts = { colour: colours.choice.value, camera: map.camera.state, ...second.state };
    const shown = new URLSearchParams(Object.entries(parts).filter(([, value]) => value));
    history.replaceState(history.state, "", `?${shown}`);
  }

  keepSelection() {
    const { about, selection } = this.explorer;
    if (!selection.number) return sessionStorage.removeItem(this.place);
    try {
      sessionStorage.setItem(this.place, JSON.stringify({ stamp: about.stamp, bits: textOf(selection.bits) }));
    } catch {
      sessionStorage.removeItem(this.place); // of an earlier selection
      of("status").textContent = "These are too many cells to stay selected when the page is reloaded; keep them under a name.";
    }
    return undefined;
  }
}

// Base64, piece by piece: a call takes only so many arguments
function textOf(bits) {
  let text = "";
  for (let at = 0; at < bits.length; at += 8192) text += String.fromCharCode(...bits.subarray(at, at + 8192));
  return btoa(text);
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
