// The simulator's record, event by event, as what each person's phone shows. No DOM, no clock.

const RANK = { sent: 1, delivered: 2, read: 3 };
const MAX_ITEMS = 400; // of one chat; older ones leave the page
const MAX_CHATS = 1000; // the oldest leave
const MAX_EARLY = 2000; // statuses that came before their bubble
const MAX_WHERE = 20000; // message ids whose chat we know
const MAX_STREAMS = 200;
const EXTRAS = { media: null, options: [], reaction: "" };

/** All chats of all persons; a chat is one person with one number of the business. */
export class Chats {
  constructor() {
    this.seq = 0;
    this.last = null;
    this.chats = new Map();
    this.streams = new Streams();
    this.early = new Map();
    this.where = new Map();
  }

  /** The chat, made when it is new. */
  chat(person, number) {
    const key = `${person} ${number}`;
    if (!this.chats.has(key)) remember(this.chats, key, new Chat(person, number), MAX_CHATS);
    return this.chats.get(key);
  }

  /** The chats of one person that hold anything, the one last used first. */
  of(person) {
    const all = [...this.chats.values()].filter((chat) => chat.person === person && chat.items.length);
    return all.sort((one, other) => other.items.at(-1).seq - one.items.at(-1).seq);
  }

  /** Take one event; the chats that it changed. An event seen before changes none. */
  apply(event) {
    if (event.seq <= this.seq) return [];
    this.seq = event.seq;
    this.last = event;
    const take = this[`on_${event.kind}`];
    return take ? take.call(this, event) : [];
  }

  on_message(event) {
    const chat = this.chat(event.person, event.phone_number_id);
    chat.addOwn(event);
    remember(this.where, event.wamid, chat, MAX_WHERE);
    return [chat];
  }

  on_webhook(event) {
    const accepted = event.status === 200;
    const chats = new Set();
    for (const wamid of event.wamids ?? []) {
      const chat = this.where.get(wamid);
      if (chat?.handOver(wamid, accepted)) chats.add(chat);
    }
    return [...chats];
  }

  on_read(event) {
    const chat = this.where.get(event.wamid);
    chat?.readUpTo(event.wamid);
    return chat ? [chat] : [];
  }

  on_typing(event) {
    const chat = this.chat(event.person, event.phone_number_id);
    chat.typingUntil = event.until;
    return [chat];
  }

  on_send(event) {
    if (!event.person || (event.status !== null && event.status < 400)) return [];
    const chat = this.chat(event.person, event.phone_number_id);
    chat.refusals.push(event.error ?? event.status ?? "no answer");
    return [chat];
  }

  on_bubble(event) {
    const chat = this.chat(event.person, event.phone_number_id);
    if (event.type === "reaction") return chat.react(event.content) ? [chat] : [];
    const item = chat.addBubble(event);
    remember(this.where, event.wamid, chat, MAX_WHERE);
    item.status = this.early.get(event.wamid) ?? null;
    this.early.delete(event.wamid);
    return [chat];
  }

  on_status({ wamid, status }) {
    const chat = this.where.get(wamid);
    const item = chat?.bubbles.get(wamid);
    const known = item ? item.status : this.early.get(wamid);
    if (!isNews(status, known)) return [];
    if (item) item.status = status;
    else remember(this.early, wamid, status, MAX_EARLY);
    return chat ? [chat] : [];
  }

  on_model(event) {
    this.streams.apply(event);
    const answered = [...this.chats.values()].filter((chat) => chat.reply);
    return event.person ? answered.filter((chat) => chat.person === event.person) : answered;
  }
}

/** One person with one number of the business. */
class Chat {
  constructor(person, number) {
    this.person = person;
    this.number = number;
    this.items = [];
    this.own = new Map();
    this.bubbles = new Map();
    this.unanswered = [];
    this.reply = null;
    this.refusals = [];
    this.unseen = 0;
    this.typingUntil = 0;
    this.hasRead = false;
  }

  addOwn({ seq, at, wamid, text }) {
    const item = { seq, at, wamid, text, ...EXTRAS, own: true, state: "sending" };
    this.own.set(wamid, item);
    this.unanswered.push(item);
    this.add(item);
  }

  addBubble({ seq, at, wamid, text, type, content }) {
    const answered = this.takeAnswered();
    if (answered.length || !this.reply) {
      this.reply = { askedAt: answered[0]?.at ?? at, asked: answered.map((one) => one.text), bubbles: [] };
      this.refusals = [];
    }
    const item = { seq, at, wamid, text, ...extras(type, content), own: false, status: null };
    item.after = at - this.reply.askedAt;
    this.reply.bubbles.push(item);
    this.bubbles.set(wamid, item);
    this.unseen += 1;
    this.typingUntil = 0;
    this.add(item);
    return item;
  }

  /** A business reads what it is about to answer; one that never reads answers all there is. */
  takeAnswered() {
    const isTaken = (item) => item.state === "read" || !this.hasRead;
    const taken = this.unanswered.filter(isTaken);
    this.unanswered = this.unanswered.filter((item) => !isTaken(item));
    return taken;
  }

  /** The business took the webhook of this message, or did not; whether that is news. */
  handOver(wamid, accepted) {
    const item = this.own.get(wamid);
    if (!item || item.state === "read" || item.state === "delivered") return false;
    item.state = accepted ? "delivered" : "waiting";
    return true;
  }

  /** A reaction of the business sits on the person's message; an empty one takes it off. */
  react({ message_id: wamid, emoji }) {
    const item = this.own.get(wamid);
    if (item) item.reaction = emoji;
    return Boolean(item);
  }

  /** Reading a message reads all before it. */
  readUpTo(wamid) {
    this.hasRead = true;
    const last = this.own.get(wamid)?.seq ?? 0;
    for (const item of this.own.values()) if (item.seq <= last) item.state = "read";
  }

  add(item) {
    this.items.push(item);
    if (this.items.length > MAX_ITEMS) {
      const { wamid } = this.items.shift();
      this.own.delete(wamid);
      this.bubbles.delete(wamid);
    }
  }
}

/** What a bubble shows besides its text: the kind of its media, and what can be pressed. */
function extras(type, content) {
  if (!content) return EXTRAS;
  if (type !== "interactive") return { ...EXTRAS, media: content.filename ?? type };
  const action = content.action ?? {};
  const rows = (action.sections ?? []).flatMap((section) => section.rows ?? []);
  const buttons = (action.buttons ?? []).map((button) => button.reply).filter(Boolean);
  const options = [
    ...buttons.map((reply) => ({ kind: "button_reply", ...reply })),
    ...rows.map((row) => ({ kind: "list_reply", ...row })),
  ];
  return { ...EXTRAS, options };
}

/** A status never steps back; "failed" stands apart from the others. */
function isNews(status, known) {
  return status === "failed" || (RANK[status] ?? 0) > (RANK[known] ?? 0);
}

function remember(map, key, value, most) {
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value);
}

/** What the model has told of its streams: when it began, wrote its first word, and ended. */
class Streams {
  constructor() {
    this.known = new Map();
  }

  /** The model's own clock is nearer to the truth than the arrival of its news. */
  apply({ stream, phase, at, model_at: modelAt, said, tokens, person, phone_number_id: number }) {
    const time = modelAt ?? at;
    const one = (phase !== "started" && this.known.get(stream)) || { startedAt: time };
    Object.assign(one, { said, person, number });
    if (phase === "first_delta") one.firstAt = time;
    if (phase === "ended") Object.assign(one, { endedAt: time, tokens });
    remember(this.known, stream, one, MAX_STREAMS);
  }

  /** The stream that a chat's newest reply was cut from, as far as can be told; else null. */
  of({ person, number, reply }) {
    const [first] = reply.bubbles;
    const isIts = (one) =>
      one.startedAt >= reply.askedAt &&
      one.firstAt <= first.at &&
      (one.person
        ? one.person === person && one.number === number
        : reply.asked.some((text) => one.said?.includes(text)));
    return [...this.known.values()].findLast(isIts) ?? null;
  }
}
