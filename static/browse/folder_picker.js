// The folder picker: a dialog that lists the folders of this computer, and the line under every
// path field that says whether the path is there and what it is.
"use strict";

(() => {
  // Names this open page to the server, which stops work that no page waits for any more.
  const page = Math.random().toString(36).slice(2);
  const KIND = { raw: "raw", parsed: "parsed", labels: "labels", model: "model", start: "start", features: "features", predictions: "predictions", folder: "folder" };
  const dialog = document.getElementById("picker");
  let target = null; // {form, name, kind} of the field that is being filled in
  let asked = 0; // counts the questions: a late answer to an old one is dropped
  let timer = 0;

  const at = (selector) => dialog.querySelector(selector);
  const box = () => at("#picker-path");
  const found = () => at("#picker-found");
  const options = () => [...dialog.querySelectorAll("[role=option]")];
  const active = () => at("[role=option][aria-selected=true]");

  function url(place, values) {
    return `${place}?${new URLSearchParams({ page, ...values })}`;
  }

  function token() {
    const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
    return headers["X-CSRFToken"] || "";
  }

  async function post(place, values) {
    const body = new URLSearchParams(values);
    const answer = await fetch(place, { method: "POST", body, headers: { "X-CSRFToken": token() } });
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (isJson) return answer.json();
    return { error: "Deepometry was restarted; reload the page." };
  }

  function say(text) {
    const status = at("#picker-status");
    if (status) status.textContent = text;
  }

  // Unlike what `say` says, it stays until the user does something else.
  function complain(words) {
    const place = at("#picker-problem");
    if (place) place.textContent = words;
  }

  // --- opening and closing ---------------------------------------------------------------------

  function fieldOf(button) {
    const [form, name] = button.dataset.field.split(":");
    return { form, name, kind: KIND[button.dataset.kind] || "folder" };
  }

  function inputOf({ form, name }) {
    return document.querySelector(`#${CSS.escape(form)} [name="${CSS.escape(name)}"]`);
  }

  async function open(button) {
    target = fieldOf(button);
    dialog.replaceChildren();
    if (!dialog.open) dialog.showModal();
    const path = inputOf(target)?.value ?? "";
    const mine = ++asked;
    const html = await text(url("/browse", { path, kind: target.kind }));
    if (mine !== asked || !dialog.open) return;
    dialog.innerHTML = html;
    arrived("");
    if (!box()) return;
    box().focus();
    box().select();
  }

  async function text(place) {
    try {
      const answer = await fetch(place);
      if (answer.ok) return await answer.text();
      return failure(await answer.text());
    } catch {
      return failure("Deepometry does not answer. Is it still running?");
    }
  }

  function failure(words) {
    const line = document.createElement("p");
    line.className = "picker-error";
    line.setAttribute("role", "alert");
    line.textContent = words.slice(0, 300);
    return `<div id="picker-found" data-here="" data-choice="">${line.outerHTML}</div>`;
  }

  dialog.addEventListener("close", () => {
    asked++;
    clearTimeout(timer);
    dialog.replaceChildren();
    if (target) inputOf(target)?.focus();
    target = null;
  });

  // --- the list --------------------------------------------------------------------------------

  // Shows a path: `typed` is what stands in the box while it is being typed, blank otherwise.
  async function list(path, typed, again = false) {
    const mine = ++asked;
    clearTimeout(timer);
    if (!again) complain("");
    const values = { path, kind: target.kind };
    if (typed) values.typed = "1";
    const html = await text(url("/browse/list", values));
    if (mine !== asked || !dialog.open) return;
    const before = again ? active()?.dataset.path : "";
    const scrolled = again ? (at("#picker-list")?.scrollTop ?? 0) : 0;
    at("#picker-main").innerHTML = html;
    arrived(typed, before);
    if (again && at("#picker-list")) at("#picker-list").scrollTop = scrolled;
  }

  // Puts right what goes with a new list: the box, the choice, the next question.
  function arrived(typed, before = "") {
    const shown = found();
    if (!shown || !box()) return;
    const here = shown.dataset.here;
    if (!typed && here) box().value = withEnd(here);
    box().setAttribute("aria-expanded", String(options().length > 0));
    const keep = before && options().find((option) => option.dataset.path === before);
    mark(keep || null);
    showChoice();
    if ("pending" in shown.dataset) {
      timer = setTimeout(() => list(shown.dataset.asked, typed, true), 400);
    }
  }

  function withEnd(path) {
    const end = path.includes("\\") && !path.startsWith("/") ? "\\" : "/";
    return path.endsWith(end) ? path : path + end;
  }

  // What "Use" takes: what is marked in the list, else the folder or file that the box names.
  function choice() {
    const marked = active();
    if (marked) return closed(marked) ? "" : marked.dataset.path;
    const shown = found()?.dataset;
    return shown?.choice || (box()?.value === withEnd(shown?.here || "") ? shown.here : "");
  }

  const closed = (option) => option.getAttribute("aria-disabled") === "true";

  function showChoice() {
    const path = choice();
    at("[data-picker=use]").disabled = !path;
    say(path ? `Use ${path}` : "");
  }

  function mark(option) {
    for (const other of options()) other.setAttribute("aria-selected", String(other === option));
    if (option) {
      box().setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      box().removeAttribute("aria-activedescendant");
    }
  }

  function move(key) {
    const all = options();
    if (!all.length) return;
    const now = all.indexOf(active());
    const last = all.length - 1;
    const to = {
      ArrowDown: now < last ? now + 1 : 0,
      ArrowUp: now > 0 ? now - 1 : last,
      PageDown: Math.min(now + 10, last),
      PageUp: Math.max(now - 10, 0),
    }[key];
    mark(all[to]);
    showChoice();
  }

  function enter(option) {
    if (closed(option)) return complain("This one cannot be opened.");
    if (option.dataset.type === "folder") return list(option.dataset.path, "");
    mark(option);
    return showChoice();
  }

  function complete() {
    const only = options().length === 1 ? options()[0] : null;
    const option = active() || only;
    if (!option || closed(option) || !typing()) return false;
    if (option.dataset.type === "folder") list(option.dataset.path, "");
    else enter(option);
    return true;
  }

  // Whether the box holds more than the folder that is listed.
  function typing() {
    return box().value !== withEnd(found()?.dataset.here || "");
  }

  // --- choosing --------------------------------------------------------------------------------

  async function use(path) {
    const { form, name } = target;
    dialog.close();
    deepometry.setField(form, name, path);
    await post("/browse/chosen", { path }).catch(() => {}); // recent places are a convenience
  }

  // Enter in the box: what is marked, else what the box names, else the first that fits.
  async function accept() {
    if (active()) {
      const path = active().dataset.type === "file" ? choice() : "";
      return path ? use(path) : enter(active());
    }
    if (timer || typing()) await list(box().value, box().value); // the list may be behind the typing
    const path = choice();
    if (path) return use(path);
    if (options().length) return mark(options()[0]);
    return complain("No folder or file has this name.");
  }

  async function make() {
    const answer = await post("/browse/new", { path: found().dataset.here, name: at("#picker-name").value });
    if (answer.error) return complain(answer.error);
    at("#picker-new").hidden = true;
    at("#picker-name").value = "";
    at("[data-picker=new]").setAttribute("aria-expanded", "false");
    await list(answer.path, "");
    return box().focus();
  }

  function toggleNew(button) {
    const part = at("#picker-new");
    part.hidden = !part.hidden;
    button.setAttribute("aria-expanded", String(!part.hidden));
    if (!part.hidden) at("#picker-name").focus();
  }

  const actions = {
    close: () => dialog.close(),
    use: () => choice() && use(choice()),
    new: toggleNew,
    make,
  };

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) return dialog.close(); // the backdrop
    const button = event.target.closest("[data-picker], [data-go]");
    if (button?.dataset.picker) return actions[button.dataset.picker](button);
    if (button) return list(button.dataset.go, "").then(() => box()?.focus());
    const option = event.target.closest("[role=option]");
    return option && enter(option);
  });

  dialog.addEventListener("dblclick", (event) => {
    const option = event.target.closest("[role=option][data-type=file]");
    if (option && !closed(option)) use(option.dataset.path);
  });

  dialog.addEventListener("input", (event) => {
    if (event.target !== box()) return;
    clearTimeout(timer);
    asked++; // what is under way answers an older text
    const typed = box().value;
    timer = setTimeout(() => ((timer = 0), list(typed, typed)), 150);
  });

  dialog.addEventListener("keydown", (event) => {
    const inName = event.target.id === "picker-name";
    const inList = event.target === box() || event.target.id === "picker-list";
    if (inName && event.key === "Enter") return stop(event, make);
    if (event.altKey && event.key === "ArrowUp") return stop(event, () => at(".picker-up")?.click());
    if (!inList || event.altKey || event.ctrlKey || event.metaKey) return undefined;
    if (/^(Arrow(Up|Down)|Page(Up|Down))$/.test(event.key)) return stop(event, () => move(event.key));
    if (event.key === "Enter") return stop(event, accept);
    if (event.key === "Tab" && !event.shiftKey && complete()) event.preventDefault();
    return undefined;
  });

  function stop(event, then) {
    event.preventDefault();
    return then();
  }

  // --- the line under a path field -------------------------------------------------------------

  const waits = new WeakMap();

  function buttonOf(input) {
    const wanted = `${input.form?.id}:${input.name}`;
    return input.form && document.querySelector(`.pick[data-field="${CSS.escape(wanted)}"]`);
  }

  function lineOf(input) {
    const beside = input.closest(".row") || buttonOf(input);
    return window.deepometry.lineBelow(input, `path-${input.form.id}-${input.name}`, beside);
  }

  // What the form of an earlier step is going to write is not there yet, which is no mistake.
  const WRITERS = { parsed: ["parse", "Parse"], model: ["train", "Train"], features: ["extract", "Extract"], predictions: ["predict", "Predict"] };

  function promise(kind, path) {
    const [verb, button] = WRITERS[kind] || [];
    const output = verb ? deepometry.getField(`form-${verb}`, "output").trim() : "";
    const inside = output && path.startsWith(output) && /^([/\\]|$)/.test(path.slice(output.length));
    return inside ? `Not there yet; ${button} will create it.` : "";
  }

  async function check(input) {
    const { kind } = fieldOf(buttonOf(input));
    const path = input.value;
    const place = url("/browse/check", { path, kind, field: buttonOf(input).dataset.field });
    const found = await fetch(place).then((answer) => answer.json()).catch(() => null);
    if (!found || input.value !== path || !input.isConnected) return;
    const promised = found.state === "missing" && promise(kind, path);
    const line = lineOf(input);
    line.textContent = promised || found.text;
    line.dataset.state = promised ? "plain" : found.state;
    input.title = path;
    if (input !== document.activeElement) input.scrollLeft = input.scrollWidth; // the end tells most
    if (found.pending) later(input, 500);
  }

  function later(input, milliseconds) {
    clearTimeout(waits.get(input));
    waits.set(input, setTimeout(() => check(input), milliseconds));
  }

  document.addEventListener("input", (event) => {
    if (event.target.form && buttonOf(event.target)) later(event.target, 400);
  });

  document.addEventListener("change", (event) => {
    if (event.target.form && buttonOf(event.target)) later(event.target, 0);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".pick");
    if (button) open(button);
  });

  function checkAll(wanted = () => true) {
    for (const button of document.querySelectorAll(".pick[data-field]")) {
      const input = inputOf(fieldOf(button));
      if (input?.value && wanted(input)) later(input, 0);
    }
  }

  const unchecked = (input) => !document.getElementById(`path-${input.form.id}-${input.name}`);
  document.addEventListener("htmx:afterSettle", () => checkAll(unchecked));
  document.addEventListener("deepometry:job-ended", () => checkAll());
  checkAll();

  // browse/look.js asks the same server in the name of the same page
  window.deepometry = Object.assign(window.deepometry || {}, { page });
})();
