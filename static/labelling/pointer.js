// The mouse on the cells: clicks, Shift, and a rectangle around some of them.
import { of } from "./page.js";

const STILL = 5; // pixels that a hand moves in a click

export class Pointer {
  // `act` has click(place, shift), double(place) and around(keys, more)
  constructor(grid, act) {
    Object.assign(this, { grid, act, stage: of("stage"), band: of("band"), from: null });
    this.stage.addEventListener("pointerdown", (event) => this.down(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    this.stage.addEventListener("pointerup", (event) => this.up(event));
    this.stage.addEventListener("pointercancel", () => this.end());
    this.stage.addEventListener("dblclick", (event) => {
      const place = grid.placeOf(event.target);
      if (place >= 0) act.double(place);
    });
  }

  down(event) {
    if (event.button) return;
    event.preventDefault(); // no text is selected by dragging
    this.grid.list.focus({ preventScroll: true });
    this.from = { x: event.clientX, y: event.clientY, place: this.grid.placeOf(event.target), touch: event.pointerType === "touch" };
    if (!this.from.touch) this.stage.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.from || this.from.touch) return;
    const far = Math.hypot(event.clientX - this.from.x, event.clientY - this.from.y) > STILL;
    if (!far && !this.box) return;
    this.box = this.boxTo(event);
    const stage = this.stage.getBoundingClientRect();
    this.band.hidden = false;
    Object.assign(this.band.style, { left: `${this.box.left - stage.left}px`, top: `${this.box.top - stage.top}px`, width: `${this.box.right - this.box.left}px`, height: `${this.box.bottom - this.box.top}px` });
    const inside = new Set(this.inside());
    this.grid.tiles.forEach((tile, n) => tile.classList.toggle("is-around", inside.has(n)));
  }

  boxTo({ clientX, clientY }) {
    const { x, y } = this.from;
    return { left: Math.min(x, clientX), right: Math.max(x, clientX), top: Math.min(y, clientY), bottom: Math.max(y, clientY) };
  }

  inside() {
    const { left, right, top, bottom } = this.box;
    return this.grid.tiles.flatMap((tile, n) => {
      const at = tile.getBoundingClientRect();
      return at.left < right && at.right > left && at.top < bottom && at.bottom > top ? [n] : [];
    });
  }

  up(event) {
    const { from } = this;
    if (!from) return;
    if (this.box) this.act.around(this.inside());
    else if (from.place >= 0) this.act.click(from.place, event.shiftKey);
    this.end();
  }

  end() {
    Object.assign(this, { from: null, box: null });
    this.band.hidden = true;
    for (const tile of this.grid.tiles) tile.classList.remove("is-around");
  }
}
