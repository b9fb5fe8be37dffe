// Reports a run to tickd. Needs Node 18 or newer, and PING_URL.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

// Throws nothing: a report that is lost must not fail the run.
async function ping(url, text = "", tries = 3) {
  for (let attempt = 0; attempt < tries; attempt++) {
    if (attempt > 0) await sleep(1000 * 2 ** (attempt - 1));
    try {
      const signal = AbortSignal.timeout(10_000);
      const answer = await fetch(url, { method: "POST", body: text, signal });
      if (answer.ok) return;
      console.error(`ping: ${answer.status} ${await answer.text()}`);
      if ([400, 403, 404, 413].includes(answer.status)) return;
    } catch (error) {
      console.error(`ping: ${error.message}`);
    }
  }
}

async function reported(url, run) {
  const rid = randomUUID();
  await ping(`${url}/start?rid=${rid}`, "", 1);
  try {
    await run();
  } catch (error) {
    await ping(`${url}/fail?rid=${rid}`, String(error?.stack ?? error).slice(0, 10_000));
    throw error;
  }
  await ping(`${url}?rid=${rid}`);
}

await reported(process.env.PING_URL, async () => {
  console.log("42 files saved");
});
