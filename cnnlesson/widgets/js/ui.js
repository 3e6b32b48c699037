// Pieces that every visualiser is built from: elements, fields, a voice for screen readers.

/** Make an element: h("button", { onclick, "aria-label": "Play" }, "▶"). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  // JupyterLab would take arrow keys and letters for its own shortcuts.
  if (/^(button|input|select)$/.test(tag) || "tabindex" in attributes) {
    element.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// Each kind of visualiser brings a copy of this file, so counting alone would give an id twice.
const copy = Math.random().toString(36).slice(2);
let serial = 0;
/** An id that no other visualiser of the page has. */
export function uniqueId(prefix) {
  return `cnnlesson-${copy}-${prefix}-${++serial}`;
}

/** A whole number with a button on either side; what cannot be is refused at the field. */
export function stepper({ label, value, min, max, onchange }) {
  const id = uniqueId("field");
  const problem = h("div", { class: "cl-problem", id: `${id}-problem`, role: "alert" });
  const input = h("input", {
    id, type: "number", inputmode: "numeric", min, max, step: 1, value,
    "aria-describedby": problem.id,
    onchange: () => take(input.value),
    // JupyterLab keeps Enter from ending the edit.
    onkeydown: (event) => event.key === "Enter" && take(input.value),
  });
  let current;
  function take(text) {
    const number = Number(text);
    if (text === "" || !Number.isInteger(number) || number < min || number > max) {
      problem.textContent = `${label} must be a whole number from ${min} to ${max}, not “${text || "nothing"}”.`;
      input.setAttribute("aria-invalid", "true");
      return;
    }
    show(number);
    onchange(number);
  }
  function show(number) {
    current = number;
    problem.textContent = "";
    input.removeAttribute("aria-invalid");
    input.value = number;
    less.disabled = number <= min;
    more.disabled = number >= max;
  }
  /** Follow the widget; what is being typed, or was refused, stays while the number is the same. */
  function set(number) {
    if (number !== current) show(number);
  }
  const less = h("button", { type: "button", "aria-label": `${label}: less`, onclick: () => take(String(current - 1)) }, "−");
  const more = h("button", { type: "button", "aria-label": `${label}: more`, onclick: () => take(String(current + 1)) }, "+");
  const element = h("div", { class: "cl-field" },
    h("label", { for: id }, label), h("div", { class: "cl-stepper" }, less, input, more), problem);
  show(value);
  return { element, set };
}

/** One of several named choices. */
export function chooser({ label, options, value, onchange }) {
  const id = uniqueId("field");
  const select = h("select", { id, onchange: () => onchange(select.value) });
  function offer(list) {
    select.replaceChildren(...list.map(([key, words]) => h("option", { value: key }, words)));
  }
  offer(options);
  select.value = value;
  return {
    element: h("div", { class: "cl-field" }, h("label", { for: id }, label), select),
    set: (key) => (select.value = key),
    offer,
  };
}

export function button(words, onclick, attributes = {}) {
  return h("button", { type: "button", onclick, ...attributes }, words);
}

/** A polite voice: says the last thing it was told, once nothing has moved for a moment. */
export function voice() {
  const element = h("div", { class: "cl-hidden", role: "status", "aria-live": "polite" });
  let timer;
  return {
    element,
    say(sentence) {
      clearTimeout(timer);
      timer = setTimeout(() => (element.textContent = sentence), 350);
    },
    stop: () => clearTimeout(timer),
  };
}

/** Write a number for people: no more digits than it has, and a true minus. */
export function written(number, digits = 2) {
  return String(Number(number.toFixed(digits))).replace("-", "−");
}

/** The colours of the theme, by role. */
export function theme(element) {
  const style = getComputedStyle(element);
  const roles = ["ink", "paper", "muted", "edge", "surface", "input", "filter", "output", "focus", "low", "high"];
  return Object.fromEntries(roles.map((role) => [role, style.getPropertyValue(`--${role}`).trim()]));
}

/** Call back once an element has a place and colours, and whenever the page's theme changes. */
export function onAppearance(element, callback) {
  // A widget is drawn before it is put into its page, where no style applies yet.
  const shown = new ResizeObserver(() => {
    callback();
    shown.disconnect();
  });
  shown.observe(element);
  const observer = new MutationObserver(callback);
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  return () => {
    shown.disconnect();
    observer.disconnect();
    media.removeEventListener("change", callback);
  };
}

/** Hand the reader a file. */
export function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Hand the reader a drawing as "svg", or as "png" at twice its size. */
export function savePicture(name, type, svg, width, height) {
  if (type === "svg") return download(`${name}.svg`, "image/svg+xml", svg);
  const picture = new Image();
  picture.onload = () => {
    const canvas = h("canvas", { width: Math.round(2 * width), height: Math.round(2 * height) });
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => download(`${name}.png`, "image/png", blob));
  };
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
}
