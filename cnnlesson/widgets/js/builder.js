// The network builder: a stack of layers to assemble, and what each of them costs.
import { dilatedFilterSize, samePadding, spare } from "./arithmetic.js";
import { button, chooser, h, onAppearance, savePicture, stepper, theme, uniqueId, voice } from "./ui.js";

// --- A stack, row by row, as cnnlesson.network has it; a test holds the two equal ----------------
// Counts and receptive fields are BigInts, since a deep stack may exceed what a number holds.

const times = (sizes) => sizes.join(" × ");
const bothAxes = (value) => (Array.isArray(value) ? value : [value, value]);

/** A setting as Python writes it in a layer's name. */
function asTuple(value) {
  if (!Array.isArray(value)) return String(value);
  return `(${value.map(asTuple).join(", ")}${value.length === 1 ? "," : ""})`;
}
const setting = (name, value, usual) => (asTuple(value) === asTuple(usual) ? "" : `, ${name} ${asTuple(value)}`);

/** What a layer is, in words. */
export function layerName(layer) {
  const bias = layer.bias === false ? ", no bias" : "";
  switch (layer.layer) {
    case "conv":
      return `${layer.shared ? "Conv" : "Unshared conv"} ${times(bothAxes(layer.filter_size))}, ${layer.out_channels} maps` +
        setting("stride", layer.stride, 1) + setting("padding", layer.padding, 0) + setting("dilation", layer.dilation, 1) +
        setting("groups", layer.groups, 1) + (layer.connections ? ", by table" : "") + bias;
    case "pool":
      return `${layer.kind === "max" ? "Max" : "Average"} pool ${times(bothAxes(layer.filter_size))}` +
        setting("stride", layer.stride ?? layer.filter_size, layer.filter_size) + setting("padding", layer.padding, 0) +
        (layer.ceil ? ", ceil" : "") + (layer.trainable ? ", trainable" : "");
    case "global_pool": return `Global ${layer.kind} pool`;
    case "flatten": return "Flatten";
    case "dense": return `Dense, ${layer.units} units${bias}`;
    case "radial_basis": return `Radial basis, ${layer.units} units, fixed`;
    case "activation": return { relu: "ReLU", relu6: "ReLU6", tanh: "Tanh" }[layer.kind];
    default: return "Batch norm";
  }
}

/** A layer that cannot be: its message is the reason. */
class Impossible extends Error {}

/** The zeros before and after, along axis 0 (height) or 1 (width). */
function zerosAlong(axis, padding, { inputSize, filterSize, stride, dilation }) {
  if (padding === "valid") return [0, 0];
  if (padding === "full") return Array(2).fill(dilatedFilterSize(filterSize, dilation) - 1);
  if (padding === "same") {
    if (stride === 1) return samePadding({ inputSize, filterSize, dilation }, "tensorflow");
    throw new Impossible(
      `"same" padding at stride ${stride} differs between frameworks: ask same_padding(...) for the ` +
        "convention you mean, or give the padding in numbers",
    );
  }
  return bothAxes(bothAxes(padding)[axis]);
}

/** A window along one axis, once it is sure to fit, and the pixels that its first position leaves over. */
function fitted(axis, layer, size, symbol) {
  const [filterSize, stride, dilation] = [layer.filter_size, layer.stride ?? layer.filter_size, layer.dilation ?? 1].map((each) => bothAxes(each)[axis]);
  const [before, after] = zerosAlong(axis, layer.padding, { inputSize: size, filterSize, stride, dilation });
  const along = { inputSize: size, filterSize, stride, dilation, before, after };
  const left = spare(along);
  if (left >= 0) return { ...along, left };
  const padded = size + before + after, reach = dilatedFilterSize(filterSize, dilation);
  const spread = dilation > 1 ? `, which dilation ${dilation} spreads over ${reach} pixels,` : "";
  const ends = before === after ? `2P = ${size} + 2*${before}` : `P + P = ${size} + ${before} + ${after}`;
  throw new Impossible(
    `a filter of size F = ${filterSize}${spread} does not fit into the padded input, ${symbol} + ${ends} = ${padded}: ` +
      `take a filter of at most ${Math.floor((padded - 1) / dilation) + 1}, an input of at least ${size - left}, ` +
      `or at each end a padding of at least ${Math.ceil((reach - size) / 2)}`,
  );
}

/** The windows of a pool along one axis. */
function pooledSize({ inputSize, filterSize, stride, before, after, left }, ceil) {
  const half = Math.floor(filterSize / 2), most = Math.max(before, after);
  if (most > half) {
    throw new Impossible(`padding is ${most}, but a window of ${filterSize} (dilation 1) takes at most half of its reach, ${half}`);
  }
  if (!ceil) return Math.floor(left / stride) + 1;
  const windows = Math.ceil(left / stride) + 1;
  return (windows - 1) * stride >= inputSize + before ? windows - 1 : windows;
}

function perGroup(name, channels, groups) {
  if (channels % groups === 0) return channels / groups;
  throw new Impossible(`${groups} groups do not divide ${name} = ${channels}: take groups that do, or ${Math.ceil(channels / groups) * groups} channels`);
}

/** How many channels each bundle of filters sees: [[depth, filters], ...]. */
function bundles({ connections, groups, out_channels: filters }, depth) {
  if (!connections) {
    const seen = perGroup("in_channels", depth, groups);
    perGroup("out_channels", filters, groups);
    return [[seen, filters]];
  }
  if (groups !== 1) throw new Impossible(`a connection table and ${groups} groups exclude each other: take groups=1`);
  if (connections.length !== filters) {
    throw new Impossible(`the connection table has ${connections.length} rows for ${filters} filters: give one row for each`);
  }
  return connections.map((channels) => {
    const seen = new Set(channels);
    if (!channels.length || seen.size < channels.length) throw new Impossible(`a filter sees some channels, each once, not ${asTuple(channels)}`);
    if (Math.max(...channels) >= depth) throw new Impossible(`a filter sees channels ${asTuple(channels)}, but the input has 0 to ${depth - 1}`);
    return [channels.length, 1];
  });
}

const product = (numbers) => numbers.reduce((result, number) => result * BigInt(number), 1n);

/** What one layer makes of a shape: shape, parameters, multiplyAdds, and its windows [reach - 1, stride] along both axes. */
function passed(layer, shape) {
  const [height, width, depth] = shape;
  const untouched = { shape, parameters: 0n, multiplyAdds: 0n, windows: [[0, 1], [0, 1]] };
  const whole = { ...untouched, windows: [[height - 1, height], [width - 1, width]] };
  const moving = (axes) => axes.map(({ filterSize, stride, dilation }) => [dilatedFilterSize(filterSize, dilation) - 1, stride]);
  switch (layer.layer) {
    case "conv": {
      const axes = [fitted(0, layer, height, "H"), fitted(1, layer, width, "W")];
      const positions = axes.map(({ left, stride }) => Math.floor(left / stride) + 1);
      let weights = 0n;
      for (const [seen, filters] of bundles(layer, depth)) weights += product([...bothAxes(layer.filter_size), seen, filters]);
      const shared = weights + BigInt(layer.bias ? layer.out_channels : 0);
      return {
        shape: [...positions, layer.out_channels], windows: moving(axes), multiplyAdds: weights * product(positions),
        parameters: layer.shared ? shared : shared * product(positions),
      };
    }
    case "pool": {
      // All that can be wrong along the height comes before the width, as in the library.
      const axes = [], sizes = [];
      for (const axis of [0, 1]) {
        axes.push(fitted(axis, layer, shape[axis], "W"));
        sizes.push(pooledSize(axes[axis], layer.ceil));
      }
      const pooled = [...sizes, depth];
      return { shape: pooled, windows: moving(axes), parameters: layer.trainable ? 2n * BigInt(depth) : 0n, multiplyAdds: layer.trainable ? product(pooled) : 0n };
    }
    case "global_pool": return { ...whole, shape: [1, 1, depth] };
    case "flatten": return { ...whole, shape: [1, 1, height * width * depth] };
    case "dense":
    case "radial_basis": {
      const multiplyAdds = product([...shape, layer.units]);
      const parameters = layer.layer === "dense" ? multiplyAdds + BigInt(layer.bias ? layer.units : 0) : 0n;
      return { ...whole, shape: [1, 1, layer.units], multiplyAdds, parameters };
    }
    case "batch_norm": return { ...untouched, parameters: 2n * BigInt(depth) };
    default: return untouched;
  }
}

/** The rows of a stack up to the first layer that cannot be, and why that one cannot; null if all can. */
export function stackRows(inputShape, layers) {
  const rows = [];
  let shape = inputShape, fields = [[1n, 1n], [1n, 1n]]; // size and jump, along height and width
  for (const [index, layer] of layers.entries()) {
    const name = layerName(layer);
    let made;
    try {
      made = passed(layer, shape);
    } catch (error) {
      if (!(error instanceof Impossible)) throw error;
      return { rows, problem: `layer ${index + 1} (${name}) cannot follow ${times(shape)}: ${error.message}` };
    }
    shape = made.shape;
    fields = fields.map(([size, jump], axis) => {
      const [grown, stride] = made.windows[axis].map(BigInt);
      return [size + grown * jump, jump * stride];
    });
    rows.push({
      position: String(index + 1), layer: name, shape, parameters: made.parameters, multiplyAdds: made.multiplyAdds,
      memory: 4n * product(shape), field: fields.map(([size]) => size),
    });
  }
  return { rows, problem: layers.length ? null : "Network has no layers: give at least one" };
}

/** Height and width through the convolutions and pools, up to the layer that takes in the whole: [{label, size}], size null if it does not fit. */
export function shrinking(inputShape, layers, { padded }) {
  const steps = [{ label: "Input", size: inputShape.slice(0, 2) }];
  let shape = inputShape;
  for (const [index, layer] of layers.entries()) {
    if (/^(global_pool|flatten|dense|radial_basis)$/.test(layer.layer)) break;
    if (!/^(conv|pool)$/.test(layer.layer)) continue;
    const label = `${index + 1} ${layer.layer === "conv" ? "Conv" : "Pool"} ${[...new Set(bothAxes(layer.filter_size))].join("×")}`;
    try {
      if (shape) ({ shape } = passed(padded ? layer : { ...layer, padding: 0 }, shape));
    } catch (error) {
      if (!(error instanceof Impossible)) throw error;
      shape = null;
    }
    steps.push({ label, size: shape && shape.slice(0, 2) });
  }
  return steps;
}

// --- Pictures, as SVG text: the same is shown and saved ------------------------------------------

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
const escaped = (words) => words.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const put = (x, y, words, fill, extra = "") => `<text x="${x}" y="${y}" fill="${fill}" font-size="12" ${extra}>${escaped(words)}</text>`;
const svgText = (width, height, body, more = "") =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" ${more}>\n${body.join("\n")}\n</svg>`;

const QUANTITIES = [
  ["parameters", "Parameters"], ["multiplyAdds", "Multiply-adds"], ["memory", "Memory (bytes)"], ["field", "Receptive field (pixels)"],
];
const lengthOf = (row, quantity) => Number(quantity === "field" ? row.field.reduce((a, b) => (a > b ? a : b)) : row[quantity]);
const numberOf = (row, quantity) => (quantity === "field" ? times(row.field) : grouped(row[quantity]));

/** One bar per layer, its number beside it. */
function barsPicture(rows, quantity, logarithmic, width, colours) {
  const labels = width > 560 ? 250 : 118, room = Math.max(40, width - labels - 150), pitch = 21;
  const most = Math.max(...rows.map((row) => lengthOf(row, quantity)), 1);
  const sum = rows.reduce((total, row) => total + lengthOf(row, quantity), 0);
  const body = rows.map((row, k) => {
    const value = lengthOf(row, quantity), y = k * pitch;
    const long = room * (logarithmic ? Math.log10(1 + value) / Math.log10(1 + most) : value / most);
    const letters = Math.floor(labels / 6.6) - 2, label = `${row.position} ${row.layer}`;
    const share = quantity !== "field" && value ? ` (${sharePercent(value, sum)})` : "";
    return put(0, y + 14, label.length > letters ? `${label.slice(0, letters - 1)}…` : label, colours.ink) +
      `<rect x="${labels}" y="${y + 3}" width="${value ? Math.max(long, 1).toFixed(1) : 0}" height="${pitch - 7}" fill="${colours.input}"/>` +
      put((labels + long + 6).toFixed(1), y + 14, numberOf(row, quantity) + share, colours.ink);
  });
  return { width, height: rows.length * pitch + 4, body };
}
const sharePercent = (value, sum) => (value / sum < 0.005 ? "under 1 %" : `${Math.round((100 * value) / sum)} %`);

/** The extent after every convolution and pool, drawn to scale: with the padding as set, and with none. */
function shrinkingPicture(asSet, without, colours) {
  const pitch = 66, largest = 52, left = 4;
  const extents = [...asSet, ...without].flatMap(({ size }) => size ?? []);
  const scale = largest / Math.max(...extents);
  const line = (steps, top, title, dashed) => [
    put(left, top, title, colours.ink, 'font-weight="600"'),
    ...steps.map(({ label, size }, k) => {
      const x = left + k * pitch, middle = x + pitch / 2 - 3, anchored = 'text-anchor="middle"';
      if (!size) return put(middle, top + 40, "✗", colours.ink, anchored) + put(middle, top + 78, "none left", colours.ink, anchored) + put(middle, top + 94, label, colours.muted, anchored);
      const [tall, wide] = size.map((each) => Math.max(2, each * scale));
      return `<rect x="${(middle - wide / 2).toFixed(1)}" y="${(top + 64 - tall).toFixed(1)}" width="${wide.toFixed(1)}" height="${tall.toFixed(1)}" ` +
        `fill="${dashed ? colours.surface : colours.output}" stroke="${colours.ink}" ${dashed ? 'stroke-dasharray="3 2"' : ""}/>` +
        put(middle, top + 78, sizeWords(size), colours.ink, anchored) + put(middle, top + 94, label, colours.muted, anchored);
    }),
  ];
  return {
    width: Math.max(left + asSet.length * pitch, 210), height: 226,
    body: [...line(asSet, 14, "With the padding as set", false), ...line(without, 128, "With no padding", true)],
  };
}
const sizeWords = ([tall, wide]) => (tall === wide ? String(wide) : `${tall}×${wide}`);
const sizesInWords = (steps) => steps.map(({ size }) => (size ? sizeWords(size) : "none left")).join(", ");

// --- The visualiser ------------------------------------------------------------------------------

const HEADS = ["Layer", "Output (H × W × C)", "Parameters", "Multiply-adds", "Memory (bytes)", "Receptive field"];
const FIELDS = {
  filter_size: ["Filter size F", 1], out_channels: ["Filters K", 1], stride: ["Stride S", 1], padding: ["Padding P", 0],
  dilation: ["Dilation D", 1], groups: ["Groups G", 1], units: ["Units", 1],
};
const SWITCHES = { bias: "Bias", shared: "Weights shared between positions", ceil: "A last window may hang over", trainable: "A weight and a bias per map" };
const KINDS = {
  pool: [["max", "maximum"], ["average", "average"]], global_pool: [["max", "maximum"], ["average", "average"]],
  activation: [["relu", "ReLU"], ["relu6", "ReLU6"], ["tanh", "tanh"]],
};

function render({ model, el }) {
  const get = (name) => model.get(name);
  const { presets, new: fresh, largest, most_layers: mostLayers } = get("catalogue");
  const root = h("div", { class: "cnnlesson cl-builder", role: "group", "aria-label": "Network builder" });
  const say = voice();
  let current = Math.max(0, get("layers").length - 1); // the layer that the keys act on
  let opened = -1; // the layer whose settings are shown
  let quantity = "parameters", logarithmic = false, predicted = null, own = null, announcement = "";
  const past = [];

  // --- What the stack comes to -----------------------------------------------------------------

  let rows, problem, broken, title;
  function compute() {
    if (get("preset")) {
      const keys = ["position", "layer", "shape", "parameters", "multiplyAdds", "memory", "field"];
      rows = presets[get("preset")].rows.map((row) => Object.fromEntries(row.map((value, k) => [keys[k], value])));
      problem = null;
    } else {
      ({ rows, problem } = stackRows(get("input_shape"), get("layers")));
      if (!get("layers").length) problem = "There is no layer yet: add one.";
    }
    broken = problem && get("layers").length ? rows.length : -1;
    title = presetOf();
  }
  const total = (name) => rows.reduce((sum, row) => sum + BigInt(row[name]), 0n);
  const asking = () => get("predict") && !predicted;
  const sentence = (words) => words[0].toUpperCase() + words.slice(1) + (words.endsWith(".") ? "" : ".");

  // --- Changing it -----------------------------------------------------------------------------

  function change(traits, words = "") {
    past.push({ layers: get("layers"), input_shape: get("input_shape"), preset: get("preset") });
    if (past.length > 50) past.shift();
    announcement = words;
    model.set(traits);
    model.save_changes();
  }
  function adjust(name, value) {
    const layers = get("layers");
    change({ layers: layers.map((layer, k) => (k === opened ? { ...layer, [name]: value } : layer)) });
  }
  function add() {
    const layers = get("layers");
    if (layers.length >= mostLayers) return complain(`There are ${layers.length} layers already, the most that can be shown: remove one first.`);
    current = layers.length ? current + 1 : 0;
    opened = current;
    change({ layers: layers.toSpliced(current, 0, { ...fresh[kind.value()] }), preset: "" }, `Added layer ${current + 1}.`);
  }
  function remove(gone) {
    const layers = get("layers"), focused = list.contains(document.activeElement);
    current = Math.max(0, Math.min(gone, layers.length - 2));
    opened = -1;
    change({ layers: layers.toSpliced(gone, 1) }, `Removed layer ${gone + 1}.`);
    refresh();
    if (focused) (layers.length > 1 ? lines[current].name : adder).focus();
  }
  function move(from, by) {
    const layers = get("layers"), to = from + by;
    if (to < 0 || to >= layers.length) return;
    const byKey = document.activeElement === lines[from].name;
    current = to;
    opened = opened === from ? to : opened === to ? from : opened;
    change({ layers: layers.toSpliced(from, 1).toSpliced(to, 0, layers[from]) }, `Moved layer ${from + 1} to place ${to + 1}.`);
    refresh();
    if (byKey) lines[to].name.focus();
  }
  function undo() {
    if (!past.length) return;
    const before = past.pop();
    announcement = "Undone.";
    opened = -1;
    model.set(before);
    model.save_changes();
  }

  const presetOf = () => get("preset") || Object.keys(presets).find((name) => presets[name].layers &&
    JSON.stringify([presets[name].input_shape, presets[name].layers]) === JSON.stringify([get("input_shape"), get("layers")])) || "";
  const source = chooser({
    label: "Network", value: "",
    options: [["", "your own stack"], ...Object.entries(presets).map(([name, { rows: fixed }]) => [name, fixed ? `${name} (rows only)` : name])],
    onchange(name) {
      if (!title) own = { layers: get("layers"), input_shape: get("input_shape") };
      predicted = null;
      opened = -1;
      const { layers, input_shape: shape } = presets[name] ?? {};
      if (name && !layers) return change({ preset: name });
      current = Math.max(0, (layers ?? own?.layers ?? get("layers")).length - 1);
      change({ preset: "", ...(name ? { layers, input_shape: shape } : own) });
    },
  });
  const sizes = ["height", "width", "depth"].map((name, k) => stepper({
    label: `Input ${name} ${"HWC"[k]}`, value: get("input_shape")[k], min: 1, max: largest[name],
    onchange: (n) => change({ input_shape: get("input_shape").with(k, n) }),
  }));
  const kinds = h("select", { id: uniqueId("kind") }, ...Object.keys(fresh).map((words) => h("option", { value: words }, words)));
  const kind = { element: h("div", { class: "cl-field" }, h("label", { for: kinds.id }, "New layer"), kinds), value: () => kinds.value };
  const adder = button("Add", add);
  const undoing = button("Undo", undo);
  const editing = h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Input and new layers"), ...sizes.map((field) => field.element), kind.element, adder, undoing);
  const notice = h("p", { class: "cl-note" }, "This network has blocks: they are shown as the rows that Python has computed, and cannot be edited here.");

  // --- The settings of the current layer, in a row below it ------------------------------------

  const settings = h("div", { class: "cl-settings" });
  const panel = h("tr", {}, h("td", { colspan: HEADS.length }, settings));
  let panelFor = null, panelFields = [];
  function furnish(layer) {
    const shape = (name) => (typeof layer[name] === "number" || layer[name] == null ? "" : asTuple(layer[name]));
    const key = JSON.stringify([layer.layer, layer.connections != null, ...Object.keys(FIELDS).map(shape)]);
    if (key !== panelFor) {
      panelFor = key;
      panelFields = Object.keys(layer).flatMap((name) => controls(layer, name));
      settings.replaceChildren(
        h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Settings of this layer"), ...panelFields.map((field) => field.element)),
        h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Place of this layer"), up, down, button("Remove layer", () => remove(opened)), button("Close settings", () => {
          current = opened;
          opened = -1;
          refresh();
          lines[current].name.focus();
        })),
      );
    }
    for (const field of panelFields) field.show(layer);
    up.disabled = opened === 0;
    down.disabled = opened >= get("layers").length - 1;
  }
  const up = button("Move up", () => move(opened, -1)), down = button("Move down", () => move(opened, 1));

  /** The controls of one setting: what each shows follows the layer. */
  function controls(layer, name) {
    const value = layer[name], found = [];
    if (name === "kind") {
      const field = chooser({ label: "Kind", options: KINDS[layer.layer], value, onchange: (key) => adjust("kind", key) });
      found.push({ element: field.element, show: (now) => field.set(now.kind) });
    } else if (name === "connections" && value) {
      const words = h("span", {}, "Each filter sees the channels of a table (LeNet-5, 1998).");
      found.push({ element: h("div", { class: "cl-field" }, words, button("Let every filter see all maps", () => adjust("connections", null))), show() {} });
    } else if (SWITCHES[name]) {
      const box = h("input", { type: "checkbox", onchange: () => adjust(name, box.checked) });
      found.push({ element: h("label", { class: "cl-check" }, box, SWITCHES[name]), show: (now) => (box.checked = now[name]) });
    } else if (FIELDS[name]) {
      const [label, min] = FIELDS[name];
      if (name === "padding" && layer.layer === "conv") {
        const rule = chooser({
          label: "Padding rule", value: "",
          options: [["", "as many zeros as P says"], ["valid", "valid: none"], ["same", "same: keep the size"], ["full", "full: every overlap"]],
          onchange: (key) => adjust("padding", key || 0),
        });
        found.push({ element: rule.element, show: (now) => rule.set(typeof now.padding === "string" ? now.padding : "") });
      }
      if (Array.isArray(value)) {
        const words = h("span", {}, `${label}: ${asTuple(value)}`);
        found.push({ element: h("div", { class: "cl-field" }, words, button("One number for all sides", () => adjust(name, value.flat()[0]))), show() {} });
      } else if (typeof value !== "string") {
        const shown = (now) => now[name] ?? now.filter_size; // a pool's stride is its size unless given
        const field = stepper({ label, value: bothAxes(shown(layer))[0], min, max: largest[name], onchange: (n) => adjust(name, n) });
        found.push({ element: field.element, show: (now) => field.set(bothAxes(shown(now))[0]) });
      }
    }
    return found;
  }

  // --- The table -------------------------------------------------------------------------------

  const list = h("tbody"), lines = [];
  const inputLine = h("tr", {}, h("th", { scope: "row" }, "Input"), h("td"), ...Array.from({ length: 4 }, () => h("td", {}, "–")));
  const sums = HEADS.slice(1).map(() => h("td"));
  const caption = h("caption");
  const reason = h("td", { colspan: HEADS.length, class: "cl-problem", id: uniqueId("reason") });
  const reasonLine = h("tr", {}, reason);
  const table = h("table", {}, caption, h("thead", {}, h("tr", {}, ...HEADS.map((words) => h("th", { scope: "col" }, words)))), list,
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, "Total"), ...sums)));
  const frame = h("div", { class: "cl-table", role: "group", tabindex: 0, "aria-label": "Table of the layers" }, table);
  const keys = h("p", { class: "cl-note", id: uniqueId("keys") },
    "Choose a layer to edit it. Keys: ↑ ↓ go from layer to layer, Enter opens its settings, Alt+↑ and Alt+↓ move it, Delete removes it.");

  function newLine() {
    const index = lines.length;
    const name = button("", () => {
      opened = opened === index ? -1 : index;
      current = index;
      refresh();
    }, { class: "cl-name", "aria-describedby": keys.id });
    name.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (event.altKey && step) move(index, step);
      else if (event.key === "Delete" || event.key === "Backspace") remove(index);
      else if (step || event.key === "Home" || event.key === "End") {
        const last = get("layers").length - 1;
        current = event.key === "Home" ? 0 : event.key === "End" ? last : Math.min(last, Math.max(0, index + step));
        refresh();
        lines[current].name.focus();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    name.addEventListener("focus", () => {
      current = index;
      for (const [k, each] of lines.entries()) each.name.tabIndex = k === index ? 0 : -1;
      tellPlace();
    });
    const label = h("span"), cells = HEADS.slice(1).map(() => h("td"));
    const line = { name, label, cells, row: h("tr", {}, h("th", { scope: "row" }, name, label), ...cells) };
    lines.push(line);
    return line;
  }
  const write = (element, words) => element.textContent !== words && (element.textContent = words);
  const tellPlace = () => write(adder, get("layers").length && !get("preset") ? `Add after layer ${current + 1}` : "Add");

  function drawTable() {
    const fixed = Boolean(get("preset")), hidden = asking();
    const shape = fixed ? presets[get("preset")].input_shape : get("input_shape");
    const count = fixed ? rows.length : get("layers").length;
    if (!inputLine.isConnected) list.prepend(inputLine);
    write(inputLine.cells[1], times(shape));
    while (lines.length < count) list.append(newLine().row);
    lines.forEach(({ name, label, cells, row }, k) => {
      row.hidden = k >= count;
      if (row.hidden) return;
      const made = rows[k];
      const words = fixed ? `${made.position} ${made.layer}` : `${k + 1} ${layerName(get("layers")[k])}`;
      name.hidden = fixed;
      label.hidden = !fixed;
      const failed = !hidden && k === broken;
      write(fixed ? label : name, failed ? `✗ ${words}` : words);
      if (!fixed) {
        name.tabIndex = k === current ? 0 : -1;
        name.setAttribute("aria-expanded", String(k === opened));
      }
      row.classList.toggle("cl-broken", failed);
      row.classList.toggle("cl-current", !fixed && k === opened);
      const missing = problem && k > broken ? "not reached" : "impossible";
      const numbers = hidden ? Array(5).fill("?")
        : made ? [times(made.shape), ...["parameters", "multiplyAdds", "memory", "field"].map((which) => numberOf(made, which))]
        : [missing, "–", "–", "–", "–"];
      cells.forEach((cell, j) => write(cell, numbers[j]));
    });
    place(reasonLine, !hidden && broken >= 0 ? lines[broken].row : null);
    write(reason, problem && !hidden ? sentence(problem) : "");
    const chosen = fixed ? null : lines[opened]?.row;
    if (chosen) furnish(get("layers")[opened]);
    place(panel, chosen && broken === opened && !hidden ? reasonLine : chosen);
    const last = rows.at(-1);
    const totals = hidden ? Array(5).fill("?") : !last || problem ? Array(5).fill("–")
      : [times(last.shape), ...["parameters", "multiplyAdds", "memory"].map((which) => grouped(total(which))), times(last.field)];
    sums.forEach((cell, j) => write(cell, totals[j]));
    write(caption, `${title || "Your own stack"}, for an input of ${times(shape)}`);
  }
  /** Put a row below another, or away; only if it is not there yet, since moving it would take the focus from it. */
  function place(row, above) {
    if (!above) return row.remove();
    if (above.nextSibling === row) return;
    const focused = row.contains(document.activeElement) ? document.activeElement : null;
    above.after(row);
    focused?.focus();
  }

  // --- Bars, and how sizes shrink --------------------------------------------------------------

  const bars = h("div", { class: "cl-bars", role: "img", tabindex: 0 });
  const barsOf = chooser({ label: "Bars show", options: QUANTITIES, value: quantity, onchange: (key) => { quantity = key; refresh(); } });
  const scale = button("Logarithmic scale", () => { logarithmic = !logarithmic; refresh(); }, { "aria-pressed": "false" });
  const scaleNote = h("span", { class: "cl-note" });
  const shrink = h("div", { class: "cl-shrink", role: "img", tabindex: 0 });
  const charts = h("div", {}, h("h3", {}, "Layer by layer"), h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Bars"), barsOf.element, scale, scaleNote), bars);
  const shrinkTitle = h("h3", {}, "Size after each convolution and pool");
  const shrinks = h("div", {}, shrinkTitle, shrink);

  // Read when they change, not at every redraw: asking for them would lay out the page once more.
  let colours = theme(root), room = 740;
  const drawn = new Map();
  function pictures() {
    const fixed = get("preset");
    const found = [{ host: bars, ...barsPicture(rows, quantity, logarithmic, room, colours) }];
    const asSet = fixed ? [] : shrinking(get("input_shape"), get("layers"), { padded: true });
    if (asSet.length > 1) {
      const without = shrinking(get("input_shape"), get("layers"), { padded: false });
      found.push({ host: shrink, asSet, without, ...shrinkingPicture(asSet, without, colours) });
    }
    return found;
  }
  function drawPictures() {
    charts.hidden = asking() || !rows.length;
    shrinks.hidden = true;
    if (asking() || !rows.length) return;
    for (const { host, width, height, body, asSet, without } of pictures()) {
      const svg = svgText(width, height, body, 'aria-hidden="true"');
      if (drawn.get(host) !== svg) host.innerHTML = svg;
      drawn.set(host, svg);
      if (host === shrink) {
        shrinks.hidden = false;
        host.setAttribute("aria-label", `Sizes after each convolution and pool. With the padding as set: ${sizesInWords(asSet)}. With no padding: ${sizesInWords(without)}.`);
      }
    }
    const words = QUANTITIES.find(([key]) => key === quantity)[1];
    const most = rows.reduce((best, row) => (lengthOf(row, quantity) > lengthOf(best, quantity) ? row : best));
    const told = rows.length > 12 ? "the largest is that of " : "";
    const numbers = (told ? [most] : rows).map((row) => `${row.position} ${row.layer}: ${numberOf(row, quantity)}`);
    bars.setAttribute("aria-label", `${words} of each layer as bars, ${logarithmic ? "logarithmic" : "linear"}; ${told}${numbers.join("; ")}.${told ? " The table has all numbers." : ""}`);
    scale.setAttribute("aria-pressed", String(logarithmic));
    write(scaleNote, logarithmic ? "Logarithmic: every further digit adds the same length." : "Linear: twice the number, twice the length.");
  }

  function save(type) {
    if (asking()) return complain("Predict the output first: the picture would show it.");
    if (!rows.length) return complain("There is nothing to save yet: add a layer first.");
    const parts = [], found = pictures();
    const name = QUANTITIES.find(([key]) => key === quantity)[1];
    const shape = get("preset") ? presets[get("preset")].input_shape : get("input_shape");
    let y = 66;
    for (const { width, height, body } of found) {
      parts.push(`<g transform="translate(16 ${y})">\n${body.join("\n")}\n</g>`);
      y += height + 20;
    }
    const result = problem ? "(a layer does not fit)" : `to ${times(rows.at(-1).shape)}, ${grouped(total("parameters"))} parameters, ${grouped(total("multiplyAdds"))} multiply-adds`;
    const width = Math.max(600, ...found.map((part) => part.width)) + 32;
    const svg = `${svgText(width, y, [`<rect width="100%" height="100%" fill="${colours.paper}"/>`,
      put(16, 24, `${title || "Network"}: ${times(shape)} ${result}`, colours.ink, 'font-weight="600"'),
      put(16, 48, problem ? sentence(problem.split(": ")[0]) : `${name} of each layer, ${logarithmic ? "logarithmic" : "linear"} scale`, colours.ink), ...parts])}\n`;
    savePicture("network", type, svg, width, y);
  }

  // --- Goal and prediction ---------------------------------------------------------------------

  const goal = h("div", { class: "cl-goal", role: "status" });
  function judge() {
    const wanted = get("goal"), last = rows.at(-1);
    goal.hidden = !Object.keys(wanted).length;
    if (goal.hidden) return;
    const whole = last && !problem;
    const parts = Object.entries(wanted).map(([name, target]) => {
      if (name === "output") return [`an output of ${times(target)}`, whole && times(last.shape) === times(target)];
      if (name === "receptive_field") return [`a receptive field of at least ${grouped(target)} pixels each way`, whole && last.field.every((size) => size >= target)];
      const key = name === "multiply_adds" ? "multiplyAdds" : name;
      return [`at most ${grouped(target)} ${name === "memory" ? "bytes of memory" : name.replace("_", "-")}`, whole && total(key) <= BigInt(target)];
    });
    const reached = parts.every(([, met]) => met);
    write(goal, `Goal: ${parts.map(([words, met]) => (asking() ? words : `${words} (${met ? "met" : "not met"})`)).join(", ")}. ${asking() ? "" : reached ? "Reached!" : "Not yet."}`.trim());
  }

  const guess = ["height", "width", "depth"].map((name) => h("input", { type: "number", min: 1, "aria-label": `predicted ${name}` }));
  const prediction = h("fieldset", {}, h("legend", {}, "Predict first: height, width and depth of the last output?"), guess[0], "×", guess[1], "×", guess[2], button("Show it", () => {
    if (!guess.every((field) => /^[1-9]\d*$/.test(field.value))) return complain("Give a height, a width and a depth as whole numbers from 1 first.");
    const words = times(guess.map((field) => Number(field.value)));
    predicted = problem ? `You predicted ${words}; there is no output: ${problem}.`
      : `You predicted ${words}; it is ${times(rows.at(-1).shape)}${words === times(rows.at(-1).shape) ? ": right!" : "."}`;
    refresh();
  }));
  const compared = h("div", { role: "status" });

  // --- Putting it together ---------------------------------------------------------------------

  const trouble = h("div", { class: "cl-problem", role: "alert" });
  const complain = (words) => write(trouble, words);

  function refresh() {
    compute();
    const fixed = Boolean(get("preset"));
    complain(problem && broken < 0 ? problem : "");
    current = Math.max(0, Math.min(current, get("layers").length - 1));
    if (opened >= get("layers").length) opened = -1;
    source.set(title);
    sizes.forEach((field, k) => field.set(get("input_shape")[k]));
    editing.hidden = keys.hidden = fixed;
    notice.hidden = !fixed;
    undoing.disabled = !past.length;
    tellPlace();
    drawTable();
    drawPictures();
    prediction.hidden = !asking();
    write(compared, predicted ?? "");
    judge();
    speak();
  }
  let spoken = "";
  function speak() {
    const last = rows.at(-1);
    const result = asking() ? "" : problem ? sentence(problem)
      : `The output is ${times(last.shape)}; ${grouped(total("parameters"))} parameters, ${grouped(total("multiplyAdds"))} multiply-adds.`.replaceAll("×", "by");
    const words = `${announcement} ${result}`.trim();
    announcement = "";
    if (words && result !== spoken || words !== result) say.say(words);
    spoken = result;
  }

  root.append(
    goal, prediction, compared,
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Network"), source.element),
    editing, notice, trouble, keys, frame, charts, shrinks,
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Saving"), button("Save picture (SVG)", () => save("svg")), button("Save picture (PNG)", () => save("png"))),
    say.element,
  );
  el.append(root);
  refresh();
  let waiting = 0;
  const again = () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      refresh();
    });
  };
  const askAgain = () => {
    predicted = null;
    again();
  };
  const watched = ["layers", "input_shape", "preset", "goal"];
  for (const name of watched) model.on(`change:${name}`, again);
  model.on("change:predict", askAgain);
  const unwatch = onAppearance(root, () => {
    colours = theme(root);
    again();
  });
  const resized = new ResizeObserver(([{ contentRect }]) => {
    const now = Math.floor(Math.max(300, Math.min(760, contentRect.width - 4)));
    if (now === room) return;
    room = now;
    again();
  });
  resized.observe(root);
  return () => {
    cancelAnimationFrame(waiting);
    say.stop();
    unwatch();
    resized.disconnect();
    for (const name of watched) model.off(`change:${name}`, again);
    model.off("change:predict", askAgain);
  };
}

export default { render };
