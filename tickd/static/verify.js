// The page of a batch that goes on: its progress as it happens, and its results when it has ended.
"use strict";
(() => {
  const root = document.querySelector("[data-batch]");
  if (!root) return;
  const number = new Intl.NumberFormat("en");
  const put = (told) => {
    root.querySelector("progress").value = told.done;
    for (const one of root.querySelectorAll("[data-count]")) one.textContent = number.format(told[one.dataset.count]);
    // Of these the name servers proved nothing at first.
    const again = root.querySelector("#again");
    if (!again) return;
    again.hidden = told.tried <= told.done;
    again.querySelector("[data-again]").textContent = number.format(told.tried - told.done);
  };
  let source = null;
  const stop = () => { if (source) { source.close(); source = null; } };
  const listen = () => {
    if (source) return;
    source = new EventSource(root.dataset.batch + "/events");
    source.addEventListener("progress", (event) => put(JSON.parse(event.data)));
    source.addEventListener("done", (event) => {
      put(JSON.parse(event.data));
      stop();
      window.removeEventListener("pageshow", listen);
      htmx.ajax("GET", location.pathname + location.search, { source: root, target: root, swap: "morph:innerHTML" });
    });
    source.onerror = () => {
      // Refused, not cut off: the page itself says why.
      if (source && source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
    };
  };
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", listen);
  listen();
})();
