"""Recipes: how a job pings its heartbeat, in the languages that jobs are written in."""

from __future__ import annotations

from string import Template

_CRONTAB = Template("""\
# When the job went well. A run that fails says nothing, and is missed when the grace is over.
$when /path/to/job && curl -fsS -m 10 --retry 5 -o /dev/null $url

# How it ended, whatever it was: a run that fails is known at once.
$when /path/to/job; curl -fsS -m 10 --retry 5 -o /dev/null $url/$$?""")

_EXEC = Template("""\
# Reports the start, the exit status and the output, and keeps what it can't deliver.
tickd exec $url -- /path/to/job""")

_BASH = Template("""\
#!/usr/bin/env bash
url=$url
rid="$$(date +%s)-$$$$"

curl -fsS -m 10 -o /dev/null "$$url/start?rid=$$rid" || true
/path/to/job
status=$$?
curl -fsS -m 10 --retry 5 -o /dev/null "$$url/$$status?rid=$$rid" || true
exit "$$status\"""")

_OUTPUT = Template("""\
# Its exit status, and the end of what it printed. `$$?` behind a pipe would be that of tail.
output=$$(mktemp)
/path/to/job > "$$output" 2>&1
status=$$?
tail -c 10000 "$$output" | curl -fsS -m 10 --retry 5 -o /dev/null --data-binary @- $url/$$status
rm -f "$$output\"""")

_SYSTEMD = Template("""\
# In the job's .service file, under [Service]. The ping is kept out of the unit, which every user may read:
# /etc/heartbeat.env has one line, PING_URL=$url
EnvironmentFile=/etc/heartbeat.env
ExecStartPre=-/usr/bin/curl -fsS -m 10 -o /dev/null $${PING_URL}/start?rid=$${INVOCATION_ID}
ExecStopPost=-/bin/sh -c 'case $$$$EXIT_CODE in exited) end=$$$$EXIT_STATUS ;; *) end=fail ;; esac; \
curl -fsS -m 10 --retry 5 -o /dev/null "$$$$PING_URL/$$$$end?rid=$$$$INVOCATION_ID"'""")

_ON_FAILURE = Template("""\
# /etc/systemd/system/heartbeat-failed@.service; a service names it by
# OnFailure=heartbeat-failed@%N.service in its [Unit].
[Unit]
Description=Say that %i has failed

[Service]
Type=oneshot
# One line: PING_URL=$url
EnvironmentFile=/etc/heartbeats/%i.env
ExecStart=/usr/bin/curl -fsS -m 10 --retry 5 -o /dev/null $${PING_URL}/fail""")

_PYTHON = Template("""\
import sys
import urllib.request

URL = $quoted


def ping(end="", text=""):
    try:
        urllib.request.urlopen(URL + end, data=text.encode(errors="replace"), timeout=10).close()
    except OSError as error:  # a report that is lost must not fail the run
        print(f"ping: {error}", file=sys.stderr)


def job():
    print("42 files saved")


ping("/start")
try:
    job()
except BaseException as error:
    ping("/fail", repr(error))
    raise
ping()""")

_NODE = Template("""\
const url = $quoted;

// Throws nothing: a report that is lost must not fail the run.
async function ping(end = "", body = "") {
  try {
    const signal = AbortSignal.timeout(10_000);
    const answer = await fetch(url + end, { method: "POST", body, signal });
    if (!answer.ok) console.error("ping: " + answer.status);
  } catch (error) {
    console.error("ping: " + error.message);
  }
}

async function job() {
  console.log("42 files saved");
}

async function main() {
  await ping("/start");
  try {
    await job();
  } catch (error) {
    await ping("/fail", String(error));
    throw error;
  }
  await ping();
}

main();""")

_POWERSHELL = Template("""\
$$ErrorActionPreference = 'Stop'
# Windows PowerShell would try nothing newer by itself.
[Net.ServicePointManager]::SecurityProtocol = 'Tls12'

# Throws nothing: a report that is lost must not fail the run.
function Send-Ping([string]$$End = '', [string]$$Text = '') {
    try {
        $$null = Invoke-RestMethod -Uri "$url$$End" -Method Post -Body $$Text -TimeoutSec 10 -UseBasicParsing
    } catch {
        Write-Warning "ping: $$_"
    }
}

Send-Ping '/start'
try {
    & C:\\Scripts\\job.exe
    if ($$LASTEXITCODE -ne 0) { throw "the job ended with $$LASTEXITCODE" }
} catch {
    Send-Ping '/fail' "$$_"
    throw
}
Send-Ping""")

_ALL = (
    ("crontab", _CRONTAB),
    ("tickd exec", _EXEC),
    ("Bash: start, exit status", _BASH),
    ("Bash: exit status, output", _OUTPUT),
    ("Python", _PYTHON),
    ("Node", _NODE),
    ("PowerShell", _POWERSHELL),
    ("systemd timer", _SYSTEMD),
    ("systemd: only failures", _ON_FAILURE),
)


def recipes(ping_url: str, schedule: str = "") -> list[tuple[str, str]]:
    """(title, code) of each; `schedule` is the cron expression of the crontab's line, if there is one."""
    given = {"url": ping_url, "quoted": f'"{ping_url}"', "when": schedule or "0 2 * * *"}
    return [(title, recipe.substitute(given)) for title, recipe in _ALL]
