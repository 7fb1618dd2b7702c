// The page: who is there, whose phones are shown, and what the record says as it grows.

import { call, follow } from "./api.js";
import { Chats } from "./chats.js";
import { Faults } from "./faults.js";
import { Pane, initials, tone } from "./pane.js";

const WIDTHS = [[1080, 3], [720, 2], [0, 1]]; // pixels of the page, and phones side by side
const MAX_TABS = 60; // a load test may bring thousands of persons
const READ_PAUSE = 250; // milliseconds in which several bubbles become one "read"

const $ = (id) => document.getElementById(id);

class Page {
  constructor() {
    this.chats = new Chats();
    this.persons = [];
    this.numbers = [];
    this.panes = new Map();
    this.tabs = new Map();
    this.recent = []; // ids of persons, the one last used first
    this.dirty = new Set();
    this.reads = new Map();
    this.skew = 0;
  }

  async start() {
    await this.restore();
    this.faults = new Faults(() => this.persons);
    this.wire();
    follow({
      last: () => this.chats.last,
      take: (event) => this.take(event),
      restart: () => this.restore(),
      line: showLine,
    });
  }

  /** Read everything anew: persons, numbers and the record. */
  async restore() {
    const [persons, numbers, past] = await Promise.all([
      call("GET", "persons"),
      call("GET", "numbers"),
      call("GET", "record"),
    ]);
    this.chats = new Chats();
    for (const event of past) this.chats.apply(event);
    for (const chat of this.chats.chats.values()) chat.unseen = 0;
    for (const pane of this.panes.values()) pane.node.remove();
    for (const tab of this.tabs.values()) tab.remove();
    this.panes.clear();
    this.tabs.clear();
    this.numbers = numbers;
    this.meet(persons);
    this.show(this.recent[0] ?? persons[0]?.id);
  }

  /** Make tabs for those who have none yet, as far as there is room; always for `guest`. */
  meet(everybody, guest) {
    const persons = everybody.filter(
      ({ id }, index) => index < MAX_TABS || id === guest || this.tabs.has(id),
    );
    this.persons = persons;
    for (const person of persons) {
      if (this.tabs.has(person.id)) continue;
      const tab = $("tab-template").content.cloneNode(true).firstElementChild;
      tab.id = `tab-${person.id}`;
      tab.dataset.person = person.id;
      tab.setAttribute("aria-controls", `phone-${person.id}`);
      tab.querySelector(".tab-name").textContent = person.name;
      const avatar = tab.querySelector(".avatar");
      avatar.textContent = initials(person.name);
      avatar.dataset.tone = tone(person.id);
      tab.addEventListener("click", () => {
        this.show(person.id);
        this.panes.get(person.id).focus();
      });
      $("tabs").append(tab);
      this.tabs.set(person.id, tab);
    }
    const known = new Set(persons.map((person) => person.id));
    this.recent = this.recent.filter((id) => known.has(id));
    for (const person of persons) if (!this.recent.includes(person.id)) this.recent.push(person.id);
    this.faults?.persons();
  }

  /** Bring a person's phone to the front; as many of the others as fit stay beside it. */
  show(id) {
    if (!id) return;
    this.recent = [id, ...this.recent.filter((one) => one !== id)];
    this.layOut();
  }

  layOut() {
    const places = WIDTHS.find(([width]) => window.innerWidth >= width)[1];
    const shown = new Set(this.recent.slice(0, places));
    for (const [index, person] of this.persons.entries()) {
      const isShown = shown.has(person.id);
      const tab = this.tabs.get(person.id);
      tab.setAttribute("aria-selected", String(isShown));
      tab.dataset.active = String(person.id === this.recent[0]);
      tab.tabIndex = person.id === this.recent[0] ? 0 : -1;
      tab.title = index < 9 ? `${person.name} (Alt+${index + 1})` : person.name;
      if (!isShown) {
        if (this.panes.has(person.id)) this.panes.get(person.id).node.hidden = true;
        continue;
      }
      const pane = this.pane(person);
      pane.node.hidden = false;
      pane.node.dataset.active = tab.dataset.active;
      this.mark(person.id);
    }
    $("phones").dataset.places = String(Math.min(places, this.persons.length));
    this.tabs.get(this.recent[0])?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  pane(person) {
    if (!this.panes.has(person.id)) {
      const pane = new Pane(person, this.numbers, {
        chats: this.chats,
        send,
        onNumber: () => this.mark(person.id),
      });
      pane.node.addEventListener("focusin", () => this.recent[0] !== person.id && this.show(person.id));
      this.panes.set(person.id, pane);
      const order = this.persons.map((one) => one.id);
      const after = [...$("phones").children].find(
        (node) => order.indexOf(node.dataset.person) > order.indexOf(person.id),
      );
      $("phones").insertBefore(pane.node, after ?? null);
      pane.draw(this.now());
      pane.toEnd();
    }
    return this.panes.get(person.id);
  }

  take(event) {
    this.skew = Date.now() / 1000 - event.at;
    const isNew = event.person && !this.tabs.has(event.person);
    if (isNew && this.tabs.size < MAX_TABS) this.meetNew();
    for (const chat of this.chats.apply(event)) this.mark(chat.person);
  }

  async meetNew() {
    this.meeting ??= call("GET", "persons").finally(() => (this.meeting = null));
    this.meet(await this.meeting);
    this.layOut();
  }

  /** The simulator's clock, which may not be this machine's. */
  now() {
    return Date.now() / 1000 - this.skew;
  }

  /** Draw this person once, soon, however much happens to them until then. */
  mark(id) {
    if (!this.dirty.size) setTimeout(() => this.draw());
    this.dirty.add(id);
  }

  draw() {
    for (const id of this.dirty) {
      const pane = this.panes.get(id);
      if (pane && !pane.node.hidden) {
        pane.draw(this.now());
        this.readSoon(pane);
      }
      this.drawTab(id);
    }
    this.dirty.clear();
  }

  drawTab(id) {
    const tab = this.tabs.get(id);
    if (!tab) return;
    const chats = this.chats.of(id);
    const unseen = chats.reduce((sum, chat) => sum + chat.unseen, 0);
    const badge = tab.querySelector(".badge");
    badge.hidden = !unseen;
    badge.textContent = unseen > 99 ? "99+" : String(unseen);
    badge.setAttribute("aria-label", `${unseen} new`);
    const ends = Math.max(0, ...chats.map((chat) => chat.typingUntil));
    tab.dataset.typing = String(ends > this.now());
    // An indicator that nothing ends goes away by itself.
    if (ends > this.now()) setTimeout(() => this.mark(id), (ends - this.now()) * 1000 + 50);
  }

  /** Whoever looks at a chat has read it; a hidden page or phone reads nothing. */
  readSoon({ person, chat }) {
    if (document.visibilityState !== "visible" || !chat.unseen) return;
    chat.unseen = 0;
    if (this.reads.has(person.id)) return;
    const tell = () => {
      this.reads.delete(person.id);
      call("POST", `persons/${encodeURIComponent(person.id)}/read`).catch(() => {});
    };
    this.reads.set(person.id, setTimeout(tell, READ_PAUSE));
  }

  wire() {
    window.addEventListener("resize", () => this.layOut());
    document.addEventListener("visibilitychange", () => this.layOut());
    document.addEventListener("keydown", (event) => this.chooseByDigit(event));
    $("tabs").addEventListener("keydown", (event) => this.chooseByArrow(event));
    $("new-person").addEventListener("click", () => {
      $("person-form").reset();
      $("person-problem").textContent = "";
      $("person-dialog").showModal();
      $("person-name").focus();
    });
    $("person-cancel").addEventListener("click", () => $("person-dialog").close());
    $("person-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.addPerson(new FormData(event.target));
    });
  }

  /** Alt or Ctrl with 1 to 9. Both together is AltGr, and Option types letters on a Mac. */
  chooseByDigit(event) {
    const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
    const asks = isMac ? event.ctrlKey && !event.altKey : event.ctrlKey !== event.altKey;
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    if (!asks || event.metaKey || event.shiftKey || !digit || $("person-dialog").open) return;
    const person = this.persons[Number(digit) - 1];
    if (!person) return;
    event.preventDefault();
    this.show(person.id);
    this.panes.get(person.id).focus();
  }

  chooseByArrow(event) {
    const now = this.persons.findIndex((person) => person.id === event.target.dataset.person);
    const last = this.persons.length - 1;
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: last }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    const { id } = this.persons[(next + last + 1) % (last + 1)];
    this.show(id);
    this.tabs.get(id).focus();
  }

  async addPerson(form) {
    const asked = {};
    if (form.get("name").trim()) asked.name = form.get("name").trim();
    if (form.get("shares") === "none") asked.phone = null;
    try {
      const person = await call("POST", "persons", asked);
      this.meet(await call("GET", "persons"), person.id);
      $("person-dialog").close();
      this.show(person.id);
      this.panes.get(person.id).focus();
    } catch (error) {
      $("person-problem").textContent = error.message;
    }
  }
}

function send(pane, said) {
  const path = `persons/${encodeURIComponent(pane.person.id)}/messages`;
  return call("POST", path, { ...said, phone_number_id: pane.number });
}

function showLine(state) {
  $("line").dataset.line = state;
  $("line").firstElementChild.textContent = state === "live" ? "Live" : "Reconnecting…";
}

async function begin() {
  try {
    await new Page().start();
  } catch (error) {
    showLine("lost");
    $("phones").textContent = `${error.message} Trying again.`;
    setTimeout(() => location.reload(), 2000);
  }
}

begin();
