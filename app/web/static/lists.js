// The lists of conversations: who waits longest comes first.

import { button, make } from "./dom.js";
import { STATES, plural, short, span, why } from "./words.js";

const LISTS = [
  ["given_up", "Given up", "Nobody answers these until you queue them again, or they write on."],
  ["waiting", "Waiting", "Nobody waits."],
  ["paused", "Paused", ""],
  ["answered", "Answered lately", "Nobody yet."],
];
const SHORT_WAIT = 60; // seconds; a longer one is worth a look
const LONG_WAIT = 300;

/** A conversation in one row; `chosen` is the key of the one that is open, `hasNumbers` whether ours are several. */
export function row(one, now, { chosen, choose, hasNumbers }) {
  const waits = one.waiting > 0 && one.waiting_since != null;
  const age = waits ? now - one.waiting_since : one.answered_at ? now - one.answered_at : null;
  const node = button("row", "", "row", () => choose(one.conversation));
  node.dataset.key = one.conversation;
  node.dataset.state = one.state;
  if (one.conversation === chosen) node.setAttribute("aria-current", "true");
  const head = make("span", "row-head", [chip(one.state), make("span", "key", short(one.conversation))]);
  const aged = make("span", "age", age == null ? "" : waits ? span(age) : `${span(age)} ago`);
  if (waits && one.state !== "paused") aged.dataset.wait = age > LONG_WAIT ? "long" : age > SHORT_WAIT ? "some" : "short";
  const facts = [one.waiting ? plural(one.waiting, "message", "messages") : "", why(one, now), hasNumbers ? `to ${one.number}` : ""];
  node.append(head, aged, make("span", "row-why", facts.filter(Boolean).join(" · ")));
  return node;
}

export function chip(state) {
  const node = make("span", "chip", STATES[state] ?? state);
  node.dataset.state = state;
  return node;
}

/** All lists; `act` is as for `row`, and its `more(list)` asks for the next part of one. */
export function drawLists(root, lists, now, act) {
  const sections = LISTS.filter(([name]) => lists[name].total > 0 || name === "waiting" || name === "answered");
  root.replaceChildren(
    ...sections.map(([name, title, note]) => {
      const { total, conversations } = lists[name];
      const section = make("section", "list");
      section.dataset.list = name;
      section.dataset.testid = `list-${name}`;
      const count = make("span", "list-count", String(total));
      section.append(make("h2", "list-title", [title, " ", count]));
      if (note && (name === "given_up" || total === 0)) section.append(make("p", "hint", note));
      // Whoever has written since stands in another list.
      const shown = conversations.filter((one) => name !== "answered" || one.state === "quiet");
      section.append(...shown.map((one) => row(one, now, act)));
      if (conversations.length < total && conversations.length > 0) {
        section.append(button("quiet more", `Show more of ${total.toLocaleString("en")}`, "more", () => act.more(name)));
      }
      return section;
    }),
  );
}
