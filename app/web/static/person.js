// Find a person by a number or user id, which goes into a body and nowhere else.

import { Refused, call } from "./api.js";
import { $, button, make } from "./dom.js";
import { row } from "./lists.js";
import { plural } from "./words.js";

const CONSENT = "erase";

/** Wires the dialog; `open(key)` shows a conversation, `changed()` is called after an erasure. */
export function wirePerson({ open, changed }) {
  const dialog = $("person-dialog");
  let asked = "";

  function clear() {
    $("person-problem").textContent = "";
    $("person-result").replaceChildren();
  }

  async function attempt(action) {
    clear();
    try {
      await action();
    } catch (error) {
      $("person-problem").textContent = error.message;
      if (error instanceof Refused && error.code === "ambiguous") {
        $("person-result").replaceChildren(...error.more.user_ids.map((id) => choice(id)));
      }
    }
  }

  function choice(id) {
    return button("quiet", id, "user-id", () => {
      $("person").value = id;
      find();
    });
  }

  function find() {
    asked = $("person").value;
    return attempt(async () => {
      const found = await call("POST", "/persons/find", { person: asked });
      draw(found);
    });
  }

  function draw(found) {
    const count = found.conversations.length;
    const parts = [make("p", "found", count ? plural(count, "conversation", "conversations") : "Nothing is held about this person.")];
    const choose = (key) => {
      close();
      open(key);
    };
    parts.push(...found.conversations.map((one) => row(one, found.now, { choose })));
    if (found.others.length) {
      parts.push(make("p", "hint", "The same phone number also stands beside other user ids, which may be other people:"));
      parts.push(...found.others.map((id) => choice(id)));
    }
    if (count) {
      parts.push(make("div", "actions", [
        button("quiet", "Export as JSON", "person-export", () => attempt(save)),
        button("quiet danger", "Erase …", "person-erase", confirm),
      ]));
    }
    $("person-result").replaceChildren(...parts);
  }

  async function save() {
    const whole = await call("POST", "/persons/export", { person: asked });
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(whole, null, 2)], { type: "application/json" }));
    link.download = "person.json"; // no name of theirs in a list of downloads
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    $("person-result").replaceChildren(make("p", "found", "Exported to person.json."));
  }

  function confirm() {
    const input = make("input");
    input.autocomplete = "off";
    input.dataset.testid = "consent";
    const go = button("strong danger", "Erase for good", "person-erase-confirm", () => attempt(erase));
    go.disabled = true;
    input.addEventListener("input", () => (go.disabled = input.value.trim() !== CONSENT));
    const label = make("label", "field", [`Their words, name, numbers and turns go, on all our numbers. Type ${CONSENT} to go on.`, input]);
    $("person-result").replaceChildren(label, make("div", "actions", [go]));
    input.focus();
  }

  async function erase() {
    const { erased } = await call("POST", "/persons/erase", { person: asked });
    const what = [
      plural(erased.conversations, "conversation", "conversations"),
      plural(erased.waiting, "waiting message", "waiting messages"),
      plural(erased.history, "entry of history", "entries of history"),
      plural(erased.turns, "turn", "turns"),
    ];
    $("person-result").replaceChildren(make("p", "found", `Erased: ${what.join(", ")}.`));
    changed();
  }

  function close() {
    dialog.close();
  }

  $("person-open").addEventListener("click", () => {
    dialog.showModal();
    $("person").focus();
  });
  $("person-cancel").addEventListener("click", close);
  $("person-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (document.activeElement?.dataset.testid !== "consent") find();
  });
  dialog.addEventListener("close", () => {
    $("person").value = ""; // who it was does not stay on a screen at night
    asked = "";
    clear();
  });
}
