// One person's phone: the chat with one number of the business, a composer, and the figures.

import { figures, seconds, summary, track } from "./figures.js";
import { isOnlyEmoji, render } from "./markup.js";

const NEAR_END = 80; // pixels from the end of the chat within which it follows new bubbles
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
const SUGGESTIONS = [
  ["How do I return an order?", "en"],
  ["When are you open?", "en"],
  ["A recipe for dinner, please", "en"],
  ["Show me a code snippet", "en"],
  ["¿Cómo devuelvo un pedido?", "es"],
  ["Wann habt ihr geöffnet?", "de"],
  ["मेरा ऑर्डर कहाँ है?", "hi"],
  ["営業時間は何時ですか？", "ja"],
];

export class Pane {
  /** `chats` is the state; `send(pane, said)` posts a message and throws when it could not. */
  constructor(person, numbers, { chats, send, onNumber }) {
    this.person = person;
    this.chats = chats;
    this.send = send;
    this.numbers = numbers;
    this.drawn = new Map();
    this.node = document.getElementById("phone-template").content.cloneNode(true).firstElementChild;
    this.number = (chats.of(person.id)[0]?.number ?? numbers[0]?.phone_number_id) || "";
    this.find = (selector) => this.node.querySelector(selector);
    this.label();
    this.fillNumbers(onNumber);
    this.fillSuggestions();
    this.wireComposer();
    this.wireScroll();
  }

  get chat() {
    return this.chats.chat(this.person.id, this.number);
  }

  get business() {
    return this.numbers.find((one) => one.phone_number_id === this.number);
  }

  get businessName() {
    return this.business?.name ?? "the business";
  }

  focus() {
    this.find("textarea").focus({ preventScroll: true });
  }

  /** Bring the phone to what the chat holds now. */
  draw(now) {
    const { chat } = this;
    const follows = this.isAtEnd();
    this.drawItems(chat);
    this.find(".empty").hidden = chat.items.length > 0;
    this.drawTyping(chat.typingUntil > now);
    this.drawFigures(chat);
    if (follows) this.toEnd();
    this.find(".jump").hidden = this.isAtEnd();
  }

  label() {
    const { person, node } = this;
    const id = `phone-${person.id}`;
    node.id = id;
    node.dataset.person = person.id;
    node.setAttribute("aria-labelledby", `tab-${person.id}`);
    this.find(".owner-name").textContent = person.name;
    this.find(".owner-number").textContent = person.phone ? asNumber(person.phone) : "number kept private";
    for (const [label, control] of [[".number-label", ".number"], [".composer-label", "textarea"]]) {
      this.find(control).id = `${id}${control.replace(".", "-")}`;
      this.find(label).htmlFor = this.find(control).id;
    }
    this.find(".composer-label").textContent = `Message from ${person.name}`;
    this.find(".scroll").setAttribute("aria-label", `Chat of ${person.name}`);
    this.find(".log").setAttribute("aria-label", `Messages of ${person.name}`);
  }

  fillNumbers(onNumber) {
    const select = this.find(".number");
    for (const one of this.numbers) {
      select.append(new Option(one.name, one.phone_number_id));
    }
    select.value = this.number;
    select.addEventListener("change", () => {
      this.number = select.value;
      this.showBusiness();
      this.drawn.clear();
      this.find(".log").replaceChildren();
      onNumber(this);
      this.toEnd();
    });
    this.showBusiness();
    // Whether there is room for the figures of every phone beside the chats.
    this.find(".figures").open = window.matchMedia("(min-width: 720px) and (min-height: 700px)").matches;
  }

  showBusiness() {
    const avatar = this.find(".avatar");
    avatar.textContent = initials(this.businessName);
    avatar.dataset.tone = tone(this.number);
    this.find(".empty-title").textContent = `Say hello to ${this.businessName}`;
  }

  fillSuggestions() {
    for (const [text, lang] of SUGGESTIONS) {
      const chip = make("button", "chip", text);
      chip.type = "button";
      chip.lang = lang;
      chip.addEventListener("click", () => {
        this.submit({ text });
        this.focus();
      });
      this.find(".chips").append(chip);
    }
  }

  wireComposer() {
    const input = this.find("textarea");
    const resize = () => {
      input.style.height = "auto";
      input.style.height = `${input.scrollHeight}px`;
      this.find(".send").disabled = !input.value.trim();
    };
    input.addEventListener("input", resize);
    input.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a word and does not send.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.find(".composer").requestSubmit();
    });
    this.find(".composer").addEventListener("submit", async (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (!text) return;
      input.value = "";
      resize();
      if (!(await this.submit({ text })) && !input.value) {
        input.value = text;
        resize();
      }
    });
  }

  async submit(said) {
    const problem = this.find(".composer .problem");
    try {
      await this.send(this, said);
      problem.textContent = "";
      this.toEnd();
      return true;
    } catch (error) {
      problem.textContent = `Not sent. ${error.message}`;
      return false;
    }
  }

  wireScroll() {
    const scroll = this.find(".scroll");
    const jump = this.find(".jump");
    scroll.addEventListener("scroll", () => (jump.hidden = this.isAtEnd()), { passive: true });
    jump.addEventListener("click", () => {
      this.toEnd();
      this.focus();
    });
    new ResizeObserver(() => this.stays && this.toEnd()).observe(scroll);
    scroll.addEventListener("scroll", () => (this.stays = this.isAtEnd()), { passive: true });
    this.stays = true;
  }

  isAtEnd() {
    const scroll = this.find(".scroll");
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END;
  }

  toEnd() {
    const scroll = this.find(".scroll");
    scroll.scrollTop = scroll.scrollHeight;
  }

  drawItems(chat) {
    const log = this.find(".log");
    const kept = new Set(chat.items.map((item) => item.seq));
    for (const [seq, node] of this.drawn) {
      if (kept.has(seq)) continue;
      node.remove();
      this.drawn.delete(seq);
    }
    let before = null;
    for (const item of chat.items) {
      let node = this.drawn.get(item.seq);
      if (!node) {
        node = this.bubble(item);
        node.dataset.starts = String(before?.own !== item.own);
        this.drawn.set(item.seq, node);
        log.append(node);
      }
      showState(node, item);
      showReaction(node, item);
      before = item;
    }
  }

  bubble(item) {
    const node = make("article", item.own ? "message own" : "message bubble");
    node.dataset.testid = item.own ? "own-message" : "bubble";
    node.dataset.wamid = item.wamid;
    if (isOnlyEmoji(item.text)) node.classList.add("emoji");
    const body = make("div", "body");
    if (item.media) body.append(make("p", "media", `[${item.media}]`));
    if (item.text) body.append(render(item.text));
    if (item.options.length) body.append(this.options(item));
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
    const who = make("span", "visually-hidden", item.own ? `${this.person.name}:` : `${this.businessName}:`);
    node.append(who, body, foot);
    return node;
  }

  /** Reply buttons and list rows: pressing one says it. */
  options(item) {
    const node = make("div", "options");
    for (const option of item.options) {
      const button = make("button", "option", option.title);
      button.type = "button";
      button.dir = "auto";
      if (option.description) button.append(make("small", "", option.description));
      button.addEventListener("click", () => this.submit({ message: pressed(item, option) }));
      node.append(button);
    }
    return node;
  }

  drawTyping(types) {
    const typing = this.find(".typing");
    if (typing.hidden === types) {
      typing.hidden = !types;
      this.find(".typing span").textContent = types ? `${this.businessName} is typing` : "";
    }
    const state = this.find(".state");
    const said = types ? "typing…" : asNumber(this.business?.display_phone_number ?? "");
    if (state.textContent !== said) state.textContent = said;
    state.dataset.typing = String(types);
  }

  drawFigures(chat) {
    const panel = this.find(".figures");
    panel.hidden = !chat.reply;
    if (!chat.reply) return;
    const stream = this.chats.streams.of(chat);
    const known = figures(chat.reply, stream);
    this.figure("first-token", known.firstToken, seconds);
    this.figure("first-bubble", known.firstBubble, seconds);
    this.figure("tokens-per-second", known.tokensPerSecond, (value) => `${Math.round(value)} tokens/s`);
    this.figure("bubbles", known.bubbles, String);
    this.figure("total", known.total, seconds);
    this.figure("without-streaming", known.withoutStreaming, seconds);
    this.find(".figures-short").textContent = summary(known);
    this.find(".figures-note").textContent = note(known, chat.refusals);
    drawTrack(this.find(".track"), track(chat.reply, stream));
  }

  figure(name, value, format) {
    const node = this.find(`[data-testid="figure-${name}"]`);
    node.textContent = value == null ? "–" : format(value);
    node.dataset.value = value == null ? "" : String(value);
  }
}

/** Meta's message object for a pressed button or row. */
function pressed(item, { kind, id, title, description }) {
  const reply = description ? { id, title, description } : { id, title };
  return { type: "interactive", interactive: { type: kind, [kind]: reply }, context: { id: item.wamid } };
}

function note(known, refusals) {
  const parts = [];
  if (known.withoutStreaming == null) parts.push("The model has not told when it wrote.");
  else if (known.saved > 0.05) {
    parts.push(`First words ${seconds(known.saved)} sooner than if the answer were sent whole.`);
  } else parts.push("The answer was as short as one bubble.");
  if (refusals.length) parts.push(`Sends that went wrong: ${[...new Set(refusals)].join(", ")}.`);
  return parts.join(" ");
}

function drawTrack(svg, { from, to, bubbles }) {
  const width = (share) => 6 + share * 388;
  const parts = [shape("rect", { class: "track-all", x: 6, y: 11, width: 388, height: 4, rx: 2 })];
  if (from != null) {
    const end = width(to ?? 1);
    parts.push(shape("rect", { class: "track-model", x: width(from), y: 11, width: Math.max(2, end - width(from)), height: 4, rx: 2 }));
  }
  for (const at of bubbles) parts.push(shape("circle", { class: "track-bubble", cx: width(at), cy: 13, r: 5 }));
  svg.replaceChildren(...parts);
}

function showState(node, item) {
  const state = item.own ? item.state : item.status;
  if (node.dataset.status === String(state)) return;
  node.dataset.status = String(state);
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

function shape(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  return node;
}

function clock(at) {
  return new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** The first letters of a name's first two words. */
export function initials(name) {
  const words = name.trim().split(/\s+/).slice(0, 2);
  return words.map((word) => [...word][0] ?? "").join("").toUpperCase();
}

/** One of six colours, always the same for the same id. */
export function tone(id) {
  let sum = 0;
  for (const letter of String(id)) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return String(sum % 6);
}

/** A number as people write it, in North America's groups where it is from there. */
function asNumber(phone) {
  const digits = phone.replace(/\D/g, "");
  const groups = /^1(\d{3})(\d{3})(\d{4})$/.exec(digits);
  if (groups) return `+1 ${groups[1]} ${groups[2]} ${groups[3]}`;
  return digits && `+${digits}`;
}
