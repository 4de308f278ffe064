// The classes: their keys, colours and numbers of cells; chosen, added, changed, put in order, deleted.
import { make, number, of } from "./page.js";

const FIELDS = { key: "Key", colour: "Colour", name: "Name" };
const ACTS = { up: "Move up", down: "Move down", delete: "Delete" };

export class Classes extends EventTarget {
  constructor(labels) {
    super();
    Object.assign(this, { labels, list: of("classes"), editing: false, held: null });
    labels.addEventListener("about", () => this.show());
    this.list.addEventListener("click", (event) => this.click(event));
    this.list.addEventListener("change", (event) => this.edited(event.target));
    of("add").addEventListener("submit", (event) => this.add(event));
  }

  ofKey(key) {
    return this.labels.classes.find((each) => each.key && each.key === key.toLowerCase());
  }

  // A class that is held labels every cell that is clicked
  hold(id) {
    this.held = id;
    this.show();
    document.getElementById("labelling").classList.toggle("is-holding", id !== null);
  }

  // --- what is shown ---

  // Made anew only where classes came, went or moved: a button that vanishes under the mouse is never pressed
  show() {
    const { classes } = this.labels;
    const shape = JSON.stringify([this.editing, classes.map((each) => each.id)]);
    if (shape !== this.shape) {
      const focused = document.activeElement?.dataset.keep;
      this.list.replaceChildren(...classes.map((each, n) => make("li", {}, ...(this.editing ? this.form(each, n) : [this.button(each)]))));
      if (focused) this.list.querySelector(`[data-keep="${focused}"]`)?.focus();
    }
    this.shape = shape;
    classes.forEach((each, n) => (this.editing ? this.fillForm : this.fillButton).call(this, each, this.list.children[n]));
  }

  button(each) {
    const count = make("span", { className: "b-count" }, make("span"), make("span", { className: "sr", textContent: " cells" }));
    const button = make("button", { type: "button", className: "b-class" }, make("kbd"), make("i", { className: "b-swatch" }), make("span", { className: "b-name" }), count);
    button.dataset.id = button.dataset.keep = each.id;
    return button;
  }

  fillButton(each, item) {
    const [button] = item.children;
    const [key, swatch, name, count] = button.children;
    key.textContent = each.key || " ";
    swatch.style.background = each.colour;
    name.textContent = each.name;
    count.firstChild.textContent = number(each.cells);
    button.setAttribute("aria-pressed", this.held === each.id);
    if (each.key) button.setAttribute("aria-keyshortcuts", each.key.toUpperCase());
    else button.removeAttribute("aria-keyshortcuts");
  }

  form(each, n) {
    const input = (field, more) => {
      const element = make("input", { type: "text", autocomplete: "off", ...more });
      Object.assign(element.dataset, { id: each.id, field, keep: `${field}-${each.id}` });
      return element;
    };
    const act = (what, sign, disabled = false) => {
      const button = make("button", { type: "button", className: "r-link", textContent: sign, disabled });
      Object.assign(button.dataset, { id: each.id, act: what, keep: `${what}-${each.id}` });
      return button;
    };
    const last = n === this.labels.classes.length - 1;
    return [
      input("key", { maxLength: 1, className: "b-key" }),
      input("colour", { type: "color" }),
      input("name", { maxLength: 60, className: "b-name", spellcheck: false }),
      act("up", "↑", n === 0),
      act("down", "↓", last),
      act("delete", "✕"),
    ];
  }

  fillForm(each, item) {
    for (const element of item.children) {
      const { field, act } = element.dataset;
      element.setAttribute("aria-label", field ? `${FIELDS[field]} of ${each.name}` : `${ACTS[act]} ${each.name}`);
      if (field && element !== document.activeElement) element.value = each[field];
    }
  }

  edit(on) {
    this.editing = on;
    document.querySelector("[data-do=edit]").textContent = on ? "Done" : "Edit";
    document.querySelector("[data-do=edit]").setAttribute("aria-expanded", on);
    this.show();
    (on ? this.list.querySelector("input") : document.querySelector("[data-do=edit]"))?.focus();
  }

  // --- what one does ---

  click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const id = Number(button.dataset.id);
    const { act } = button.dataset;
    if (act === "delete") return this.delete(this.labels.classOf(id));
    if (act) return this.move(id, act === "up" ? -1 : 1);
    this.dispatchEvent(new CustomEvent("chosen", { detail: id }));
  }

  async add(event) {
    event.preventDefault();
    const field = of("add").elements.name;
    if (!field.value.trim()) return field.focus();
    if (await this.change({ do: "add", name: field.value })) field.value = "";
    field.focus();
  }

  edited({ dataset: { id, field }, value }) {
    if (field) this.change({ do: "change", id: Number(id), [field]: value });
  }

  move(id, by) {
    const ids = this.labels.classes.map((each) => each.id);
    const n = ids.indexOf(id);
    [ids[n], ids[n + by]] = [ids[n + by], ids[n]];
    return this.change({ do: "order", ids });
  }

  delete(each) {
    const told = each.cells ? ` Its ${number(each.cells)} labels are hidden; a new class of this name brings them back.` : "";
    if (window.confirm(`Delete the class ${each.name}?${told}`)) this.change({ do: "delete", id: each.id });
  }

  async change(what) {
    of("class-error").textContent = "";
    try {
      await this.labels.change(what);
      return true;
    } catch (error) {
      of("class-error").textContent = error.message;
      this.show(); // as it was
      return false;
    }
  }
}
