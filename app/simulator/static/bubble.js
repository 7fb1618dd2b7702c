// One message in a chat: its text, its time, and how far it has come.

import { make, shape } from "./dom.js";
import { seconds } from "./figures.js";
import { isOnlyEmoji, render } from "./markup.js";

const LONG_AGO = 600; // seconds after which a bubble no longer tells how long it took
const OWN_STATES = {
  sending: ["clock", "Sending"],
  waiting: ["clock", "Not accepted by the business yet; trying again"],
  delivered: ["two", "Handed to the business"],
  read: ["two", "Read by the business"],
};
const BUBBLE_STATES = {
  sent: ["one", "The business knows: sent"],
  delivered: ["two", "The business knows: delivered"],
  read: ["two", "The business knows: read"],
  failed: ["failed", "The business knows: failed"],
};
const TICKS = {
  clock: "M10 2.2a4.8 4.8 0 1 1-.01 0M10 4.4V7l1.8 1.3",
  one: "M5.5 7.4l3 3 6.5-7",
  two: "M1.5 7.4l3 3 6.5-7M8.4 9.2l1.3 1.2 6.5-7",
  failed: "M10 2v6M10 11.3v.2",
};

/** The node of one message; `who` wrote it, and `say` answers when something in it is pressed. */
export function bubble(item, who, say) {
  const node = make("article", item.own ? "message own" : "message bubble");
  node.dataset.testid = item.own ? "own-message" : "bubble";
  node.dataset.wamid = item.wamid;
  if (isOnlyEmoji(item.text)) node.classList.add("emoji");
  const body = make("div", "body");
  if (item.media) body.append(make("p", "media", `[${item.media}]`));
  if (item.text) body.append(render(item.text));
  if (item.options.length) body.append(options(item, say));
  const foot = make("p", "foot");
  const time = make("time", "", clock(item.at));
  time.dateTime = new Date(item.at * 1000).toISOString();
  time.title = new Date(item.at * 1000).toLocaleString();
  if (!item.own && item.after < LONG_AGO) {
    foot.append(make("span", "after", `+${seconds(item.after)}`));
  }
  const tick = make("span", "tick");
  tick.ariaLive = "off"; // three changes to each bubble would drown the chat
  foot.append(time, tick);
  node.append(make("span", "visually-hidden", `${who}:`), body, foot);
  return node;
}

/** Bring the node to how far the message has come, and what the business thinks of it. */
export function update(node, item) {
  showState(node, item);
  showReaction(node, item);
}

/** Reply buttons and list rows: pressing one says it. */
function options(item, say) {
  const node = make("div", "options");
  for (const option of item.options) {
    const button = make("button", "option", option.title);
    button.type = "button";
    button.dir = "auto";
    if (option.description) button.append(make("small", "", option.description));
    button.addEventListener("click", () => say({ message: pressed(item, option) }));
    node.append(button);
  }
  return node;
}

/** Meta's message object for a pressed button or row. */
function pressed(item, { kind, id, title, description }) {
  const reply = description ? { id, title, description } : { id, title };
  return { type: "interactive", interactive: { type: kind, [kind]: reply }, context: { id: item.wamid } };
}

function showState(node, item) {
  const state = (item.own ? item.state : item.status) ?? "";
  if (node.dataset.status === state) return;
  node.dataset.status = state;
  const [drawing, label] = (item.own ? OWN_STATES : BUBBLE_STATES)[state] ?? [null, ""];
  const tick = node.querySelector(".tick");
  tick.replaceChildren();
  tick.title = label;
  if (!drawing) return;
  const svg = shape("svg", { viewBox: "0 0 18 14", "aria-hidden": "true" });
  svg.append(shape("path", { d: TICKS[drawing] }));
  tick.append(svg, make("span", "visually-hidden", label));
}

function showReaction(node, { reaction }) {
  let mark = node.querySelector(".reaction");
  if (!reaction) return mark?.remove();
  if (!mark) node.append((mark = make("span", "reaction")));
  mark.textContent = reaction;
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", `The business reacted: ${reaction}`);
}

function clock(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
