// A public status page: times in the reader's zone, and a fresh look every minute, without a flicker.
"use strict";
(() => {
  const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  const steps = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  const distance = (at) => {
    const seconds = Math.round((at - Date.now()) / 1000);
    const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) || ["second", 1];
    return Math.abs(seconds) < 5 ? "just now" : relative.format(Math.trunc(seconds / size), unit);
  };
  // Whether it ends a span that began on its own day.
  const isSameDay = (time, at) => {
    const first = time.closest("[data-span]")?.querySelector("time");
    return Boolean(first) && first !== time && new Date(first.dateTime).toDateString() === at.toDateString();
  };
  const localise = () => {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const text = "ago" in time.dataset ? distance(at) : (isSameDay(time, at) ? clock : absolute).format(at);
      if (time.textContent !== text) time.textContent = text;
      if (!time.title) time.title = exact.format(at);
    }
    for (const zone of document.querySelectorAll("[data-zone]")) {
      zone.textContent = "Times are in " + Intl.DateTimeFormat().resolvedOptions().timeZone + ".";
    }
  };

  const live = document.getElementById("live");
  // What the server said of each part, before times were put into the reader's zone.
  const parts = (root) => new Map([...root.children].map((part, place) => [part.id || place, part.outerHTML]));
  let before = live ? parts(live) : new Map();
  let last = Date.now();

  const refresh = async () => {
    if (!live || document.hidden) return;
    last = Date.now();
    let answer;
    try {
      answer = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-cache" });
    } catch {
      return; // not connected: the next minute is another one
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const root = fresh.getElementById("live");
    if (!root) return;
    const after = parts(root);
    const old = new Map([...live.children].map((part, place) => [part.id || place, part]));
    const wanted = [...root.children].map((part, place) => {
      const key = part.id || place;
      return old.has(key) && after.get(key) === before.get(key) ? old.get(key) : part;
    });
    for (const one of live.querySelectorAll("details[open][data-of]")) {
      for (const newer of root.querySelectorAll("details[data-of]")) {
        if (newer.dataset.of === one.dataset.of) newer.open = true;
      }
    }
    // What is the same stays where it is, so that it keeps the focus and the reader's place.
    wanted.forEach((part, place) => {
      if (live.children[place] === part) return;
      if (live.children[place] && !wanted.includes(live.children[place])) live.children[place].replaceWith(part);
      else live.insertBefore(part, live.children[place] || null);
    });
    while (live.children.length > wanted.length) live.lastElementChild.remove();
    before = after;
    if (document.title !== fresh.title) document.title = fresh.title;
    const icon = document.querySelector("link[rel=icon]"), newer = fresh.querySelector("link[rel=icon]");
    if (icon && newer && icon.getAttribute("href") !== newer.getAttribute("href")) icon.href = newer.getAttribute("href");
    localise();
  };

  localise();
  if (live) {
    const every = Number(live.dataset.refresh) * 1000;
    setInterval(refresh, every);
    document.addEventListener("visibilitychange", () => { if (Date.now() - last >= every) refresh(); });
  }
  setInterval(localise, 15000);
})();
