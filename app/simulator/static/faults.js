// A drawer for developers: put the faults of a bad day on the next calls, and take them off again.

import { call } from "./api.js";

const GATEWAY_PAGE = "<html><body><h1>502 Bad Gateway</h1></body></html>";
const OFFERED = [
  ["Business → Meta", [
    ["Slow send", "the next 3 sends take 2 s", { on: "send", delay: 2, times: 3 }],
    ["Lost answer", "the next send happens, its answer is lost", { on: "send", lose_answer: true, times: 1 }],
    ["Reset", "the next connection breaks before anything happens", { on: "send", reset: true, times: 1 }],
    ["131056", "pair limit: the next 2 sends are refused", { on: "send", error: 131056, times: 2 }],
    ["131047", "window closed: the next send is refused", { on: "send", error: 131047, times: 1 }],
    ["HTML 502", "the next send meets a broken gateway", { on: "send", http: 502, body: GATEWAY_PAGE, times: 1 }],
  ]],
  ["Meta → business", [
    ["Shuffle bubbles", "the next bubble lands after the one behind it", { on: "send", reorder: true, times: 1 }],
    ["Drop statuses", "the next 5 statuses never go out", { on: "status", drop: true, times: 5 }],
    ["Double statuses", "the next 5 statuses come twice", { on: "status", duplicate: 1, times: 5 }],
    ["Shuffle statuses", "the next 4 statuses are overtaken", { on: "status", reorder: true, times: 4 }],
    ["Fail delivery", "the next bubble is accepted, then fails", { on: "send", fail_status: 131026, times: 1 }],
    ["Double webhook", "the next message comes twice", { on: "webhook", duplicate: 1, times: 1 }],
    ["Batch webhooks", "the next 3 messages come as one", { on: "webhook", batch: 3, times: 3 }],
  ]],
  ["Model", [
    ["Cut stream", "the next answer breaks off", { on: "model", stream: "cut", times: 1 }],
    ["Silence", "the next answer falls silent", { on: "model", stream: "silence", times: 1 }],
    ["Model 503", "the next 2 questions are turned away", { on: "model", http: 503, times: 2 }],
  ]],
];
const EFFECTS = [
  "error", "http", "lose_answer", "reset", "delay", "drop", "duplicate", "reorder", "batch",
  "fail_status", "stream",
];

export class Faults {
  /** `everybody()` names the persons there are. */
  constructor(everybody) {
    this.everybody = everybody;
    this.panel = document.getElementById("faults");
    this.toggle = document.getElementById("faults-toggle");
    for (const [title, faults] of OFFERED) this.offer(title, faults);
    this.wire();
    this.persons();
    this.refresh();
  }

  /** Bring the choice of persons up to date. */
  persons() {
    const select = document.getElementById("faults-person");
    const chosen = select.value;
    const options = this.everybody().map((person) => new Option(person.name, person.id));
    select.replaceChildren(new Option("Everybody", ""), ...options);
    select.value = chosen;
    if (select.selectedIndex < 0) select.value = "";
  }

  offer(title, faults) {
    const group = document.createElement("div");
    const heading = document.createElement("h3");
    heading.textContent = title;
    group.append(heading);
    for (const [name, says, fault] of faults) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "fault";
      button.dataset.testid = "fault";
      const small = document.createElement("small");
      small.textContent = says;
      button.append(name, " ", small);
      button.addEventListener("click", () => this.inject(fault));
      group.append(button);
    }
    document.getElementById("fault-buttons").append(group);
  }

  wire() {
    const { panel, toggle } = this;
    const open = (isOpen) => {
      panel.hidden = !isOpen;
      toggle.setAttribute("aria-expanded", String(isOpen));
      if (isOpen) this.refresh();
      (isOpen ? document.getElementById("faults-person") : toggle).focus();
    };
    toggle.addEventListener("click", () => open(panel.hidden));
    document.getElementById("faults-close").addEventListener("click", () => open(false));
    panel.addEventListener("keydown", (event) => event.key === "Escape" && open(false));
    document.getElementById("faults-clear").addEventListener("click", () => this.act("DELETE", "faults"));
    setInterval(() => !panel.hidden && this.refresh(), 2000);
  }

  inject(fault) {
    const person = document.getElementById("faults-person").value;
    return this.act("POST", "faults", person ? { ...fault, person } : fault);
  }

  async act(method, path, body) {
    const problem = document.getElementById("faults-problem");
    try {
      await call(method, path, body);
      problem.textContent = "";
    } catch (error) {
      problem.textContent = error.message;
    }
    await this.refresh();
  }

  async refresh() {
    const asked = await call("GET", "faults").catch(() => []);
    const faults = asked.filter((fault) => fault.times === null || fault.used < fault.times);
    const now = JSON.stringify(faults);
    if (now === this.shown) return;
    this.shown = now;
    const had = this.panel.contains(document.activeElement);
    const count = document.getElementById("faults-count");
    count.hidden = !faults.length;
    count.textContent = String(faults.length);
    const list = document.getElementById("fault-list");
    list.replaceChildren(...faults.map((fault) => this.entry(fault)));
    list.hidden = !faults.length;
    document.getElementById("faults-clear").hidden = !faults.length;
    document.getElementById("fault-none").hidden = faults.length > 0;
    // The button that was pressed may be gone; whoever uses the keyboard stays in the panel.
    const { activeElement } = document;
    if (had && !(this.panel.contains(activeElement) && activeElement.checkVisibility())) {
      document.getElementById("faults-close").focus();
    }
  }

  entry(fault) {
    const item = document.createElement("li");
    const text = document.createElement("span");
    text.textContent = this.describe(fault);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = "Remove";
    button.addEventListener("click", () => this.act("DELETE", `faults/${fault.id}`));
    item.append(text, button);
    return item;
  }

  describe(fault) {
    const what = EFFECTS.filter((name) => fault[name])
      .map((name) => (fault[name] === true ? name : `${name} ${fault[name]}`))
      .join(", ");
    const whose = this.everybody().find((one) => one.id === fault.person)?.name ?? "everybody";
    const left = fault.times === null ? "always" : `${fault.times - fault.used} left`;
    return `${fault.on}: ${what.replaceAll("_", " ")} · ${whose} · ${left}`;
  }
}
