// What is in the folder of images (Preprocessing), and Retrieve (training and prediction).
"use strict";

(() => {
  const PARSE = "form-parse";
  const WAIT = 450; // milliseconds of no typing before the server is asked

  const field = (form, name) => document.querySelector(`#${form} [name="${name}"]`);
  const set = (form, name, value) => window.deepometry.setField(form, name, value);
  const url = (place, values) => `${place}?${new URLSearchParams({ page: window.deepometry.page, ...values })}`;
  const latest = new WeakMap(); // the last question for each place on the page

  // Loads a partial into an element; the answer to an older question is dropped.
  async function load(element, address) {
    const mine = Symbol(address);
    latest.set(element, mine);
    element.setAttribute("aria-busy", "true");
    let html = "";
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" } }); // errors come as a partial
      html = answer.ok ? await answer.text() : failed(await answer.text());
    } catch {
      html = failed("Deepometry does not answer. Is it still running?");
    }
    if (latest.get(element) !== mine) return;
    element.removeAttribute("aria-busy");
    element.innerHTML = html;
    window.htmx.process(element);
    settled(element);
  }

  function failed(words) {
    const line = document.createElement("p");
    line.className = "look-failed";
    line.setAttribute("role", "alert");
    line.textContent = words.slice(0, 300);
    return line.outerHTML;
  }

  // --- the look --------------------------------------------------------------------------------

  let shown = "";

  function look(fresh) {
    const place = document.getElementById("look");
    const input = field(PARSE, "input");
    if (!place || !input) return;
    const values = { path: input.value.trim(), ...reading() };
    const asked = JSON.stringify(values);
    if (asked === shown && !fresh && place.firstElementChild) return;
    shown = asked;
    if (fresh) values.fresh = "1";
    load(place, url("/look", values));
  }

  // A folder without images may hold some once a job has ended: that of the example cells does
  document.addEventListener("deepometry:job-ended", () => {
    if (document.querySelector("#look :is(.look-failed, .look-busy)")) look(true);
  });

  // The fields that decide how files are read
  const readBy = () => (document.getElementById("look")?.dataset.readBy ?? "").split(" ");

  function reading() {
    const pairs = readBy().map((name) => [name, window.deepometry.getField(PARSE, name)]);
    return Object.fromEntries(pairs.filter(([, value]) => value));
  }

  function settled(element) {
    showChannels();
    drawFrame();
    for (const group of element.querySelectorAll(".targets[data-form]")) showTarget(group, true);
    document.dispatchEvent(new Event("deepometry:settled"));
  }

  // --- channels --------------------------------------------------------------------------------

  const boxes = () => [...document.querySelectorAll("#look [data-channel]")];
  const defaultChannels = () => document.querySelector("#look section")?.dataset.kept ?? "";
  const numbers = (text) => text.replace(/[[\]()]/g, "").split(/[\s,;]+/).filter(Boolean);

  function chosen() {
    return numbers(field(PARSE, "channels")?.value || defaultChannels());
  }

  function showChannels() {
    const now = chosen();
    for (const box of boxes()) box.checked = now.includes(box.dataset.channel);
    const line = document.querySelector("#look [data-look=order]");
    if (line) line.textContent = `Channels used, in this order: ${now.join(", ")}`;
  }

  // Writes the Channels field in the order in which channels were ticked.
  function toggle(box) {
    const others = chosen().filter((number) => number !== box.dataset.channel);
    const now = box.checked ? [...others, box.dataset.channel] : others;
    if (now.length) return set(PARSE, "channels", now.join(","));
    box.checked = true;
    document.querySelector("#look [data-look=order]").textContent = "Select at least one channel.";
    return undefined;
  }

  // --- frame and gallery -----------------------------------------------------------------------

  let frameWait = 0;

  function drawFrame() {
    const image = document.querySelector("#look [data-look=gallery]");
    const frame = Number(field(PARSE, "frame")?.value);
    markFrame(frame);
    if (!image || !Number.isInteger(frame) || frame < 16 || frame > 1024) return;
    const wanted = new URL(image.dataset.url, location.href);
    wanted.searchParams.set("frame", String(frame));
    if (image.src === wanted.href) return;
    image.classList.add("look-drawing");
    image.src = wanted.href;
  }

  function markFrame(frame) {
    const button = document.querySelector("#look [data-use-frame]");
    if (!button) return;
    const { useFrame } = button.dataset;
    button.disabled = Number(useFrame) === frame;
    button.textContent = button.disabled ? `${useFrame} in use` : `Use ${useFrame}`;
  }

  let lookedAgain = 0;

  function ended(event) {
    if (!event.target.matches?.("[data-look=gallery]")) return;
    event.target.classList.remove("look-drawing");
    // the server was restarted, or the folder has changed: read it again
    if (event.type === "error" && Date.now() - lookedAgain > 15000) {
      lookedAgain = Date.now();
      look(true);
    }
  }
  document.addEventListener("load", ended, true);
  document.addEventListener("error", ended, true);

  function zoom(image) {
    const dialog = document.createElement("dialog");
    dialog.className = "zoom";
    dialog.setAttribute("aria-label", image.alt);
    dialog.innerHTML =
      '<div class="zoom-bar"><button type="button" data-zoom="-" aria-label="Zoom out">&minus;</button>' +
      '<output></output><button type="button" data-zoom="+" aria-label="Zoom in">+</button>' +
      '<button type="button" data-zoom="fit" aria-description="Shows the whole picture.">Fit</button>' +
      '<span class="zoom-keys">Keys: + and &minus; zoom, 0 shows all, Esc closes</span><button type="button" data-zoom="close" aria-description="Goes back to the page.">Close</button></div>' +
      '<div class="zoom-view" tabindex="0" role="group"><img></div>';
    const [view, large] = [dialog.querySelector(".zoom-view"), dialog.querySelector("img")];
    view.setAttribute("aria-label", "Picture; scroll to see all of it");
    dialog.querySelector("[data-zoom='-']").setAttribute("aria-label", "Smaller");
    dialog.querySelector("[data-zoom='+']").setAttribute("aria-label", "Larger");
    large.src = image.src;
    large.alt = image.alt;
    document.body.append(dialog);
    dialog.showModal();
    const fit = () => Math.min(view.clientWidth / large.naturalWidth, view.clientHeight / large.naturalHeight);
    let size = 1;
    const show = (next) => {
      size = Math.min(8, Math.max(0.1, next));
      large.classList.toggle("zoom-crisp", size > 1);
      large.style.width = `${Math.round(large.naturalWidth * size)}px`;
      dialog.querySelector("output").textContent = `${Math.round(100 * size)} %`;
    };
    const act = { "-": () => show(size / 1.4), "+": () => show(size * 1.4), fit: () => show(fit()), close: () => dialog.close() };
    // as drawn if it nearly fits: text that is scaled a little is hard to read
    large.addEventListener("load", () => show(fit() > 0.6 ? 1 : fit()), { once: true });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
      act[event.target.dataset?.zoom]?.();
    });
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "-") act[event.key]();
      if (event.key === "0") act.fit();
    });
    dialog.addEventListener("close", () => dialog.remove());
  }

  // --- Retrieve --------------------------------------------------------------------------------

  function retrieve(form) {
    const verb = form.replace("form-", "");
    const place = document.getElementById(`targets-${verb}`);
    if (!place) return;
    const values = { form: verb, path: field(form, "input")?.value ?? "" };
    if (verb === "predict") values.model = field(form, "model")?.value ?? "";
    load(place, url("/retrieve", values));
  }

  function histogram() {
    const values = { path: field("form-stain", "input")?.value ?? "", channel: field("form-stain", "channel")?.value ?? "" };
    load(document.getElementById("targets-stain"), url("/stain", values));
  }

  function scalings() {
    const form = "form-train";
    const names = ["input", "target", "channels"];
    const values = Object.fromEntries(names.map((name) => [name, field(form, name)?.value ?? ""]));
    load(document.getElementById("scalings-train"), url("/scalings", values));
  }

  // Ticks the choice that the field names; `fill` writes the suggested one into an empty field.
  function showTarget(group, fill) {
    const input = field(group.dataset.form, "target");
    if (!input) return;
    if (fill && !input.value.trim() && group.dataset.suggested) {
      set(group.dataset.form, "target", group.dataset.suggested);
    }
    const now = input.value.trim().toLowerCase();
    for (const choice of group.querySelectorAll("[type=radio]")) {
      choice.checked = choice.value.toLowerCase() === now;
    }
  }

  // --- listening -------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-look], [data-use-frame], .retrieve, .histogram, .scalings");
    if (!button) return;
    if (button.matches(".histogram")) histogram();
    else if (button.matches(".scalings")) scalings();
    else if (button.matches(".retrieve")) retrieve(button.dataset.form || button.form?.id);
    else if (button.dataset.useFrame) set(PARSE, "frame", button.dataset.useFrame);
    else if (button.dataset.look === "again") look(true);
    else if (button.dataset.look === "zoom") zoom(button.querySelector("img"));
    else if (button.dataset.look === "gallery") zoom(button);
  });

  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches?.("#look [data-channel]")) toggle(target);
    if (target.matches?.(".targets [type=radio]")) {
      set(target.closest(".targets").dataset.form, "target", target.value);
    }
  });

  // What was retrieved holds for the places that it was retrieved from only.
  function forget(form) {
    const place = document.getElementById(form.replace("form-", "targets-"));
    if (!place) return;
    latest.delete(place);
    place.replaceChildren();
  }

  function edited(event) {
    const { name, form } = event.target;
    const id = form?.id;
    const isPlace = name === "input" || name === "model" || name === "channel";
    if (isPlace && event.type === "change" && /^form-(train|predict|stain|gate)$/.test(id)) forget(id);
    if (id === PARSE && name === "input") {
      // not while it is being typed: half a path is no mistake
      if (event.type === "change" || event.inputType === "insertFromPaste") look(false);
    }
    if (id === PARSE && event.type === "change" && readBy().includes(name)) look(false);
    if (id === PARSE && name === "channels") showChannels();
    if (id === PARSE && name === "frame") {
      clearTimeout(frameWait);
      frameWait = setTimeout(drawFrame, WAIT);
    }
    if (name === "target") document.querySelectorAll(`.targets[data-form="${id}"]`).forEach((group) => showTarget(group, false));
  }
  document.addEventListener("input", edited);
  document.addEventListener("change", edited);

  // What the polling partials bring in is put right like what `load` brings in
  document.addEventListener("htmx:afterSettle", (event) => {
    const place = event.target.closest?.("#look, [id^=targets-]");
    if (place) settled(place);
    else look(false);
  });

  if (field(PARSE, "input")?.value) look(false);
  window.deepometry.load = load;
})();
