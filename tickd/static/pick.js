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
  // What the server said of a field is of the value before this one.
  document.addEventListener("input", (event) => {
    const field = event.target;
    const said = field.id.startsWith("field-") && document.getElementById(field.id.replace("field-", "error-"));
    if (!said) return;
    said.remove();
    field.removeAttribute("aria-invalid");
    field.closest(".field")?.classList.remove("wrong");
  });
  // Whoever chooses a colour wants one.
  for (const colour of document.querySelectorAll("input[type=color][data-unless]")) {
    colour.addEventListener("input", () => { colour.form.elements[colour.dataset.unless].checked = false; });
  }
  for (const field of document.querySelectorAll("input[data-zone-field]")) {
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (field.value === "UTC" && own) field.value = own;
  }
})();
