// Numbers and states as an operator reads them.

export const STATES = {
  given_up: "Given up",
  stranded: "Nobody reads it",
  held: "Held back",
  queued: "Waits",
  answering: "Being answered",
  paused: "Paused",
  quiet: "Quiet",
};

const REASONS = {
  asked: "the person asked for a human",
  model: "the model handed over",
  colleague: "a colleague answers",
  operator: "an operator's wish",
  stop: "the person wrote STOP",
};

const SCOPES = { pair: "this person", number: "the number", account: "the account", app: "the app", token: "the token" };

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** A length of time in its two largest units: "3 d 4 h", "12 min", "8 s". */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const at = UNITS.findIndex(([size]) => whole >= size);
  if (at < 0) return "0\u00a0s";
  const [size, unit] = UNITS[at];
  const first = `${Math.floor(whole / size)}\u00a0${unit}`;
  const [nextSize, nextUnit] = UNITS[at + 1] ?? [];
  const rest = nextSize ? Math.floor((whole % size) / nextSize) : 0;
  return rest && at < 2 ? `${first} ${rest}\u00a0${nextUnit}` : first;
}

/** Seconds after a beginning: "+0.42 s"; whole ones where the clock has no finer hands. */
export function after(seconds, isWhole) {
  const size = Math.abs(seconds);
  const text = size >= 120 ? span(size) : `${size.toFixed(isWhole ? 0 : size < 10 ? 2 : 1)}\u00a0s`;
  if (parseFloat(text) === 0) return "0\u00a0s";
  return `${seconds < 0 ? "−" : "+"}${text}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });

export const clock = (at) => CLOCK.format(at * 1000);

/** A day's time, with the day where it is not today's. */
export function moment(at, now) {
  const time = MINUTE.format(at * 1000);
  const day = DAY.format(at * 1000);
  return day === DAY.format(now * 1000) ? time : `${day}, ${time}`;
}

export const short = (key) => `${key.slice(0, 8)}…${key.slice(-4)}`;

export const plural = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** Why it stands as it does, in one line; "" where the state says it all. */
export function why(one, now) {
  if (one.state === "paused") {
    const reason = one.is_number_paused ? "the whole number is paused" : (REASONS[one.paused_for] ?? one.paused_for);
    return `${reason}, ${one.paused_until ? `until ${moment(one.paused_until, now)}` : "without an end"}`;
  }
  if (one.state === "held") {
    const code = one.held_code ? ` (${one.held_code})` : "";
    if (one.held_until) return `for ${SCOPES[one.held_for] ?? one.held_for}${code}, until ${moment(one.held_until, now)}`;
    return `next try ${one.next_try_at > now ? `in ${span(one.next_try_at - now)}` : "now"}`;
  }
  if (one.state === "given_up") return `all tries failed ${span(now - one.given_up_at)} ago`;
  if (one.state === "stranded") return "the sweeper queues it within seconds";
  return "";
}
