// One turn's way, from the person's words to each bubble's last status.

import { make, shape } from "./dom.js";
import { after, clock, plural } from "./words.js";

const ENDINGS = {
  answered: "Answered",
  expired: "Too old to answer",
  cannot_read: "Could not be read",
  no_answer: "Apologised: no answer",
  broke_off: "Broke off",
  refused: "Refused",
  uncertain: "Ended uncertain",
  interrupted: "Interrupted",
  paused: "Ended by a pause",
  handed_over: "A human was called for",
  limited: "Past the person's limits",
  stopped: "STOP heard",
  started: "START heard",
  erased: "Erased",
};
const FAILURES = { unsent: "not sent", uncertain: "no answer", failed: "failed" };
const WIDTH = 600;

export function ending(turn) {
  if (turn.ending) return ENDINGS[turn.ending] ?? turn.ending;
  return turn.given_up_at ? "Given up" : "Not ended";
}

/** The beginning that all times are counted from: when we knew of it. */
const beginning = (turn) => turn.queued_at ?? turn.started_at ?? turn.said_at ?? 0;

export function drawTurn(turn) {
  const node = make("section", "turn");
  node.dataset.testid = "turn";
  node.dataset.turn = turn.turn_id;
  const facts = [
    turn.messages ? plural(turn.messages, "message", "messages") : "",
    turn.runs > 1 ? `${turn.runs} runs` : "",
    turn.joins ? `begun anew ${plural(turn.joins, "time", "times")}` : "",
    turn.deltas ? `${turn.deltas.toLocaleString("en")} deltas` : "",
    turn.finish && turn.finish !== "stop" ? `model ended: ${turn.finish}` : "",
  ];
  node.append(
    make("h3", "turn-title", [ending(turn), " ", make("span", "key", turn.turn_id)]),
    make("p", "hint turn-facts", facts.filter(Boolean).join(" · ")),
    turn.first_token_at != null || turn.bubbles.length ? track(turn) : "",
    steps(turn),
  );
  return node;
}

function steps(turn) {
  const start = beginning(turn);
  const known = [
    step("said", "Said by the person", turn.said_at, start, { isWhole: true }),
    step("queued", "Stored and queued", turn.queued_at, start),
    step("started", "Taken by a worker", turn.started_at, start),
    step("asked", "Model asked", turn.model_asked_at, start),
    step("first-token", "First token", turn.first_token_at, start),
    step("model-ended", "Model ended", turn.model_ended_at, start),
    ...turn.bubbles.map((bubble) => bubbleStep(bubble, start)),
    step("given-up", "Given up", turn.given_up_at, start, { isBad: true }),
    step("ended", ending(turn), turn.ending ? turn.ended_at : null, start),
  ].filter(Boolean);
  known.sort((one, two) => one.at - two.at);
  const list = make("ol", "steps");
  list.append(...known.map((one) => one.node));
  return list;
}

function step(name, title, at, start, { isWhole, isBad } = {}) {
  if (at == null) return null;
  const node = make("li", "step", [
    make("span", "step-after", after(at - start, isWhole)),
    make("span", "step-title", title),
    make("time", "step-clock", clock(at)),
  ]);
  node.dataset.testid = `step-${name}`;
  node.dataset.at = String(at);
  if (isBad) node.dataset.bad = "true";
  return { at, node };
}

function bubbleStep(bubble, start) {
  const at = bubble.sending_at ?? bubble.planned_at ?? Infinity;
  const node = make("li", "step bubble-step");
  node.dataset.testid = "bubble";
  node.dataset.state = bubble.state;
  const name = bubble.is_apology ? "Apology" : `Bubble ${bubble.number + 1}`;
  const facts = [
    bubble.chars ? plural(bubble.chars, "character", "characters") : "",
    bubble.attempts > 1 ? `${bubble.attempts} attempts` : "",
  ];
  const state = make("span", "bubble-state", bubble.state + (bubble.failed_code ? ` ${bubble.failed_code}` : ""));
  state.dataset.state = bubble.state;
  const body = make("div", "bubble-body", [
    make("p", "bubble-head", [make("strong", "", name), state, make("span", "hint", facts.filter(Boolean).join(" · "))]),
    times(bubble, start),
    failures(bubble, start),
    bubble.text ? make("p", "bubble-text", bubble.text) : null,
  ]);
  node.append(
    make("span", "step-after", at === Infinity ? "–" : after(at - start)),
    body,
    make("time", "step-clock", at === Infinity ? "" : clock(at)),
  );
  return { at, node };
}

/** The times of a bubble's statuses, which Meta gives in whole seconds. */
function times(bubble, start) {
  const known = [
    ["planned", bubble.planned_at, false],
    ["sending", bubble.sending_at, false],
    ["sent", bubble.sent_at, bubble.sent_at !== bubble.taken_at],
    ["delivered", bubble.delivered_at, true],
    ["read", bubble.read_at, true],
    ["failed", bubble.failed_at, true],
  ].filter(([, at]) => at != null);
  const list = make("dl", "bubble-times");
  for (const [name, at, isWhole] of known) {
    const pair = make("div", "", [make("dt", "", name), make("dd", "", after(at - start, isWhole))]);
    pair.dataset.status = name;
    pair.title = clock(at);
    list.append(pair);
  }
  return list;
}

function failures(bubble, start) {
  if (bubble.failures.length === 0) return null;
  const list = make("ul", "failures");
  for (const one of bubble.failures) {
    const code = one.code ? ` ${one.code}` : "";
    list.append(make("li", "", `Attempt ${one.attempt}: ${FAILURES[one.word] ?? one.word}${code}, ${after(one.at - start)}`));
  }
  return list;
}

/** When the model wrote, and when each bubble left and landed, as one line. */
function track(turn) {
  const start = beginning(turn);
  const marks = turn.bubbles.flatMap((one) => [one.sending_at, one.taken_at]);
  const all = [turn.started_at, turn.first_token_at, turn.model_ended_at, ...marks].filter((at) => at != null);
  const length = Math.max(...all.map((at) => at - start), 0.001);
  const place = (at) => 8 + (WIDTH - 16) * Math.min(1, Math.max(0, (at - start) / length));
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} 26`, class: "track", "aria-hidden": "true" });
  svg.append(shape("rect", { class: "track-all", x: 8, y: 12, width: WIDTH - 16, height: 2, rx: 1 }));
  if (turn.first_token_at != null && turn.model_ended_at != null) {
    const from = place(turn.first_token_at);
    const width = Math.max(3, place(turn.model_ended_at) - from);
    svg.append(shape("rect", { class: "track-model", x: from, y: 9, width, height: 8, rx: 4 }));
  }
  for (const one of turn.bubbles.filter((each) => each.sending_at != null)) {
    const dot = shape("circle", { class: "track-bubble", cx: place(one.sending_at), cy: 13, r: 6 });
    dot.dataset.state = one.state;
    svg.append(dot);
  }
  return svg;
}
