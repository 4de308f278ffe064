// The thresholds on the histogram of a stain: the field has them.
"use strict";

(() => {
  const FORM = "form-stain";
  const text = () => window.deepometry.getField(FORM, "thresholds");

  window.deepometryHistogram.register("thresholds", {
    read: () => text().split(/[,;\s]+/).filter(Boolean).map(Number).filter(Number.isFinite),
    write: (_, values) => window.deepometry.setField(FORM, "thresholds", values.join(", ")),
    name: (slot) => `Threshold ${slot + 1}`,
  });
})();
