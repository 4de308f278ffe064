/* The forms: fields that are set for the user, what is missing, second clicks, drafts, notices. */
"use strict";

window.deepometry = (() => {
  const tips = window.deepometryTips;
  const folds = window.deepometryFold;
  const DRAFTS = `deepometry-drafts${document.body.dataset.project}`; // of this project only
  const RESTARTED = "deepometry-restarted"; // there once the server was restarted
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const OFFERED = "Enters the output of an earlier step.";
  const STALE =
    "Deepometry was restarted after this page was loaded. Your entries are kept: " +
    "please press the button again.";

  // --- fields -----------------------------------------------------------------------------

  function controls(formId, name) {
    const form = document.getElementById(formId);
    return form ? all("input, select", form).filter((each) => each.name === name) : [];
  }

  function put(formId, name, value) {
    const found = controls(formId, name);
    for (const each of found) {
      if (each.type === "radio") each.checked = each.value === String(value);
      else if (each.type === "checkbox") each.checked = value === true || value === "true";
      else each.value = value;
    }
    const control = found.find((each) => each.type !== "radio" || each.checked);
    for (const kind of control ? ["input", "change"] : []) {
      control.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    return control;
  }

  /** Set a field as if the user had entered the value, and tell everyone who listens. */
  function setField(formId, name, value) {
    const field = put(formId, name, value);
    if (field) field.dataset.touched = "yes";
    return field;
  }

  function getField(formId, name) {
    const found = controls(formId, name);
    const one = found.find((each) => each.type !== "radio" || each.checked);
    if (!one) return "";
    return one.type === "checkbox" ? one.checked : one.value;
  }

  /** The line below a field that says what its value means; made when there is something to say. */
  function lineBelow(input, id, beside) {
    const there = document.getElementById(id);
    if (there) return there;
    const line = document.createElement("p");
    line.id = id;
    line.className = "path-status";
    line.setAttribute("role", "status");
    beside.after(line);
    const described = input.getAttribute("aria-describedby") || "";
    input.setAttribute("aria-describedby", `${described} ${id}`.trim());
    return line;
  }

  function fill(values) {
    let last = null;
    for (const [verb, fields] of Object.entries(values)) {
      for (const [name, value] of Object.entries(fields)) {
        const field = setField(`form-${verb}`, name, value);
        last = field || last;
      }
      folds.open(verb);
      openMore(verb);
    }
    return last;
  }

  function openMore(verb) {
    const more = document.querySelector(`#form-${verb} details.more`);
    if (more && all("input, select", more).some(changed)) more.open = true;
  }

  function changed(field) {
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return ![...field.options][field.selectedIndex].defaultSelected;
    return field.value !== field.defaultValue;
  }

  /** Offer what a job wrote to the other forms; what the user typed stays, with a button beside. */
  function offer(offers, always) {
    for (const [verb, fields] of Object.entries(offers)) {
      for (const [name, value] of Object.entries(fields)) offerOne(verb, name, value, always);
      offerTogether(verb, fields);
      openMore(verb);
    }
  }

  function offerOne(verb, name, value, always) {
    const field = controls(`form-${verb}`, name)[0];
    if (!field || field.value === value) return;
    const typed = field.dataset.touched === "yes";
    // what stands under "Other locations" was entered by the project
    const entered = field.dataset.offered ?? (field.closest(".places") ? field.value : "");
    const ours = field.value === "" || field.value === entered;
    if (always || (ours && !typed)) {
      put(`form-${verb}`, name, value);
      field.dataset.offered = value;
      offerButton(field, verb, name, null);
    } else if (field.closest(".field").querySelector(".pick")) {
      offerButton(field, verb, name, { [name]: value });
    }
  }

  /** A model goes with its own target: one button enters both. */
  function offerTogether(verb, { model, target }) {
    if (!model || !target) return;
    const field = controls(`form-${verb}`, "model")[0];
    const same = field?.value === model && ["", target].includes(getField(`form-${verb}`, "target"));
    if (field && !same) offerButton(field, verb, "model", { model, target });
  }

  function offerButton(field, verb, name, values) {
    const place = field.closest(".field");
    place.querySelector(".offer")?.remove();
    if (values === null) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "offer";
    button.setAttribute("aria-description", OFFERED);
    button.dataset.fill = JSON.stringify({ [verb]: values });
    button.dataset.name = name;
    const path = document.createElement("span");
    path.textContent = values[name];
    button.append("Use ", path, values.target ? ` for ${values.target}` : "");
    place.append(button);
  }

  function takeOffer(button) {
    const values = JSON.parse(button.dataset.fill);
    button.remove();
    fill(values);
    for (const verb of Object.keys(values)) controls(`form-${verb}`, button.dataset.name)[0]?.focus();
  }

  // --- what is missing --------------------------------------------------------------------

  function label(field) {
    const text = document.querySelector(`label[for="${field.id}"]`);
    return text ? text.firstChild.textContent.trim() : field.name;
  }

  function tellMissing(form) {
    const button = form.querySelector(".go[data-ready]");
    if (!button) return;
    const blank = all("[aria-required=true]", form).filter((each) => !each.value.trim());
    const bubble = document.getElementById(button.dataset.tip);
    bubble.textContent = blank.length
      ? `Still missing: ${blank.map(label).join(", ")}.`
      : button.dataset.ready;
    form.classList.toggle("incomplete", blank.length > 0);
  }

  // --- clicks -----------------------------------------------------------------------------

  function arm(button) {
    const before = button.textContent;
    button.textContent = button.dataset.sure;
    button.classList.add("sure");
    const disarm = () => {
      button.textContent = before;
      button.classList.remove("sure");
    };
    setTimeout(disarm, 4000);
  }

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // without a secure address browsers give no clipboard: the text is selected instead
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }

  function onFill(button) {
    const last = fill(JSON.parse(button.dataset.fill));
    if (!last || button.dataset.stay) return;
    last.form.scrollIntoView({ block: "start" });
    last.form.querySelector(".go").focus();
    notice("The form is filled in with these options. Nothing has been started.");
  }

  // before htmx hears of it: a button that asks twice lets only the second click through
  document.addEventListener(
    "click",
    (event) => {
      const button = event.target.closest(".confirm");
      if (!button || button.classList.contains("sure")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      arm(button);
    },
    true
  );

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, a");
    if (button?.matches(".tip, .term")) return tips.toggle(button);
    if (!tips.isInside(event.target)) tips.hide();
    if (button?.classList.contains("offer")) takeOffer(button);
    else if (button?.classList.contains("fill")) onFill(button);
    else if (button?.classList.contains("copy")) copy(button);
    else if (button?.hash) openTarget(button.hash);
    return undefined;
  });

  function openTarget(hash) {
    const place = document.getElementById(hash.slice(1));
    if (place?.tagName === "DETAILS") place.open = true;
  }

  // --- notices, and answers that are none ---------------------------------------------------

  function notice(text, bad = false) {
    const place = document.getElementById("notice");
    place.textContent = text;
    place.classList.toggle("bad", bad);
  }

  /** Keep what stands in the forms; with `typed` only what the user entered or chose. */
  function keepDrafts(typed) {
    const drafts = {};
    for (const field of all(".form input, .form select")) {
      if (!field.name || field.type === "hidden" || field.form === null) continue;
      if (field.type === "radio" && !field.checked) continue;
      const value = field.type === "checkbox" ? field.checked : field.value;
      const touched = field.dataset.touched === "yes";
      if (!touched && (typed || !value)) continue; // not left blank by the user
      (drafts[field.form.id.replace("form-", "")] ??= {})[field.name] = value;
    }
    sessionStorage.setItem(DRAFTS, JSON.stringify(drafts));
  }

  function restoreDrafts() {
    if (!document.querySelector(".form")) return; // they wait for the page of the forms
    const drafts = sessionStorage.getItem(DRAFTS);
    sessionStorage.removeItem(DRAFTS);
    const stale = sessionStorage.getItem(RESTARTED);
    sessionStorage.removeItem(RESTARTED);
    if (drafts !== null) fill(withoutAgain(JSON.parse(drafts)));
    if (stale) notice(STALE);
  }

  /** What was typed before does not stand in for the options of a run that is to be made again. */
  function withoutAgain(drafts) {
    const again = document.querySelector("[data-again]");
    const [visit] = performance.getEntriesByType("navigation");
    if (again && visit?.type === "navigate") delete drafts[again.dataset.again];
    return drafts;
  }

  addEventListener("pagehide", () => {
    if (!document.querySelector(".form")) return;
    if (!sessionStorage.getItem(RESTARTED)) keepDrafts(true); // else all is kept already
  });
  document.addEventListener("htmx:beforeOnLoad", ({ detail }) => {
    if (detail.xhr.getResponseHeader("X-Deepometry-Stale")) {
      sessionStorage.setItem(RESTARTED, "yes");
      keepDrafts(false);
    }
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    // told of the list: the button may be gone by now, as the list is renewed for other reasons too
    const id = detail.requestConfig.elt.dataset.forget;
    if (id && detail.xhr.status === 200) removeJob(id);
  });

  /** A job that was taken off the list leaves its column too. */
  function removeJob(id) {
    document.getElementById(`job-${id}`)?.remove();
    const results = document.querySelector(`.results > [data-results="${id}"]`)?.parentElement;
    results?.replaceChildren();
    if (results) folds.open(results.id.replace("results-", ""));
  }

  // the answer to what a run asked holds for the next run, too
  document.addEventListener("deepometry:answered", ({ detail }) => {
    const { elt, ...values } = detail;
    fill(values);
  });

  // what is asked for again and again needs no retry, and a lost connection is told by the cards
  const repeats = (element) => element.matches?.("[hx-trigger^=every], [hx-trigger^=jobs-changed]");
  document.addEventListener("htmx:sendError", ({ detail }) => {
    if (repeats(detail.elt)) return;
    notice("Deepometry does not answer. Is it still running? Start it again and retry.", true);
  });
  document.addEventListener("htmx:responseError", (event) => {
    const text = event.detail.xhr.getResponseHeader("Content-Type")?.startsWith("text/plain")
      ? event.detail.xhr.responseText
      : `Deepometry could not answer (${event.detail.xhr.status}).`;
    notice(text, true);
  });

  document.addEventListener("input", (event) => {
    if (event.isTrusted) event.target.dataset.touched = event.target.dataset.late = "yes";
  });
  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.form) tellMissing(event.target.form);
    });
  }
  document.addEventListener("htmx:load", (event) => {
    const root = event.detail.elt;
    const forms = root.matches?.("form") ? [root] : all("form", root);
    forms.forEach(tellMissing);
    if (!root.matches?.("form[id]")) return; // such as those inside results
    fillLate(root);
    showAnswer(root);
  });

  // --- what is typed while a form is on its way stands in the one that takes its place, too ---

  const late = {}; // by the id of a form: values by name

  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target.matches(".form")) all("[data-late]", detail.target).forEach((each) => delete each.dataset.late);
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!detail.target.matches(".form")) return;
    late[detail.target.id] = all("[data-late][name]", detail.target).map(({ name }) => [name, getField(detail.target.id, name)]);
  });

  function fillLate(form) {
    for (const [name, value] of late[form.id] ?? []) setField(form.id, name, value);
    delete late[form.id];
  }

  /** After a form was sent: go to the first mistake, or to the job that began below the form. */
  function showAnswer(form) {
    tips.hide();
    const wrong = form.querySelector("[aria-invalid=true]");
    const job = document.querySelector(`#${form.id.replace("form-", "jobs-")} .job`);
    // it was sent with these values, which the page would not know again when it is reloaded
    if (wrong) for (const field of all("input, select", form)) field.dataset.touched = "yes";
    if (wrong) folds.open(form.id.replace("form-", ""));
    if (wrong) wrong.focus();
    else job?.scrollIntoView({ block: "nearest" });
  }

  // on a slow computer a field may be filled in before this script is there
  const early = all(".form input, .form select").filter((field) => field.name && field.type !== "hidden" && changed(field));
  const earlyValues = early.map(({ form, name }) => [form?.id, name, getField(form?.id, name)]);

  document.addEventListener("DOMContentLoaded", () => {
    restoreDrafts();
    for (const [form, name, value] of earlyValues) setField(form, name, value);
    openTarget(location.hash || "#");
  });

  return { setField, getField, lineBelow, offer, notice };
})();
