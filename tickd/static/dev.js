"use strict";

// Everything that came from the API reaches the page through textContent alone.
const KEY = { "X-API-Key": "dev" };
const byId = (id) => document.getElementById(id);
let chosen = null;

async function call(path, method = "GET") {
  const answer = await fetch(path, { method, headers: KEY });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error || answer.statusText);
  return value;
}

function cell(text, className = "") {
  const made = document.createElement("td");
  made.textContent = text;
  made.className = className;
  return made;
}

function time(text) {
  if (!text) return "–";
  const when = new Date(text);
  const today = when.toDateString() === new Date().toDateString();
  return today ? when.toLocaleTimeString() : when.toLocaleString();
}

function button(text, className, label, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.className = className;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

function jobRow(job) {
  const row = document.createElement("tr");
  row.setAttribute("aria-selected", String(job.id === chosen));
  const name = document.createElement("td");
  name.append(button(job.name, "name", `Show executions of ${job.name}`, () => { chosen = job.id; refresh(); }));
  const last = job.last_run ? `${job.last_run.status}, ${time(job.last_run.finished_at)}` : "–";
  const run = document.createElement("td");
  run.append(button("Run", "run", `Run ${job.name} now`, async () => {
    chosen = job.id;
    try {
      await call(`/v1/jobs/${job.id}/trigger`, "POST");
    } catch (error) {
      byId("live").textContent = error.message;
    }
    refresh();
  }));
  row.append(name, cell(job.schedule, "code"), cell(job.status, job.status), cell(time(job.next_run_at), "when"),
    cell(last, `when ${job.last_run ? job.last_run.status : ""}`), run);
  return row;
}

function runRow(run) {
  const row = document.createElement("tr");
  const words = run.error || run.reason || run.output || run.response_body.slice(0, 120);
  row.append(cell(time(run.scheduled_at), "when"), cell(run.status, run.status), cell(run.status_code ?? "–"),
    cell(`${run.duration_ms} ms`, "number"), cell(run.trigger.replace("_", " ")), cell(words, "words"));
  return row;
}

// Redraws only what changed, so that neither focus nor a selection is lost every second.
function show(id, items, draw) {
  const table = byId(id);
  const key = JSON.stringify([items, chosen]);
  table.hidden = items.length === 0;
  byId(`${id}-empty`).hidden = items.length > 0;
  if (table.dataset.key === key) return;
  table.dataset.key = key;
  const focused = document.activeElement?.getAttribute("aria-label");
  table.tBodies[0].replaceChildren(...items.map(draw));
  if (focused) table.querySelector(`[aria-label=${CSS.escape(focused)}]`)?.focus();
}

async function refresh() {
  try {
    const { jobs, total } = await call("/v1/jobs?limit=500");
    if (!jobs.some((job) => job.id === chosen)) chosen = jobs[0]?.id ?? null;
    show("jobs", jobs, jobRow);
    const runs = chosen ? (await call(`/v1/jobs/${chosen}/executions?limit=20`)).executions : [];
    show("runs", runs, runRow);
    const name = jobs.find((job) => job.id === chosen)?.name;
    byId("runs-title").textContent = name ? `Executions of ${name}` : "Executions";
    byId("live").textContent = `Live · ${total} ${total === 1 ? "job" : "jobs"}`;
  } catch (error) {
    byId("live").textContent = `Not reached: ${error.message}`;
  }
}

refresh();
setInterval(refresh, 1000);
