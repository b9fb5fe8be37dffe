// Charts of response times and durations: <figure class="chart" data-chart="PATH" data-range="24h">.
// PATH?range=24h gives JSON: times and marks in seconds since the epoch, lines in milliseconds, null for a gap:
// {range, unit, since?, until?, times, p50, p95, failed, bands: [{from, to, kind}], summary?: {p50, p95, failures}}.
"use strict";
(() => {
  const LENGTHS = { "24h": 86400, "7d": 7 * 86400, "30d": 30 * 86400, "90d": 90 * 86400 };
  const WORDS = { "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days" };
  const HEIGHT = 240;
  const AGAIN = 60000;
  const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const dayOf = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const span = (ms) => {
    if (ms === null || ms === undefined) return "–";
    if (ms < 9.95) return `${ms.toFixed(1)} ms`;
    if (ms < 10000) return `${Math.round(ms).toLocaleString("en")} ms`;
    if (ms < 120000) return `${(ms / 1000).toFixed(1)} s`;
    return `${(ms / 60000).toFixed(1)} min`;
  };
  // As the numbers of the page are written, which are the same ones: whole, a half to the even one.
  const whole = (ms) => {
    if (ms === null || ms === undefined || ms >= 9999.5) return span(ms);
    const up = Math.round(ms);
    return `${(up - ms === 0.5 && up % 2 ? up - 1 : up).toLocaleString("en")} ms`;
  };
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const faint = (hex, alpha) => (/^#[0-9a-f]{6}$/i.test(hex) ? hex + alpha : hex);
  const within = (sorted, share) => sorted[Math.ceil(share * sorted.length) - 1];
  const make = (tag, kind, text) => {
    const element = document.createElement(tag);
    element.className = kind;
    if (text) element.textContent = text;
    return element;
  };

  // A few responses far slower than the rest are cut off, or the rest would be a flat line.
  const top = (data) => {
    const known = [...data.p95, ...data.p50].filter((ms) => ms !== null).sort((a, b) => a - b);
    return known.length ? Math.max(1, Math.min(known.at(-1), 2 * within(known, 0.98))) * 1.08 : 100;
  };
  const summary = (data) => {
    const known = data.p50.filter((ms) => ms !== null).sort((a, b) => a - b);
    const slow = data.p95.filter((ms) => ms !== null).sort((a, b) => a - b);
    const told = data.summary || {
      p50: known.length ? within(known, 0.5) : null,
      p95: slow.length ? within(slow, 0.95) : null,
      failures: data.failed.length,
    };
    const count = told.failures;
    const failures = `${count ? count.toLocaleString("en") : "no"} ${count === 1 ? "failure" : "failures"}`;
    return told.p50 === null ? failures : `median ${whole(told.p50)}, p95 ${whole(told.p95)}, ${failures}`;
  };

  const hatch = (context, line) => {
    const size = 8 * devicePixelRatio;
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const pen = tile.getContext("2d");
    pen.strokeStyle = line;
    pen.lineWidth = 1.5 * devicePixelRatio;
    pen.beginPath();
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift, size);
      pen.lineTo(shift + size, 0);
    }
    pen.stroke();
    return context.createPattern(tile, "repeat");
  };
  const drawBands = (data) => (plot) => {
    const { ctx, bbox } = plot;
    const blind = hatch(ctx, colour("--unknown-fill"));
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    for (const band of data.bands) {
      const from = plot.valToPos(band.from, "x", true);
      const width = Math.max(plot.valToPos(band.to, "x", true) - from, 2 * devicePixelRatio);
      ctx.fillStyle = band.kind === "blind" ? blind : faint(colour("--maint-fill"), "40");
      ctx.fillRect(from, bbox.top, width, bbox.height);
    }
    ctx.restore();
  };
  const drawFailures = (data) => (plot) => {
    const { ctx, bbox } = plot;
    const wide = 2 * devicePixelRatio;
    const high = 10 * devicePixelRatio;
    ctx.save();
    ctx.fillStyle = colour("--plot-bad");
    for (const at of data.failed) {
      const x = plot.valToPos(at, "x", true);
      if (x >= bbox.left - wide && x <= bbox.left + bbox.width + wide) {
        ctx.fillRect(x - wide / 2, bbox.top + bbox.height - high, wide, high);
      }
    }
    ctx.restore();
  };
  const ticks = (range) => (_plot, values) => {
    const starts = values.map((at) => new Date(at * 1000));
    return starts.map((at) => {
      const isMidnight = at.getHours() === 0 && at.getMinutes() === 0;
      if (isMidnight) return dayOf.format(at);
      return range === "24h" ? clock.format(at) : "";
    });
  };

  // Without a point under the cursor the legend shows the latest one.
  const rest = (plot) => {
    if (plot.cursor.idx !== null && plot.cursor.idx !== undefined && plot.cursor.left >= 0) return;
    const last = plot.data[1].findLastIndex((ms) => ms !== null);
    if (last >= 0) plot.setLegend({ idx: last }, false);
  };

  const options = (data, range, width) => {
    const first = colour("--plot-1");
    const second = colour("--plot-2");
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--plot-grid"), width: 1 }, ticks: { show: false } };
    const until = data.until || Math.floor(Date.now() / 1000);
    const since = data.since || until - LENGTHS[range];
    const font = "12px system-ui, sans-serif";
    const line = { width: 1.5, spanGaps: false, points: { size: 4 }, value: (_plot, ms) => span(ms) };
    return {
      width,
      height: HEIGHT,
      padding: [10, 26, 0, 0],
      scales: { x: { range: [since, until] }, y: { range: [0, top(data)] } },
      axes: [
        { ...axis, font, space: 70, values: ticks(range), grid: { show: false } },
        { ...axis, font, size: 64, values: (_plot, values) => values.map((ms) => (ms ? span(ms) : "0")) },
      ],
      series: [
        { label: "At", value: (_plot, at) => (at === null || at === undefined ? "–" : moment.format(at * 1000)) },
        { ...line, label: "Median", stroke: first, width: 2 },
        { ...line, label: "p95", stroke: second, fill: faint(second, "1f") },
      ],
      cursor: { drag: { x: false, y: false }, points: { size: 7 } },
      legend: { live: true },
      hooks: { drawClear: [drawBands(data)], draw: [drawFailures(data)], ready: [rest], setCursor: [rest] },
    };
  };

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.place = figure.querySelector(".plot");
      this.label = figure.getAttribute("aria-label") || "";
      this.ranges = [...figure.querySelectorAll("button[data-range]")];
      const wanted = new URLSearchParams(location.search).get("range");
      const known = this.ranges.some((button) => button.dataset.range === wanted);
      this.range = known ? wanted : figure.dataset.range;
      this.press();
      this.keys = make("p", "legend keys", "");
      this.told = make("p", "hint", "");
      this.place.after(this.told, this.keys);
      for (const button of this.ranges) {
        button.addEventListener("click", () => this.choose(button.dataset.range));
      }
      new ResizeObserver(() => this.resize()).observe(this.place);
      dark.addEventListener("change", () => this.draw());
      setInterval(() => { if (!document.hidden && this.range === "24h") this.load(); }, AGAIN);
      this.load();
    }

    choose(range) {
      this.range = range;
      // Kept in the address, so that a reload shows the same.
      const here = new URL(location.href);
      here.searchParams.set("range", range);
      history.replaceState(history.state, "", here);
      this.press();
      this.load();
    }

    press() {
      for (const button of this.ranges) {
        button.setAttribute("aria-pressed", String(button.dataset.range === this.range));
      }
    }

    async load() {
      const source = new URL(this.figure.dataset.chart, location.href);
      if (source.origin !== location.origin) return;
      source.searchParams.set("range", this.range);
      if (this.asking) this.asking.abort();
      const asking = (this.asking = new AbortController());
      this.figure.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(source, { signal: asking.signal, headers: { Accept: "application/json" } });
        if (!answer.ok || !(answer.headers.get("Content-Type") || "").includes("json")) throw new Error("no data");
        this.data = await answer.json();
        this.draw();
      } catch (error) {
        // Asked for something else meanwhile; or what is drawn already stays.
        if (error.name !== "AbortError" && !this.data) this.say("The chart could not be loaded. Reload the page to try again.");
      }
      if (this.asking === asking) this.figure.removeAttribute("aria-busy");
    }

    say(text) {
      if (this.plot) this.plot.destroy();
      this.plot = null;
      this.place.replaceChildren(make("p", "nothing", text));
      this.told.textContent = "";
      this.keys.replaceChildren();
      this.place.setAttribute("aria-label", `${this.label}: ${text}`);
    }

    draw() {
      const { data } = this;
      if (!data) return;
      if (!data.failed.length && !data.p50.some((ms) => ms !== null)) {
        this.say("No data in this range");
        return;
      }
      if (this.plot) this.plot.destroy();
      this.place.replaceChildren();
      const lines = [data.times, data.p50, data.p95];
      this.plot = new uPlot(options(data, this.range, this.place.clientWidth), lines, this.place);
      const words = summary(data);
      this.told.textContent = `${WORDS[this.range] || this.range}: ${words}`.replace(/^./, (letter) => letter.toUpperCase());
      this.place.setAttribute("aria-label", `${this.label}, ${WORDS[this.range] || this.range}: ${words}`);
      const kinds = new Set(data.bands.map((band) => band.kind));
      this.keys.replaceChildren(
        ...(data.failed.length ? [make("span", "key down", "failed")] : []),
        ...(kinds.has("blind") ? [make("span", "key unknown", "tickd was blind")] : []),
        ...(kinds.has("maintenance") ? [make("span", "key maintenance", "maintenance")] : []),
      );
    }

    resize() {
      if (this.plot && this.place.clientWidth && this.place.clientWidth !== this.plot.width) {
        this.plot.setSize({ width: this.place.clientWidth, height: HEIGHT });
      }
    }
  }

  for (const figure of document.querySelectorAll("figure[data-chart]")) new Chart(figure);
})();
