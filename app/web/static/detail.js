// One conversation: how it stands, what may be done about it, and its turns.

import { button, make } from "./dom.js";
import { chip } from "./lists.js";
import { drawTurn, ending } from "./turn.js";
import { moment, plural, short, span, why } from "./words.js";

/** The open conversation; `turnId` is the turn that is shown. */
export function drawDetail(root, told, turnId, { pause, resume, requeue, showTurn, back, problem }) {
  const now = told.now;
  const isPausedHere = told.paused_for && !told.is_number_paused;
  const actions = make("div", "actions", [
    isPausedHere
      ? told.paused_for === "stop"
        ? button("quiet", "Resume despite STOP", "resume", resume)
        : button("strong", "Resume the bot", "resume", resume)
      : button("quiet", "Pause the bot", "pause", pause),
    told.state === "given_up" || told.state === "stranded"
      ? button("strong", "Queue it again", "requeue", requeue)
      : null,
  ]);
  const complaint = make("p", "problem", problem);
  complaint.role = "alert";
  complaint.dataset.testid = "detail-problem";
  const shown = told.turns.find((turn) => turn.turn_id === turnId) ?? told.turns[0];
  root.replaceChildren(
    button("quiet back", "Back", "back", back),
    make("header", "detail-head", [
      make("div", "detail-title", [chip(told.state), make("h2", "key", told.conversation)]),
      make("p", "detail-why", why(told, now)),
      facts(told, now),
      actions,
      complaint,
    ]),
    turns(told, shown, showTurn, now),
  );
  if (shown) root.append(drawTurn(shown));
  if (told.texts) root.append(texts(told.texts));
}

function facts(told, now) {
  const known = [
    ["Number", told.number],
    ["Waiting", told.waiting ? `${plural(told.waiting, "message", "messages")}, for ${span(now - told.waiting_since)}` : "nothing"],
    ["Last answered", told.answered_at ? `${span(now - told.answered_at)} ago` : "–"],
  ];
  const list = make("dl", "facts");
  for (const [name, value] of known) list.append(make("div", "", [make("dt", "", name), make("dd", "", value)]));
  return list;
}

function turns(told, shown, showTurn, now) {
  const list = make("div", "turns");
  list.dataset.testid = "turns";
  list.setAttribute("role", "group");
  list.setAttribute("aria-label", "Turns, the newest first");
  for (const turn of told.turns) {
    const at = turn.started_at ?? turn.ended_at;
    const node = button("turn-tab", "", "turn-tab", () => showTurn(turn.turn_id));
    node.append(make("span", "turn-when", at ? moment(at, now) : short(turn.turn_id)), make("span", "hint", ending(turn)));
    node.setAttribute("aria-pressed", String(turn === shown));
    list.append(node);
  }
  if (told.turns.length === 0) list.append(make("p", "hint", "No worker has begun a turn here yet."));
  return list;
}

function texts({ waiting, history }) {
  const said = [
    ...history.map((entry) => [entry.role, entry.text]),
    ...waiting.map((message) => ["waiting", message.text]),
  ];
  const list = make("ol", "said");
  for (const [role, text] of said) {
    const node = make("li", "", text);
    node.dataset.role = role;
    node.dir = "auto";
    list.append(node);
  }
  const section = make("section", "texts", [make("h3", "", "What was said"), list]);
  section.dataset.testid = "texts";
  return section;
}
