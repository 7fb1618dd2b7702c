// One person's phone: the chat with one number of the business, a composer, and the figures.

import { bubble, update } from "./bubble.js";
import { make, shape } from "./dom.js";
import { figures, seconds, summary, track } from "./figures.js";

const NEAR_END = 80; // pixels from the end of the chat within which it follows new bubbles
const SUGGESTIONS = [
  ["How do I return an order?", "en"],
  ["When are you open?", "en"],
  ["A recipe for dinner, please", "en"],
  ["Show me a code snippet", "en"],
  ["¿Cómo devuelvo un pedido?", "es"],
  ["Wann habt ihr geöffnet?", "de"],
  ["Quels sont vos horaires ?", "fr"],
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
      const borders = input.offsetHeight - input.clientHeight;
      input.style.height = `${input.scrollHeight + borders}px`;
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
        const who = item.own ? this.person.name : this.businessName;
        node = bubble(item, who, (said) => this.submit(said));
        node.dataset.starts = String(before?.own !== item.own);
        this.drawn.set(item.seq, node);
        log.append(node);
      }
      update(node, item);
      before = item;
    }
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

function note(known, refusals) {
  const parts = [];
  if (known.withoutStreaming == null) {
    parts.push(known.firstToken == null ? "The model has not told when it wrote." : "The model still writes.");
  } else if (known.saved > 0.05) {
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
