// Labels given by hand, wherever cells are shown: a choice of classes, and the label of every cell.

const ANNOTATOR = "deepometry-annotator"; // as on the labelling page
const CHOICE = "deepometry-label";
const sets = new Map(); // by address: what labels the cells of a run can be given

export class LabelMenu {
  // `body` returns what is labelled: rows, or the bits of a selection
  constructor(form, body) {
    Object.assign(this, { form, body, base: form.dataset.labels, choice: form.elements.label });
    this.token = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
    form.addEventListener("submit", (event) => this.submit(event));
    this.choice.addEventListener("change", () => this.changed());
    this.told = form.querySelector("[data-of=labelled]");
    this.now = form.querySelector("[data-of=now]");
    document.body.addEventListener("labels-changed", () => this.follow());
    this.ready = this.fill();
  }

  async fill() {
    if (!sets.has(this.base)) sets.set(this.base, this.ask(`${this.base}.json`).catch(() => ({ sets: [] })));
    const { sets: offered, cells } = await sets.get(this.base);
    if (!offered.length) return this.begin(cells);
    const groups = offered.map((set) => {
      const group = document.createElement("optgroup");
      group.label = set.name;
      group.append(...[...set.classes, { id: 0, name: "no label" }].map((each) => new Option(`${set.name}: ${each.name}`, JSON.stringify([set.name, each.id]))));
      return group;
    });
    this.names = new Map(offered.flatMap((set) => set.classes.map((each) => [JSON.stringify([set.name, each.id]), each.name])));
    this.choice.replaceChildren(...groups);
    this.form.hidden = false;
    this.follow();
  }

  // Where no labels were given by hand yet: a link to the page on which they are begun
  begin(cells) {
    if (!cells) return;
    const link = Object.assign(document.createElement("a"), { className: "plain", href: `/labelling?${new URLSearchParams({ cells })}`, textContent: "Label cells by hand" });
    link.setAttribute("aria-description", "Opens a page on which you begin labels of your own for these cells; then they can be given here, too.");
    this.form.replaceChildren(link);
    this.form.hidden = false;
  }

  // All menus of the page show the same choice, and ask for a name until there is one
  follow() {
    if (!this.names) return;
    const last = stored(CHOICE);
    if ([...this.choice.options].some((each) => each.value === last)) this.choice.value = last;
    this.form.querySelector("[data-of=who]").hidden = Boolean(stored(ANNOTATOR));
  }

  get chosen() {
    return this.choice.value ? JSON.parse(this.choice.value) : ["", 0];
  }

  changed() {
    store(CHOICE, this.choice.value);
    this.done();
  }

  // All galleries and menus of the page look at the labels again
  done() {
    document.body.dispatchEvent(new Event("labels-changed"));
  }

  // --- what one does ---

  async submit(event) {
    event.preventDefault();
    const typed = this.form.elements.who.value.trim();
    if (typed) store(ANNOTATOR, JSON.stringify(typed));
    const who = typed || JSON.parse(stored(ANNOTATOR) || '""');
    if (!who) return this.form.elements.who.focus();
    store(CHOICE, this.choice.value);
    const [name, label] = this.chosen;
    try {
      const { changed } = await this.send("give", { name, label, who });
      this.answer(changed, who, name);
    } catch (error) {
      this.told.textContent = error.message;
    }
    this.done();
  }

  answer(changed, who, name) {
    this.told.textContent = changed ? `${changed.toLocaleString("en")} labelled.` : "They have this label already.";
    if (!changed) return;
    const undo = Object.assign(document.createElement("button"), { type: "button", className: "r-link", textContent: "Undo" });
    undo.addEventListener("click", async () => {
      await this.send("undo", { who, name, rows: [] }).catch((error) => (this.told.textContent = error.message));
      this.told.textContent = "Undone.";
      this.done();
    });
    this.told.append(" ", undo);
  }

  // Rows go in JSON; the bits of a selection as they are, with all else in the address
  send(what, sent) {
    const body = what === "give" ? this.body() : {};
    const headers = { "X-CSRFToken": this.token };
    if (body instanceof Uint8Array) return this.ask(`${this.base}/${what}?${new URLSearchParams(sent)}`, { method: "POST", body, headers: { ...headers, "Content-Type": "application/octet-stream" } });
    return this.ask(`${this.base}/${what}`, { method: "POST", body: JSON.stringify({ ...sent, ...body }), headers: { ...headers, "Content-Type": "application/json" } });
  }

  async ask(address, { headers = {}, ...more } = {}) {
    const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json", ...headers }, ...more });
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.error || "Deepometry could not answer; reload the page.");
    return content;
  }

  // --- what is told ---

  async labels(rows) {
    await this.ready;
    const [name] = this.chosen;
    if (!name || !rows.length) return () => "";
    const { labels, differs } = await this.ask(`${this.base}/labels.json?${new URLSearchParams({ name, rows: rows.join(",") })}`);
    const different = new Set(differs);
    return (row) => {
      const label = this.names.get(JSON.stringify([name, labels[row]]));
      return label ? `${name}: ${label}` : different.has(row) ? `${name}: annotators differ` : "";
    };
  }

  // Below every cell of a gallery
  async tell(place) {
    const items = [...place.querySelectorAll("[data-row]")];
    const textOf = await this.labels(items.map((item) => Number(item.dataset.row))).catch(() => () => "");
    for (const item of items) {
      const text = textOf(Number(item.dataset.row));
      const line = item.querySelector(".c-by-hand") ?? item.querySelector("figcaption").appendChild(Object.assign(document.createElement("span"), { className: "c-by-hand" }));
      line.textContent = text;
    }
  }

  async tellOne(row) {
    const textOf = await this.labels([row]).catch(() => () => "");
    this.now.textContent = textOf(row);
    if (row !== this.row) this.told.textContent = "";
    this.row = row;
  }
}

function stored(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function store(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // full, or switched off by the user
  }
}
