// The JSON API, with the token that this tab keeps.

const TOKEN = "rivulet-admin-token";

export class NotLetIn extends Error {}

/** What the server says is wrong; `code` is its fixed word, `more` the rest of its answer. */
export class Refused extends Error {
  constructor(message, code, more) {
    super(message);
    this.code = code;
    this.more = more;
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** The answer's JSON; throws an Error with one readable line when it is not a success. */
export async function call(method, path, body) {
  const given = token.get();
  const headers = { Accept: "application/json", Authorization: `Bearer ${given}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(`/admin${path}`, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error("The server does not answer.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) {
    if (token.get() === given) token.forget();
    throw new NotLetIn("This is not the token.");
  }
  if (!response.ok) throw new Refused(answer.message ?? `The server says ${response.status}.`, answer.error, answer);
  return answer;
}
