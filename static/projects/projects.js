/* Names of runs and projects go with their folders: whichever is typed, the other one follows. */
"use strict";

(() => {
  const parts = (path) => path.match(/^(.*[\\/])([^\\/]*)$/) || ["", "", path];
  const safe = (name) => name.replace(/[<>:"/\\|?*]/g, "_").trim();

  // the address of the list says what it is filtered by, for bookmarks and a reload
  document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
    if (detail.elt.id === "filter") history.replaceState(null, "", detail.pathInfo.finalRequestPath);
  });

  document.addEventListener("input", ({ target }) => {
    const form = target.form;
    if (!form) return;
    const name = form.elements.namedItem("run_name");
    const output = form.elements.namedItem("output");
    if (name && output && target === name) output.value = parts(output.value)[1] + safe(name.value);
    else if (name && output && target === output) name.value = parts(output.value)[2];
    if (form.id !== "form-new") return;
    const folder = form.elements.namedItem("folder");
    if (target === folder) folder.dataset.touched = "yes";
    if (target.name === "name" && folder.dataset.touched !== "yes") {
      folder.value = parts(folder.value)[1] + safe(target.value);
    }
  });
})();
