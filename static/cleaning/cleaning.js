// The form Cleaning: histograms of its cells, on which limits are set; the field Limits has them.
"use strict";

(() => {
  const FORM = "form-gate";
  const WAIT = 200; // milliseconds of no change before cells are counted
  const page = window.deepometry;
  const place = () => document.getElementById("targets-gate");
  const of = (name) => place()?.querySelector(`[data-of=${name}]`);
  const text = () => page.getField(FORM, "limits");
  const feature = () => place().querySelector(".histogram-plot").dataset.feature;

  // --- the field: parts such as `Area Ch1 = 50..900`, between semicolons --------------------------

  const parts = () => text().split(";").map((part) => part.trim()).filter((part) => part && part.toLowerCase() !== "none");
  const nameOf = (part) => part.slice(0, part.lastIndexOf("=")).trim().toLowerCase();
  const isOf = (name) => (part) => nameOf(part) === name.toLowerCase();

  function read(name) {
    const part = parts().find(isOf(name)) ?? "";
    const ends = part.slice(part.lastIndexOf("=") + 1).split("..");
    if (ends.length !== 2) return [null, null];
    return ends.map((end) => (end.trim() && Number.isFinite(Number(end)) ? Number(end) : null));
  }

  /** Write the limits of a feature where they stood, or behind the others. */
  function write(name, [low, high]) {
    const all = parts();
    const at = all.findIndex(isOf(name));
    const some = low === null && high === null ? [] : [`${name} = ${low ?? ""}..${high ?? ""}`];
    all.splice(at < 0 ? all.length : at, at < 0 ? 0 : 1, ...some);
    if (all.join("; ") !== parts().join("; ")) page.setField(FORM, "limits", all.join("; "));
  }

  window.deepometryHistogram.register("limits", {
    ends: true,
    read: (plot) => read(plot.dataset.feature),
    write: (plot, values) => write(plot.dataset.feature, values),
    name: (slot) => (slot ? "At most" : "At least"),
  });

  // --- what the server says of them ---------------------------------------------------------------

  const asked = (more) => new URLSearchParams({ page: page.page, path: page.getField(FORM, "input"), limits: text(), ...more });
  const load = (element, name, more = {}) => page.load(element, `/cleaning/${name}?${asked(more)}`);

  const open = (more) => load(place(), "panel", more);
  let wait = 0;

  function count() {
    clearTimeout(wait);
    wait = setTimeout(() => of("counts") && load(of("counts"), "counts", { feature: feature() }), WAIT);
  }

  function show(name) {
    of("feature").value = name;
    return load(of("histogram"), "feature", { feature: name });
  }

  async function propose() {
    const answer = await fetch(`/cleaning/proposal.json?${asked({ channel: page.getField(FORM, "channel") })}`, { headers: { Accept: "application/json" } });
    const { limits, error } = await answer.json();
    if (error || !limits) return page.notice(error || "The data propose no limits.", Boolean(error));
    page.setField(FORM, "limits", limits);
    return show(limits.slice(0, limits.indexOf(" =")));
  }

  // --- listening ----------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(".histograms, [data-cleaning]");
    if (!button) return;
    if (button.matches(".histograms")) open();
    else if (button.dataset.cleaning === "propose") propose();
    else if (button.dataset.cleaning === "show") show(button.dataset.feature);
    else write(button.dataset.feature, [null, null]);
  });

  document.addEventListener("change", (event) => {
    if (event.target === of("feature")) show(event.target.value);
  });

  document.addEventListener("input", (event) => {
    if (event.target.name === "limits" && event.target.form?.id === FORM) count();
  });

  // A gate that was made or removed is among those of the cells, and all cells are measured now
  document.addEventListener("deepometry:job-ended", ({ detail }) => {
    if (detail.dataset.verb === "gate" && of("histogram")) open({ feature: feature() });
  });

  // Whoever comes here from the cells wants to see them
  document.addEventListener("DOMContentLoaded", () => {
    if (location.hash === "#step-gate" && page.getField(FORM, "input")) open();
  });
})();
