"use strict";

// Everything that came from the API reaches the page through textContent alone.
const KEY = { "X-API-Key": "dev" };
const DAY = { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
const byId = (id) => document.getElementById(id);
let chosen = location.hash.slice(1);
let problem = "";

async function call(path, method = "GET") {
  const answer = await fetch(path, { method, headers: KEY });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error || answer.statusText);
  return value;
}

function made(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function time(text) {
  if (!text) return "–";
  const when = new Date(text);
  const today = when.toDateString() === new Date().toDateString();
  return today ? when.toLocaleTimeString() : when.toLocaleString([], DAY);
}

function status(word, more = "") {
  const cell = made("td", "", "when");
  cell.append(made("span", word, `status ${word}`));
  if (more) cell.append(` ${more}`);
  return cell;
}

function duration(run) {
  if (run.finished_at === null) return "–";
  return run.duration_ms < 1000 ? `${run.duration_ms} ms` : `${(run.duration_ms / 1000).toFixed(1)} s`;
}

function button(text, className, label, act) {
  const element = made("button", text, className);
  element.type = "button";
  element.setAttribute("aria-label", label);
  element.addEventListener("click", act);
  return element;
}

function choose(job) {
  chosen = job.id;
  history.replaceState(null, "", `#${job.id}`);
  return refresh();
}

async function run(job) {
  try {
    await call(`/v1/jobs/${job.id}/trigger`, "POST");
    problem = "";
  } catch (error) {
    problem = error.message;
  }
  choose(job);
}

function jobRow(job) {
  const row = document.createElement("tr");
  const name = document.createElement("td");
  const pick = button(job.name, "name", `Show executions of ${job.name}`, () => choose(job));
  pick.setAttribute("aria-pressed", String(job.id === chosen));
  const plan = made("div", "", "plan");
  plan.append(made("code", job.schedule), job.timezone === "UTC" ? "" : ` ${job.timezone}`);
  name.append(pick, plan, made("div", job.next_run_at ? `next ${time(job.next_run_at)}` : "no next run", "plan narrow"));
  const last = job.last_run ? status(job.last_run.status, time(job.last_run.finished_at)) : made("td", "–");
  last.classList.add("wide");
  const act = made("td", "", "act");
  act.append(button("Run", "run", `Run ${job.name} now`, () => run(job)));
  row.append(name, status(job.status), made("td", time(job.next_run_at), "when wide"), last, act);
  return row;
}

function runRow(run) {
  const row = document.createElement("tr");
  const words = run.error || run.reason || run.output || run.response_body.slice(0, 120);
  row.append(made("td", time(run.scheduled_at), "when"), status(run.status, run.status_code ?? ""),
    made("td", duration(run), "number when wide"), made("td", run.trigger.replace("_", " "), "wide"),
    made("td", words, "words"));
  return row;
}

// Redraws only what changed, so that neither focus nor a selection is lost every second.
function show(id, items, draw) {
  const table = byId(id);
  const key = JSON.stringify([items, chosen]);
  byId(`${id}-some`).hidden = items.length === 0;
  byId(`${id}-empty`).hidden = items.length > 0;
  if (table.dataset.key === key) return;
  table.dataset.key = key;
  const focused = document.activeElement?.getAttribute("aria-label");
  table.tBodies[0].replaceChildren(...items.map(draw));
  if (focused) table.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh() {
  try {
    const { jobs, total } = await call("/v1/jobs?limit=500");
    if (!jobs.some((job) => job.id === chosen)) chosen = jobs[0]?.id ?? "";
    const shown = chosen;
    const runs = shown ? (await call(`/v1/jobs/${shown}/executions?limit=20`)).executions : [];
    if (shown !== chosen) return; // another job was chosen meanwhile; its own refresh is under way
    show("jobs", jobs, jobRow);
    show("runs", runs, runRow);
    const name = jobs.find((job) => job.id === chosen)?.name;
    byId("runs-title").textContent = name ? `Executions of ${name}` : "Executions";
    say(problem || `Live · ${total} ${total === 1 ? "job" : "jobs"}`, problem !== "");
  } catch (error) {
    say(`Not reached: ${error.message}`, true);
  }
}

function say(text, bad) {
  const live = byId("live");
  if (live.textContent !== text) live.textContent = text;
  live.className = bad ? "bad" : "";
}

refresh();
setInterval(refresh, 1000);
