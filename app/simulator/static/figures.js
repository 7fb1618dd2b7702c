// What the stream of one reply was worth to the person who waited. All times are seconds after the
// person's message.

/** The figures of a reply; `null` for what is not known. `stream` is the model's, or null. */
export function figures(reply, stream) {
  const since = (at) => (at == null ? null : Math.max(0, at - reply.askedAt));
  const first = reply.bubbles[0];
  const ended = since(stream?.endedAt);
  const writing = stream?.endedAt != null && stream.firstAt != null ? stream.endedAt - stream.firstAt : null;
  return {
    firstToken: since(stream?.firstAt),
    firstBubble: since(first?.at),
    tokensPerSecond: writing > 0 && stream.tokens ? stream.tokens / writing : null,
    bubbles: reply.bubbles.length,
    total: since(reply.bubbles.at(-1)?.at),
    withoutStreaming: ended,
    saved: ended == null || !first ? null : ended - since(first.at),
  };
}

/** Seconds as people read them: "0.42 s", "3.1 s", "75 s"; a line never breaks before the "s". */
export function seconds(value) {
  if (value == null) return "–";
  return `${value.toFixed(value < 1 ? 2 : value < 20 ? 1 : 0)}\u00a0s`;
}

/** One line: what streaming changed for this reply. */
export function summary(known) {
  if (known.firstBubble == null) return "";
  if (known.saved == null) return `first bubble ${seconds(known.firstBubble)}`;
  if (known.saved < 0.05) return `first bubble ${seconds(known.firstBubble)}, as the model ended`;
  return `first bubble ${seconds(known.firstBubble)}, ${seconds(known.saved)} sooner`;
}

/** The time line as marks between 0 and 1: what the model wrote, and each bubble. */
export function track(reply, stream) {
  const times = [stream?.endedAt, ...reply.bubbles.map((one) => one.at)].filter((at) => at != null);
  const length = Math.max(...times.map((at) => at - reply.askedAt), 0.001);
  const place = (at) => (at == null ? null : Math.min(1, Math.max(0, (at - reply.askedAt) / length)));
  return {
    from: place(stream?.firstAt),
    to: place(stream?.endedAt),
    bubbles: reply.bubbles.map((one) => place(one.at)),
  };
}
