// The answer box: reads an answer exactly, and judges it by hashes, with no kernel and no network.
import { button, h, uniqueId } from "./ui.js";

// --- SHA-256, since crypto.subtle is missing on plain http -----------------------------------------

const PRIMES = [];
for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);
const fractionBits = (number) => ((number % 1) * 2 ** 32) | 0;
const ROUNDS = PRIMES.map((prime) => fractionBits(Math.cbrt(prime)));
const START = PRIMES.slice(0, 8).map((prime) => fractionBits(Math.sqrt(prime)));
const turn = (word, bits) => (word >>> bits) | (word << (32 - bits));

/** The 32 bytes of SHA-256 of a text in UTF-8. */
export function sha256(text) {
  const bytes = new TextEncoder().encode(text);
  const message = new DataView(new ArrayBuffer(((bytes.length + 72) >> 6) << 6));
  new Uint8Array(message.buffer).set(bytes);
  message.setUint8(bytes.length, 0x80);
  message.setUint32(message.byteLength - 4, bytes.length * 8);
  const words = new Int32Array(64);
  const sums = [...START];
  for (let block = 0; block < message.byteLength; block += 64) {
    let state = [...sums];
    for (let t = 0; t < 64; t++) {
      const early = words[t - 15], late = words[t - 2];
      words[t] = t < 16 ? message.getInt32(block + 4 * t) :
        words[t - 16] + (turn(early, 7) ^ turn(early, 18) ^ (early >>> 3)) +
        words[t - 7] + (turn(late, 17) ^ turn(late, 19) ^ (late >>> 10));
      const [a, b, c, d, e, f, g, last] = state;
      const one = last + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[t] + words[t];
      const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      state = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    state.forEach((word, k) => (sums[k] = (sums[k] + word) | 0));
  }
  const digest = new DataView(new ArrayBuffer(32));
  sums.forEach((word, k) => digest.setInt32(4 * k, word));
  return new Uint8Array(digest.buffer);
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Open what answer_box.py has sealed with an answer. */
function opened(words, purpose, salt, answer) {
  const bytes = Uint8Array.from(atob(words), (character) => character.charCodeAt(0));
  let stream;
  for (let k = 0; k < bytes.length; k++) {
    if (k % 32 === 0) stream = sha256(`${purpose}\n${k / 32}\n${salt}\n${answer}`);
    bytes[k] ^= stream[k % 32];
  }
  return new TextDecoder().decode(bytes);
}

/** What is said to an answer in its one way of writing: {right, says, work}. */
export function judge({ salt, replies, otherwise, work }, answer) {
  const hash = hex(sha256(`${salt}\n${answer}`));
  const rights = replies.filter((reply) => reply.right);
  const known = replies.filter((reply) => reply.hash === hash);
  const says = known.map((reply) => opened(reply.say, replies.indexOf(reply), salt, answer)).filter(Boolean);
  const right = known.find((reply) => reply.right);
  if (!right) return { right: false, says: says.length ? [...new Set(says)] : [otherwise], work: "" };
  return { right: true, says: [...new Set(says)], work: work && opened(work.split(" ")[rights.indexOf(right)], "work", salt, answer) };
}

// --- Reading numbers, and calculations with them, exactly ------------------------------------------

const MOST_DIGITS = 40;
const MOST = 10n ** BigInt(MOST_DIGITS);
const LONGEST = 200; // characters
const NUMBER = /([1-9]\d{0,2}([,\s'’_])\d{3}(?:\2\d{3})*(?!\d)|\d+)?(?:\.(\d*))?/y;
const GROUPED = /^[1-9]\d{0,2}([,\s])\d{3}(?:\1\d{3})*$/;
const ALLOWED = "write a number, or a calculation with + − * / ^ and brackets";

class Refusal extends Error {}
const quoted = (text) => `“${text.length > 40 ? `${text.slice(0, 39)}…` : text}”`;

/** Read a number or a calculation, such as "3,860" or "(8*8*3+1)*20", as a fraction in lowest terms. */
export function readNumber(text) {
  const typed = text.trim();
  const refuse = (reason) => { throw new Refusal(`${quoted(typed)} ${reason}.`); };
  if (typed.length > LONGEST) refuse(`has more than ${LONGEST} characters: ${ALLOWED}`);
  const tokens = scan(typed, refuse);
  let next = 0;
  const takes = (...signs) => (signs.includes(tokens[next]) ? tokens[next++] : null);

  function lowest(top, bottom) {
    if (bottom === 0n) refuse("divides by zero, which gives no number");
    let [a, b] = [top < 0n ? -top : top, bottom < 0n ? -bottom : bottom];
    while (b) [a, b] = [b, a % b];
    if (bottom < 0n) a = -a;
    const [numerator, denominator] = a ? [top / a, bottom / a] : [0n, 1n];
    if (numerator >= MOST || -numerator >= MOST || denominator >= MOST) refuse(`takes more than ${MOST_DIGITS} digits: look for a slip`);
    return [numerator, denominator];
  }
  const times = ([a, b], [c, d]) => lowest(a * c, b * d);
  const over = ([a, b], [c, d]) => lowest(a * d, b * c);
  const plus = ([a, b], [c, d]) => lowest(a * d + b * c, b * d);
  const minus = ([a, b]) => [-a, b];

  function sum() {
    let total = product();
    for (let sign; (sign = takes("+", "-")); ) {
      const term = product();
      total = plus(total, sign === "+" ? term : minus(term));
    }
    return total;
  }
  function product() {
    let total = signed();
    for (let sign; (sign = takes("*", "/")); ) total = (sign === "*" ? times : over)(total, signed());
    return total;
  }
  function signed() {
    const sign = takes("+", "-");
    if (sign) return sign === "-" ? minus(signed()) : signed();
    const base = atom();
    return takes("^") ? power(base, signed()) : base;
  }
  function power(base, [exponent, part]) {
    if (part !== 1n) refuse("has a power that is not a whole number");
    if (exponent < 0n) return power(over([1n, 1n], base), [-exponent, 1n]);
    let result = [1n, 1n];
    for (let square = base; exponent; square = exponent ? times(square, square) : square) {
      if (exponent % 2n) result = times(result, square);
      exponent /= 2n;
    }
    return result;
  }
  function atom() {
    const token = tokens[next++];
    if (Array.isArray(token)) return lowest(...token);
    if (token === undefined) refuse("ends where a number is missing");
    if (token !== "(") refuse(`has “${token}” where a number is missing`);
    const inside = sum();
    if (!takes(")")) refuse(tokens[next] === undefined ? "has a bracket that is never closed" : NOTHING_BETWEEN);
    return inside;
  }

  const [numerator, denominator] = sum();
  if (tokens[next] === ")") refuse("closes a bracket that was never opened");
  if (next < tokens.length) refuse(NOTHING_BETWEEN);
  return denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;
}
const NOTHING_BETWEEN = "has two numbers with no sign between them: write * to multiply";

/** Cut a calculation into signs and numbers; a number is a fraction, not yet in lowest terms. */
function scan(typed, refuse) {
  const source = typed
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0))
    .replaceAll("**", "^").replace(/[−–]/g, "-").replace(/[×·⋅∗]/g, "*").replace(/[÷⁄∕]/g, "/");
  const foreign = source.match(/\p{L}+/u) ?? source.match(/[^\d\s.,'’_+\-*/^()]/u);
  if (foreign) refuse(`holds ${quoted(foreign[0])}: ${ALLOWED}`);
  const tokens = [];
  for (let at = 0; at < source.length; ) {
    const character = source[at];
    NUMBER.lastIndex = at;
    const [number, whole = "", , decimals = ""] = NUMBER.exec(source);
    const digits = whole.replace(/\D/g, "") + decimals;
    if (digits) {
      if (digits.length > MOST_DIGITS) refuse(`takes more than ${MOST_DIGITS} digits: look for a slip`);
      tokens.push([BigInt(digits), 10n ** BigInt(decimals.length)]);
      at += number.length;
      if (source[at] === ",") refuse("has a comma that sets no thousands apart: write decimals with a point, as in 2.5");
      if (source[at] === ".") refuse("has a number with two points: write one, before the decimals");
    } else if ("+-*/^()".includes(character)) {
      tokens.push(character);
      at++;
    } else if (/\s/.test(character)) at++;
    else refuse(`has ${quoted(character)} out of place: ${ALLOWED}`);
  }
  return tokens;
}

/** The numbers of "14x14x20", "(14, 14, 20)" or "14 14 20"; null if the text lists none. */
export function readList(text) {
  const inside = text.trim().match(/^(?:\((.*)\)|\[(.*)\])$/s);
  const parts = (inside ? inside[1] ?? inside[2] : text).trim().split(/\s*[x×,;]\s*|\s+/i);
  return parts.length > 1 && parts.every((part) => /^[-−]?\d+(\.\d+)?$/.test(part)) ? parts : null;
}

// --- The box ---------------------------------------------------------------------------------------

const tried = (times) => `${times} ${times === 1 ? "try" : "tries"}`;

/** Number fields: what they hold as {answer, echo}, or null once they have said what is wrong. */
function numberFields(labels, check) {
  const fields = labels.map((label, k) => {
    const id = uniqueId("answer");
    const problem = h("div", { class: "cl-problem", id: `${id}-problem`, role: "alert" });
    const input = h("input", {
      id, type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": problem.id,
      // JupyterLab keeps Enter from sending a form.
      onkeydown: (event) => event.key === "Enter" && !event.isComposing && check(),
      oninput: (event) => {
        say(field, "");
        if (k === 0 && event.inputType === "insertFromPaste" && !GROUPED.test(input.value.trim())) share();
      },
      onchange: () => k === 0 && !GROUPED.test(input.value.trim()) && share(),
    });
    const element = h("div", { class: "cl-field" }, h("label", { for: id }, label), input);
    const field = { label, input, problem, element };
    return field;
  });
  const [first, ...others] = fields;

  function say({ input, problem }, sentence) {
    problem.textContent = sentence;
    if (sentence) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  /** Give each field its number of a list that stands in the first. */
  function share() {
    const parts = readList(first.input.value);
    if (!others.length || parts?.length !== fields.length) return;
    fields.forEach((field, k) => {
      field.input.value = parts[k];
      say(field, "");
    });
  }
  function readField({ label, input }) {
    const typed = input.value.trim();
    if (!typed) throw new Refusal(`Type a number for “${label}” first.`);
    const parts = others.length && !GROUPED.test(typed) ? readList(typed) : null;
    if (parts) throw new Refusal(`${quoted(typed)} lists ${parts.length} numbers, but ${fields.length} are asked for: ${labels.join(", ")}.`);
    return readNumber(typed);
  }
  function read() {
    if (others.every(({ input }) => !input.value.trim()) || !GROUPED.test(first.input.value.trim())) share();
    let refused = null;
    const numbers = fields.map((field) => {
      try {
        const number = readField(field);
        say(field, "");
        return number;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        say(field, error.message);
        refused ??= field;
      }
    });
    refused?.input.focus();
    if (refused) return null;
    const echoes = fields.map(({ input }, k) => {
      const typed = input.value.trim();
      const calculated = /[^\d\s.,'’_−-]/.test(typed) || /\d\s*[−-]/.test(typed);
      return calculated && typed !== numbers[k] ? `${typed} = ${numbers[k]}` : typed;
    });
    return { answer: numbers.join(","), echo: echoes.join(", ") };
  }
  return {
    elements: [h("div", { class: others.length ? "cl-fields" : "cl-fields cl-lone" }, ...fields.map(({ element }) => element)), ...fields.map(({ problem }) => problem)],
    read,
  };
}

/** Options of which one, or several, are chosen; read as numberFields are. */
function optionFields(options, several, check, title) {
  const group = uniqueId("options");
  const problem = h("div", { class: "cl-problem", id: `${group}-problem`, role: "alert" });
  const inputs = options.map(([key]) => h("input", {
    type: several ? "checkbox" : "radio", name: group, value: key, "aria-describedby": problem.id,
    onkeydown: (event) => event.key === "Enter" && check(),
    onchange: () => (problem.textContent = ""),
  }));
  function read() {
    const chosen = options.filter((_, k) => inputs[k].checked);
    problem.textContent = chosen.length ? "" : several ? "Tick at least one option first." : "Choose one of the options first.";
    if (!chosen.length) return inputs[0].focus(), null;
    return { answer: chosen.map(([key]) => key).sort().join(","), echo: chosen.map(([, words]) => words).join("; ") };
  }
  const labels = options.map(([, words], k) => h("label", { class: "cl-option" }, inputs[k], h("span", {}, words)));
  const list = h("div", { class: "cl-options", role: several ? "group" : "radiogroup", "aria-labelledby": title.id }, ...labels);
  return { elements: [list, problem], read };
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const root = h("div", { class: "cnnlesson cl-answer", role: "group" });
  let verdict, work, fields;

  function check() {
    const given = fields.read();
    work.replaceChildren();
    if (!given) return verdict.replaceChildren();
    const outcome = judge({ salt: get("salt"), replies: get("replies"), otherwise: get("otherwise"), work: get("work") }, given.answer);
    const before = get("answered");
    const tries = get("tries") + (before ? 0 : 1);
    const count = before ? null : outcome.right ? (tries === 1 ? "Solved at the first try." : `Solved in ${tried(tries)}.`) : `${tried(tries)} so far.`;
    verdict.className = outcome.right ? "cl-verdict cl-right" : "cl-verdict";
    verdict.replaceChildren(
      h("p", {}, h("strong", {}, h("span", { "aria-hidden": "true" }, outcome.right ? "✓ " : "✗ "), outcome.right ? "Right" : "Not yet"), " ", h("span", {}, given.echo)),
      ...(outcome.says.length ? [h("p", {}, outcome.says.join(" Or: "))] : []),
      ...(count ? [h("p", { class: "cl-tries" }, count)] : []),
    );
    if (outcome.work) {
      work.append(h("details", {}, h("summary", { "data-lm-suppress-shortcuts": "true" }, "Show the work"), h("div", { class: "cl-work" }, outcome.work)));
    }
    model.set({ tries, answered: before || outcome.right });
    model.save_changes();
  }

  function build() {
    const title = h("div", { class: "cl-title", id: uniqueId("title") }, get("title"));
    const form = get("form");
    verdict = h("div", { class: "cl-verdict", role: "status", "aria-live": "polite", "aria-atomic": "true" });
    work = h("div");
    fields = get("options").length ? optionFields(get("options"), form === "several", check, title) : numberFields(get("fields"), check);
    // The focus stays in the field that the answer is in.
    const judgeIt = button("Check", check, { onmousedown: (event) => event.preventDefault() });
    const [controls, ...problems] = fields.elements;
    if (controls.classList.contains("cl-fields")) controls.append(judgeIt);
    root.setAttribute("aria-label", `Practice: ${get("title")}`);
    root.replaceChildren(title, controls, ...(judgeIt.parentNode ? [] : [judgeIt]), ...problems, verdict, work);
  }
  build();
  el.append(root);
  const watched = ["title", "form", "fields", "options"];
  for (const name of watched) model.on(`change:${name}`, build);
  return () => {
    for (const name of watched) model.off(`change:${name}`, build);
  };
}

export default { render };
