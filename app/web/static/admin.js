// The page: who waits, why, and what an operator does about it.

import { NotLetIn, call, token } from "./api.js";
import { drawDetail } from "./detail.js";
import { $, button, make, redraw } from "./dom.js";
import { drawLists } from "./lists.js";
import { wirePerson } from "./person.js";
import { moment, span } from "./words.js";

const REFRESH = 5000; // milliseconds
const PART = 25;
const MOST_PARTS = 20;

const FIGURES = [
  ["rivulet_oldest_unanswered_seconds", "Longest wait", (value) => (value ? span(value) : "–")],
  ["rivulet_unanswered_conversations", "Waiting"],
  ["rivulet_given_up_conversations", "Given up"],
  ["rivulet_paused_conversations", "Paused"],
  ["rivulet_queued_turns", "Queued turns"],
  ["rivulet_executing_turns", "Being answered"],
];
const LONG_WAIT = 300;

class Page {
  constructor() {
    this.parts = {}; // by list: how many parts of it are shown
    this.chosen = null;
    this.turn = null;
    this.problem = "";
    this.timer = null;
    this.drawn = null; // what the open conversation was drawn from
  }

  start() {
    this.wire();
    if (token.get()) this.enter();
    else this.lock("");
  }

  wire() {
    $("gate-form").addEventListener("submit", (event) => {
      event.preventDefault();
      token.set($("token").value.trim());
      $("token").value = "";
      this.enter();
    });
    $("lock").addEventListener("click", () => this.lock(""));
    $("look-up").addEventListener("submit", (event) => {
      event.preventDefault();
      this.lookUp($("key").value.trim().toLowerCase());
    });
    $("pause-cancel").addEventListener("click", () => $("pause-dialog").close());
    $("pause-form").addEventListener("submit", () => {
      const hours = new FormData($("pause-form")).get("hours");
      this.pausing?.(hours ? { hours: Number(hours) } : {});
    });
    wirePerson({ open: (key) => this.choose(key), changed: () => this.refresh() });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.refresh());
    window.addEventListener("hashchange", () => this.followHash());
  }

  async enter() {
    document.body.dataset.view = "lists";
    const hint = "Choose a conversation to see its turns, or enter a key from a log line above.";
    $("detail").replaceChildren(make("p", "nothing", hint));
    await this.refresh();
    if (token.get()) this.followHash();
  }

  /** Forget the token and everything that was shown. */
  lock(problem) {
    token.forget();
    clearTimeout(this.timer);
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    for (const id of ["lists", "detail", "figures", "troubles", "numbers"]) $(id).replaceChildren();
    this.chosen = this.turn = this.drawn = null;
    document.body.dataset.view = "gate";
    $("gate-problem").textContent = problem;
    $("token").focus();
  }

  /** Read everything anew, and again in a while. */
  async refresh() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), REFRESH);
    if (document.visibilityState !== "visible") return;
    try {
      const [told, detail] = await Promise.all([this.overview(), this.conversation()]);
      if (!token.get()) return;
      this.draw(told);
      if (detail !== undefined) this.drawDetail(detail);
      line("live", "Live");
    } catch (error) {
      if (error instanceof NotLetIn) this.lock(error.message);
      else line("lost", error.message);
    }
  }

  async overview() {
    const told = await call("GET", "");
    for (const [name, parts] of Object.entries(this.parts)) {
      const list = told.lists[name];
      for (let part = 1; part < parts && list.conversations.length < list.total; part += 1) {
        const next = await call("GET", `/conversations?list=${name}&offset=${part * PART}&limit=${PART}`);
        list.conversations.push(...next.conversations);
      }
    }
    return told;
  }

  /** The open conversation; null when it is no more, undefined when another was opened meanwhile. */
  async conversation() {
    const key = this.chosen;
    if (!key) return undefined;
    try {
      const told = await call("GET", `/conversations/${key}`);
      if (this.turn && !told.turns.some((turn) => turn.turn_id === this.turn)) {
        const older = await call("GET", `/turns/${this.turn}`).catch(() => null);
        if (older) told.turns.push(older);
      }
      return key === this.chosen ? told : undefined;
    } catch (error) {
      if (error.code !== "no_such_conversation") throw error;
      return key === this.chosen ? null : undefined;
    }
  }

  draw(told) {
    $("figures").replaceChildren(
      ...FIGURES.map(([name, title, write]) => {
        const value = told.gauges[name] ?? 0;
        const figure = make("div", "", [make("dt", "", title), make("dd", "", write ? write(value) : value.toLocaleString("en"))]);
        figure.dataset.testid = `figure-${name}`;
        const isBad = name.includes("given_up") ? value > 0 : name.includes("oldest") && value > LONG_WAIT;
        figure.dataset.bad = String(isBad);
        return figure;
      }),
    );
    const troubles = Object.entries(told.troubles);
    $("troubles").hidden = troubles.length === 0;
    $("troubles").replaceChildren(...troubles.map(([scope, code]) => make("li", "", `${scope}: ${code}`)));
    $("numbers").replaceChildren(...told.numbers.map((number) => this.number(number, told.now)));
    const act = {
      chosen: this.chosen,
      hasNumbers: told.numbers.length > 1,
      choose: (key) => this.choose(key),
      more: (name) => {
        this.parts[name] = Math.min(MOST_PARTS, (this.parts[name] ?? 1) + 1);
        this.refresh();
      },
    };
    redraw($("lists"), () => drawLists($("lists"), told.lists, told.now, act));
  }

  number({ phone_number_id: id, pause }, now) {
    const until = pause?.until ? `silent until ${moment(pause.until, now)}` : "silent";
    const act = pause
      ? button("quiet small", "Resume", "number-resume", () => this.act(`/numbers/${id}/resume`, {}))
      : button("quiet small", "Pause", "number-pause", () =>
          this.askPause(`All conversations of number ${id}. What people write meanwhile waits.`, (hours) =>
            this.act(`/numbers/${id}/pause`, hours),
          ),
        );
    const node = make("li", "number", [make("span", "key", id), pause ? make("span", "chip", until) : null, act]);
    if (pause) node.querySelector(".chip").dataset.state = "paused";
    node.dataset.number = id;
    return node;
  }

  drawDetail(told) {
    // Drawn anew only for news, and each minute for its ages: somebody may be selecting a key.
    const drawn = JSON.stringify([{ ...told, now: Math.floor(told?.now / 60) }, this.turn, this.problem]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    if (told === null) {
      $("detail").replaceChildren(
        button("quiet back", "Back", "back", () => this.close()),
        make("p", "nothing", "Nothing is known of this conversation any more."),
      );
      return;
    }
    const path = `/conversations/${told.conversation}`;
    const draw = () => drawDetail($("detail"), told, this.turn, {
      problem: this.problem,
      pause: () =>
        this.askPause("This conversation. What the person writes meanwhile waits.", (hours) => this.act(`${path}/pause`, hours)),
      resume: () => this.act(`${path}/resume`, {}),
      requeue: () => this.act(`${path}/requeue`, {}),
      showTurn: (turn) => {
        this.turn = turn;
        this.drawDetail(told);
      },
      back: () => this.close(),
    });
    redraw($("detail"), draw);
  }

  askPause(what, then) {
    this.pausing = then;
    $("pause-what").textContent = what;
    $("pause-dialog").showModal();
  }

  async act(path, body) {
    this.problem = "";
    try {
      await call("POST", path, body);
    } catch (error) {
      this.problem = error.message;
    }
    await this.refresh();
  }

  async choose(key, turn = null) {
    this.problem = "";
    this.chosen = key;
    this.turn = turn;
    document.body.dataset.view = "detail";
    history.replaceState(null, "", `#${turn ?? key}`);
    await this.refresh();
    if (window.innerWidth < 900) window.scrollTo(0, 0);
  }

  close() {
    this.chosen = this.turn = this.drawn = null;
    history.replaceState(null, "", location.pathname);
    this.enter();
  }

  followHash() {
    const key = location.hash.slice(1);
    if (/^[0-9a-f]{32}$/.test(key) && key !== this.chosen && key !== this.turn) this.lookUp(key);
  }

  async lookUp(key) {
    $("key-problem").textContent = "";
    if (!key) return;
    try {
      const found = await call("GET", `/keys/${encodeURIComponent(key)}`);
      $("key").value = "";
      await this.choose(found.conversation, found.turn);
    } catch (error) {
      if (error instanceof NotLetIn) this.lock(error.message);
      else $("key-problem").textContent = error.message;
    }
  }
}

function line(state, text) {
  $("line").dataset.line = state;
  $("line").firstElementChild.textContent = text;
}

new Page().start();
