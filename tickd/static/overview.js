// The overview: a count of what is checked, and checks that outlive a refresh.
"use strict";
(() => {
  const boxes = () => [...document.querySelectorAll('input[name="item"]')];
  const bulk = document.getElementById("bulk");
  const told = document.getElementById("checked");
  let last = null;

  const count = () => {
    if (!bulk) return;
    const all = boxes();
    const chosen = all.filter((box) => box.checked);
    const every = bulk.querySelector("[data-check-all]");
    every.checked = all.length > 0 && chosen.length === all.length;
    every.indeterminate = chosen.length > 0 && chosen.length < all.length;
    every.setAttribute("aria-label", "Choose all on this page");
    const words = chosen.length ? `${chosen.length} chosen:` : "Choose all";
    if (told.textContent !== words) told.textContent = words;
    bulk.classList.toggle("idle", !chosen.length);
    for (const control of bulk.querySelectorAll("button, #bulk-tag")) control.disabled = !chosen.length;
    for (const box of all) box.closest("tr").classList.toggle("selected", box.checked);
  };

  // What the reader has checked is theirs: a fresh list must not take it back.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) =>
    !(element instanceof HTMLInputElement && element.name === "item" && name === "checked") &&
    !(element instanceof HTMLTableRowElement && name === "class");

  document.addEventListener("click", (event) => {
    const box = event.target.closest('input[name="item"]');
    if (!box) return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      for (const one of all.slice(from, to + 1)) one.checked = box.checked;
    }
    last = box;
    count();
  });
  document.addEventListener("tickd:checked", count);
  document.addEventListener("htmx:afterSettle", () => {
    // The first item has come while the first steps were shown: the filters come with the whole page.
    if (!document.querySelector('form[role="search"]') && document.querySelector("table.overview")) location.reload();
    count();
  });

  count();
})();
