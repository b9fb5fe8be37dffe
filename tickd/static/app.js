// What every page of the dashboard does: times in the reader's zone, copying, menus, live updates.
// Without it every page still works; htmx and idiomorph do the fetching and the swapping.
"use strict";
(() => {
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const toTheSecond = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const dayOnly = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const steps = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  const distance = (at) => {
    const seconds = Math.round((at - Date.now()) / 1000);
    const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) || ["second", 1];
    if (Math.abs(seconds) < 5) return at > Date.now() ? "within seconds" : "just now";
    return relative.format(Math.trunc(seconds / size), unit);
  };
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const localise = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      if (!time.title) time.title = exact.format(at);
      if ("day" in time.dataset) put(time, dayOnly.format(at));
      else if ("ago" in time.dataset) put(time, distance(at));
      else put(time, ("exact" in time.dataset ? toTheSecond : absolute).format(at));
    }
    for (const zone of root.querySelectorAll("[data-zone]")) {
      put(zone, "times in " + Intl.DateTimeFormat().resolvedOptions().timeZone);
    }
    for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
    for (const element of root.querySelectorAll("[data-scripted]")) element.hidden = false;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      const text = button.dataset.copy || button.parentElement.querySelector("pre, input, code").innerText;
      try {
        await navigator.clipboard.writeText(text);
        const before = button.innerHTML;
        button.textContent = "Copied";
        setTimeout(() => { button.innerHTML = before; }, 1500);
      } catch { button.textContent = "Select it to copy"; }
    }
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const all = event.target.closest("[data-check-all]");
    if (all) {
      for (const box of document.querySelectorAll(`input[name="${all.dataset.checkAll}"]`)) box.checked = all.checked;
      document.dispatchEvent(new Event("tickd:checked"));
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details[data-menu][open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.querySelector("input[type=search]");
      if (search) { event.preventDefault(); search.focus(); }
    }
  });

  // A fragment that is fetched again when something has changed: <div data-live="PATH" data-on="state tick">.
  // The page keeps its focus, its checked boxes and its place, because the new one is morphed into it.
  // What the reader has opened stays open, and as it is; what is chosen stays chosen.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => !(old instanceof HTMLDetailsElement && old.open);
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name) => name !== "checked";
  let source = null;
  const refresh = (name) => {
    for (const element of document.querySelectorAll("[data-live]")) {
      const wanted = (element.dataset.on || "state").split(" ");
      if (wanted.includes(name) && !document.hidden) {
        // Each is its own source: those of one source wait for each other, and only the last waits on.
        htmx.ajax("GET", element.dataset.live, { source: element, target: element, swap: "morph:innerHTML" });
      }
    }
  };
  const listen = () => {
    if (source || document.hidden || !document.querySelector("[data-live]")) return;
    source = new EventSource("/events?since=" + encodeURIComponent(document.querySelector("meta[name=version]").content));
    for (const name of ["state", "tick"]) source.addEventListener(name, () => refresh(name));
    source.onopen = () => document.documentElement.removeAttribute("data-offline");
    source.onerror = () => document.documentElement.setAttribute("data-offline", "");
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && source) { source.close(); source = null; }
    if (!document.hidden) { listen(); refresh("state"); }
  });
  window.addEventListener("pagehide", () => { if (source) { source.close(); source = null; } });
  window.addEventListener("pageshow", listen);

  // The favicon and the title say the worst state: <div data-worst="bad" data-title="2 down">.
  const worst = (root) => {
    const told = root.querySelector("[data-worst]");
    if (!told) return;
    const icon = document.getElementById("favicon");
    const href = icon.dataset[told.dataset.worst] || icon.dataset.good;
    if (icon.getAttribute("href") !== href) icon.href = href;
    if (told.dataset.title) document.title = told.dataset.title;
  };

  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]").content;
  });
  document.addEventListener("htmx:afterSettle", (event) => { localise(document); worst(document); });
  document.addEventListener("submit", (event) => {
    // A form is sent once: a second press would make a second monitor.
    const button = event.submitter;
    if (button && event.target.getAttribute("method") === "post" && !button.formNoValidate) {
      setTimeout(() => { button.disabled = true; }, 0);
      setTimeout(() => { button.disabled = false; }, 5000);
    }
  });

  document.documentElement.classList.add("scripted");
  localise(document);
  worst(document);
  const wrong = document.getElementById("wrong");
  if (wrong) (document.querySelector("[aria-invalid]") || wrong).focus();
  setInterval(() => { if (!document.hidden) localise(document); }, 15000);
  listen();
})();
