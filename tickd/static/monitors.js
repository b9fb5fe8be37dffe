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

  // What a try says of a field goes beside it, and goes away with the next try.
  const clear = () => {
    for (const said of form.querySelectorAll("p.error[data-tried]")) {
      const input = form.querySelector(`[aria-describedby~="${said.id}"]`);
      input?.removeAttribute("aria-invalid");
      input?.setAttribute("aria-describedby", input.getAttribute("aria-describedby").replace(said.id, "").trim());
      said.closest(".field").classList.remove("wrong");
      said.remove();
    }
  };
  const tell = (line) => {
    const name = line.dataset.error;
    const input = name && form.querySelector(`#field-${CSS.escape(name)}, [name="${CSS.escape(name)}"]`);
    const field = input ? input.closest(".field") : name && form.querySelector(`[data-field="${CSS.escape(name)}"]`);
    if (!field) return;
    let said = field.querySelector("p.error");
    if (!said) {
      said = document.createElement("p");
      said.className = "error";
      said.id = `error-${name}`;
      said.dataset.tried = "";
      field.append(said);
      field.classList.add("wrong");
    }
    said.textContent = line.textContent;
    if (input) {
      const by = (input.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== said.id);
      input.setAttribute("aria-describedby", [...by, said.id].join(" "));
      input.setAttribute("aria-invalid", "true");
    }
    const folded = field.closest("details");
    if (folded) folded.open = true;
    line.remove();
  };
  document.addEventListener("htmx:afterSettle", () => {
    const trial = form.querySelector("#trial");
    if (!trial || "told" in trial.dataset) return;
    trial.dataset.told = "";
    clear();
    const lines = [...trial.querySelectorAll("[data-error]")];
    lines.forEach(tell);
    // After htmx has scrolled to what it put there.
    if (lines.length) requestAnimationFrame(() => form.querySelector("[aria-invalid=true]")?.focus());
  });

  choose(chosen());
  form.querySelectorAll(".asserted").forEach(fit);
})();
