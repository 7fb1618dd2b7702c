// WhatsApp's markup as DOM nodes. Text of a message is only ever put into text nodes, so nothing
// that a person or a model writes can become markup of ours.
// Rules: *bold*, _italic_, ~strike~, `code`, ```monospace```, "- " and "* " bullets, "1. " numbers,
// "> " quotes, bare URLs. Markers count only at word edges, and a pair never spans lines.

const MARKS = { "*": "strong", _: "em", "~": "s" };
const WORD = /[\p{L}\p{N}]/u;
const FENCE = /```([^]+?)```/g;
const ATOM = /```(.+?)```|`([^`]+)`|(?:https?:\/\/|www\.)[^\s<>"`]+/gu;
const LINK_TAIL = /[.,;:!?'"*_~)\]}»”’。，！？]$/u;
const LINES = [
  ["quote", /^> ()(.*)$/],
  ["bullet", /^[-*] ()(.*\S.*)$/],
  ["number", /^(\d{1,9})\. (.*\S.*)$/],
];

/** One message's text as nodes: paragraphs, lists, quotes and monospace blocks, in order. */
export function render(text) {
  const out = document.createDocumentFragment();
  let done = 0;
  for (const match of text.matchAll(FENCE)) {
    const end = match.index + match[0].length;
    if (!match[1].trim() || !isBlock(text, match.index, end)) continue;
    blocks(text.slice(done, match.index), out);
    out.append(element("pre", element("code", match[1].replace(/^\n|\n$/g, ""))));
    done = end;
  }
  blocks(text.slice(done), out);
  return out;
}

/** Whether the text is one to three emoji and nothing else, which phones show large. */
export function isOnlyEmoji(text) {
  const one = "(?:\\p{Regional_Indicator}{2}|\\p{Extended_Pictographic}(?:\\p{Emoji_Modifier}|\\uFE0F|\\u200D\\p{Extended_Pictographic})*)";
  return new RegExp(`^\\s*(?:${one}\\s*){1,3}$`, "u").test(text);
}

function isBlock(text, start, end) {
  const startsLine = start === 0 || text[start - 1] === "\n";
  const endsLine = end === text.length || text[end] === "\n";
  return text.slice(start, end).includes("\n") || (startsLine && endsLine);
}

function blocks(text, out) {
  let group = null;
  for (const line of text.split("\n")) {
    const read = readLine(line);
    if (group?.kind !== read.kind) {
      close(group, out);
      group = { kind: read.kind, lines: [] };
    }
    group.lines.push(read);
  }
  close(group, out);
}

function readLine(line) {
  for (const [kind, pattern] of LINES) {
    const match = pattern.exec(line);
    if (match) return { kind, number: match[1], text: match[2] };
  }
  return { kind: "plain", text: line };
}

function close(group, out) {
  if (!group) return;
  if (group.kind === "bullet" || group.kind === "number") out.append(list(group));
  else if (group.kind === "quote") out.append(paragraph("blockquote", group.lines));
  else {
    const lines = withoutBlankEdges(group.lines);
    if (lines.length) out.append(paragraph("p", lines));
  }
}

function withoutBlankEdges(lines) {
  const first = lines.findIndex((line) => line.text.trim());
  const last = lines.findLastIndex((line) => line.text.trim());
  return first < 0 ? [] : lines.slice(first, last + 1);
}

function paragraph(tag, lines) {
  const node = element(tag);
  lines.forEach((line, index) => {
    if (index) node.append("\n");
    inline(line.text, node);
  });
  return node;
}

function list(group) {
  const node = element(group.kind === "bullet" ? "ul" : "ol");
  for (const line of group.lines) {
    const item = element("li");
    if (line.number) item.value = Number(line.number);
    inline(line.text, item);
    node.append(item);
  }
  return node;
}

/** One line: code and links first, since markers inside of them are only characters. */
function inline(line, parent) {
  const atoms = new Map();
  for (const match of line.matchAll(ATOM)) {
    const atom = match[0].startsWith("`") ? code(match) : link(line, match);
    if (atom) atoms.set(match.index, atom);
  }
  marks({ line, atoms }, 0, line.length, parent, "");
}

function code(match) {
  const text = match[1] ?? match[2];
  if (!text.trim()) return null;
  return { node: element("code", text), end: match.index + match[0].length };
}

function link(line, match) {
  if (match.index && WORD.test(line[match.index - 1])) return null;
  let text = match[0];
  while (LINK_TAIL.test(text) && !closesOwnBracket(text)) text = text.slice(0, -1);
  const address = text.startsWith("www.") ? `https://${text}` : text;
  if (!URL.canParse(address) || !new URL(address).hostname.includes(".")) return null;
  const node = element("a", text);
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  return { node, end: match.index + text.length };
}

function closesOwnBracket(text) {
  return text.endsWith(")") && text.split("(").length >= text.split(")").length;
}

function marks(source, from, to, parent, open) {
  const hopeless = new Set();
  let plain = "";
  let at = from;
  const put = (node, end) => {
    if (plain) parent.append(plain);
    parent.append(node);
    plain = "";
    at = end;
  };
  while (at < to) {
    const mark = source.line[at];
    const atom = source.atoms.get(at);
    if (atom && atom.end <= to) {
      put(atom.node, atom.end);
      continue;
    }
    const end = opens(source.line, at, from, open, hopeless) ? closing(source, at, to) : -1;
    if (end > 0) {
      const node = element(MARKS[mark]);
      marks(source, at + 1, end, node, open + mark);
      put(node, end + 1);
      continue;
    }
    if (end === 0) hopeless.add(mark);
    plain += mark;
    at += 1;
  }
  if (plain) parent.append(plain);
}

function opens(line, at, from, open, hopeless) {
  const mark = line[at];
  if (!(mark in MARKS) || open.includes(mark) || hopeless.has(mark)) return false;
  const next = line[at + 1];
  return (at === from || !WORD.test(line[at - 1])) && !!next && next !== mark && !/\s/.test(next);
}

/** Where the pair that opens at `at` closes; 0 when it never does. */
function closing({ line, atoms }, at, to) {
  for (let end = at + 1; end < to; end += 1) {
    const atom = atoms.get(end);
    if (atom && atom.end <= to) {
      end = atom.end - 1;
      continue;
    }
    if (line[end] !== line[at] || end === at + 1 || /\s/.test(line[end - 1])) continue;
    if (end + 1 === line.length || !WORD.test(line[end + 1])) return end;
  }
  return 0;
}

function element(tag, ...children) {
  const node = document.createElement(tag);
  if (["p", "ul", "ol", "blockquote"].includes(tag)) node.dir = "auto";
  node.append(...children);
  return node;
}
