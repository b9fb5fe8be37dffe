// The form of a monitor: only what matters to the chosen type is shown, and lists get more rows.
// Without it everything is shown, and a list grows by a row each time it is saved.
"use strict";
(() => {
  const form = document.querySelector(".monitor-form");
  if (!form) return;

  const choose = (kind) => {
    for (const part of form.querySelectorAll("[data-types]")) {
      const concerns = part.dataset.types.split(" ").includes(kind);
      part.hidden = !concerns;
      // What is not shown is not sent.
      for (const fields of part.querySelectorAll(":scope > fieldset")) fields.disabled = !concerns;
    }
    for (const place of form.querySelectorAll("template[data-place]")) {
      if (!place.dataset.place.split(" ").includes(kind)) continue;
      form.querySelector("#place-label").textContent = place.content.textContent;
      form.querySelector("#field-url").placeholder = place.dataset.example;
    }
  };
  const chosen = () => form.querySelector("input[name=type]:checked")?.value || "http";

  // A status code has no path, and what must exist has no value.
  const fit = (row) => {
    const source = row.querySelector("[name=assertion_source]");
    if (!source) return;
    row.querySelector(".subject").classList.toggle("unused", !["header", "json"].includes(source.value));
    const comparison = row.querySelector("[name=assertion_comparison]").value;
    row.querySelector(".target").classList.toggle("unused", ["exists", "not_exists"].includes(comparison));
  };

  form.addEventListener("change", (event) => {
    if (event.target.name === "type") choose(event.target.value);
    const row = event.target.closest(".asserted");
    if (row) fit(row);
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add-row]");
    if (!button) return;
    const rows = button.parentElement.querySelectorAll(".asserted");
    const row = rows[rows.length - 1].cloneNode(true);
    for (const input of row.querySelectorAll("input")) input.value = "";
    for (const select of row.querySelectorAll("select")) select.selectedIndex = 0;
    row.setAttribute("aria-label", row.getAttribute("aria-label").replace(/\d+$/, String(rows.length + 1)));
    button.before(row);
    fit(row);
    row.querySelector("select").focus();
  });

  choose(chosen());
  form.querySelectorAll(".asserted").forEach(fit);
})();
