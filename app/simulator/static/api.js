// The simulator's control API, and its record as it grows.

const RETRY_SECONDS = [0.3, 1, 2, 4];

/** The answer's JSON; throws an Error with one readable line when it is not a success. */
export async function call(method, path, body) {
  const request = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(`/simulator/${path}`, request);
  } catch {
    throw new Error("The simulator does not answer.");
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(reason(answer) ?? `The simulator says ${response.status}.`);
  return answer;
}

function reason(answer) {
  const error = answer?.error;
  return typeof error === "string" ? error : error?.message;
}

/**
 * Follow the record for as long as the page lives, over lost connections and restarts.
 *
 * `last()` names the newest event known, `take(event)` gets each newer one, `restart()` is called
 * when the simulator's record no longer holds the newest event known, so that all must be read
 * anew, and `line(state)` tells "live" or "lost".
 */
export function follow({ last, take, restart, line }) {
  let failures = 0;

  function open() {
    const source = new EventSource(`/simulator/events?after=${last()?.seq ?? 0}`);
    source.onopen = () => {
      failures = 0;
      line("live");
    };
    source.onmessage = (message) => take(JSON.parse(message.data));
    source.onerror = () => {
      source.close();
      line("lost");
      again();
    };
  }

  function again() {
    const seconds = RETRY_SECONDS[Math.min(failures, RETRY_SECONDS.length - 1)];
    failures += 1;
    setTimeout(() => reopen().catch(again), seconds * 1000);
  }

  async function reopen() {
    const known = last();
    if (known) {
      const [same] = await call("GET", `record?after=${known.seq - 1}&limit=1`);
      if (same?.seq !== known.seq || same.at !== known.at) await restart();
    }
    open();
  }

  open();
}
