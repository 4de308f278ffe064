// Likely mislabelled cells: two buttons below each picture, which decide what the cell is.

const ANNOTATOR = "deepometry-annotator"; // as on the labelling page

class LabelCheck {
  constructor(root) {
    Object.assign(this, { root, base: root.dataset.check });
    this.of = (name) => root.querySelector(`[data-of=${name}]`);
    this.token = JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";
    document.body.addEventListener("htmx:afterSwap", () => this.fill());
    this.of("check-who").addEventListener("change", (event) => store(event.target.value.trim()));
    this.fill();
  }

  async fill() {
    const items = [...document.querySelectorAll(".c-grid [data-row]:not(:has(.c-decide))")];
    if (!items.length) return;
    try {
      const told = await this.ask(`${this.base}.json?rows=${items.map((item) => item.dataset.row).join(",")}`);
      this.show(told);
      for (const item of items) this.draw(item, told.cells[item.dataset.row]);
    } catch (error) {
      this.of("check-error").textContent = error.message;
    }
  }

  draw(item, cell) {
    if (!cell) return;
    item.querySelector(".c-decide")?.remove();
    const buttons = [cell.suggested, cell.label].map((label) => {
      const chosen = cell.decided === label;
      const button = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: label });
      button.setAttribute("aria-pressed", chosen);
      button.setAttribute("aria-description", chosen ? "Takes the decision back." : label === cell.label ? "Confirms the label." : "Corrects the label.");
      button.addEventListener("click", () => this.decide(item, label, chosen));
      return button;
    });
    const place = Object.assign(document.createElement("span"), { className: "c-decide" });
    if (cell.label !== cell.suggested) place.append(...buttons);
    item.querySelector("figcaption").append(place);
  }

  async decide(item, label, back) {
    const who = stored() || this.who;
    this.of("check-error").textContent = "";
    if (!who) {
      this.of("check-who").hidden = false;
      return this.of("check-who").querySelector("input").focus();
    }
    const body = JSON.stringify({ row: Number(item.dataset.row), label: back ? "" : label, who });
    try {
      const told = await this.ask(this.base, { method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": this.token } });
      this.draw(item, told.cells[item.dataset.row]);
      this.show(told);
      [...item.querySelectorAll(".c-decide button")].find((each) => each.textContent === label)?.focus();
    } catch (error) {
      this.of("check-error").textContent = error.message;
    }
  }

  show({ corrected, confirmed, name, home, who }) {
    this.who = who;
    const form = this.of("check-train");
    form.hidden = !name || !(corrected || confirmed);
    form.elements.cells.value = home;
    form.elements.name.value = name;
    const number = (value) => value.toLocaleString("en");
    this.of("check-told").textContent = `${number(corrected)} corrected, ${number(confirmed)} confirmed (${name}).`;
  }

  async ask(address, { headers = {}, ...more } = {}) {
    const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json", ...headers }, ...more });
    const content = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(content.error || "Deepometry could not answer; reload the page.");
    return content;
  }
}

function stored() {
  try {
    return JSON.parse(localStorage.getItem(ANNOTATOR)) ?? "";
  } catch {
    return "";
  }
}

function store(name) {
  try {
    localStorage.setItem(ANNOTATOR, JSON.stringify(name));
  } catch {
    // full, or switched off by the user
  }
}

for (const root of document.querySelectorAll("[data-check]")) new LabelCheck(root);
