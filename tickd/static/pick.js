// What forms do besides: find in a list of boxes, and begin with the reader's own time zone.
"use strict";
(() => {
  for (const pick of document.querySelectorAll("[data-pick]")) {
    const search = pick.querySelector("input[type=search]");
    if (!search) continue;
    search.addEventListener("input", () => {
      const wanted = search.value.trim().toLowerCase();
      for (const label of pick.querySelectorAll("label.check")) {
        const box = label.querySelector("input");
        label.hidden = !box.checked && !label.textContent.toLowerCase().includes(wanted);
      }
    });
    // Enter in it would send the form.
    search.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  }
  for (const field of document.querySelectorAll("input[data-zone-field]")) {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (field.value === "UTC" && own) field.value = own;
  }
})();
