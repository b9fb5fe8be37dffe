// Filters above a list: <form data-finds="ID of the list">. With a script they act at once and in place, so
// that the focus, the caret and what is checked stay; the address follows, to be kept or sent.
"use strict";
(() => {
  const PAUSE_MS = 300;
  let shown = location.search;
  for (const form of document.querySelectorAll("form[data-finds]")) {
    const list = document.getElementById(form.dataset.finds);
    const clear = form.querySelector("[data-clear]");
    const plain = form.getAttribute("action");
    let waiting = 0;

    const wanted = () => {
      const query = new URLSearchParams(new FormData(form));
      for (const [name, value] of [...query]) {
        const field = form.elements[name];
        if (!value.trim() || value === (field.dataset && field.dataset.plain)) query.delete(name);
      }
      return query;
    };
    const apply = (keep) => {
      clearTimeout(waiting);
      const query = wanted();
      const address = query.size ? `${plain}?${query}` : plain;
      if (address === location.pathname + location.search) return;
      if (keep) history.pushState(null, "", address); else history.replaceState(null, "", address);
      shown = location.search;
      if (clear) clear.hidden = !query.size;
      for (const back of document.querySelectorAll('input[name="back"]')) back.value = query.toString();
      list.dataset.live = address;
      htmx.ajax("GET", address, { target: list, swap: "morph:innerHTML" });
    };
    const soon = (keep) => { clearTimeout(waiting); waiting = setTimeout(() => apply(keep), PAUSE_MS); };

    form.addEventListener("submit", (event) => { event.preventDefault(); apply(true); });
    form.addEventListener("input", (event) => soon(event.target.tagName === "SELECT"));
  }
  // Back and forward lead through what was chosen: the fields have to follow too.
  // A place within the page (the skip link) is no step of that kind.
  window.addEventListener("popstate", () => { if (location.search !== shown) location.reload(); });
})();
