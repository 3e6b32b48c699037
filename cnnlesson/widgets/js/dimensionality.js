// The Dimensionality visualiser: volumes to scale, the formula as it fills in, and what a layer costs.
import { counts, dilatedFilterSize, misfit, outputSize, remainder, spare, uses } from "./arithmetic.js";
import { button, h, onAppearance, savePicture, stepper, theme, uniqueId, voice, written } from "./ui.js";

const SLANT = 0.4; // of a pixel: how far the drawing moves to the right and up per channel
const GROWTH_TO = 512; // the largest image of the growth view
const KINDS = [
  { key: "shared", words: "shared", role: "output", dashes: "", marker: "circle" },
  { key: "unshared", words: "unshared", role: "filter", dashes: "9 4", marker: "square" },
  { key: "dense", words: "dense", role: "focus", dashes: "2 3", marker: "triangle" },
];

const grouped = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", compactDisplay: "long" });
const plural = (count, one, many = `${one}s`) => `${grouped.format(count)} ${count === 1 ? one : many}`;
const px = (number) => Math.round(number * 10) / 10;

/** The two axes of a layer, as arithmetic.js wants them. */
function axesOf({ shape: [height, width], filterSize, stride, padding, dilation }) {
  const common = { filterSize, stride, dilation, before: padding, after: padding };
  return { rows: { inputSize: height, ...common }, columns: { inputSize: width, ...common } };
}

/** Size of the output and all counts; null if the filter does not fit. */
function measure(layer) {
  const { rows, columns } = axesOf(layer);
  const outHeight = outputSize(rows), outWidth = outputSize(columns);
  if (!outHeight || !outWidth) return null;
  const [height, width, inChannels] = layer.shape;
  return {
    output: [outHeight, outWidth, layer.outChannels],
    ...counts({
      filterHeight: layer.filterSize, filterWidth: layer.filterSize, inChannels, outChannels: layer.outChannels,
      outHeight, outWidth, inNumbers: height * width * inChannels,
    }),
  };
}

/** What one axis leaves unread: beyond the last position, in gaps between, pixels or padding. */
function leftover(axis) {
  const { inputSize, before, after } = axis;
  const used = uses(axis);
  const beyond = remainder(axis);
  const unread = used.slice(before, before + inputSize).filter((times) => !times).length;
  const pixelsBeyond = Math.min(Math.max(0, beyond - after), inputSize);
  return { used, beyond, unread, pixelsBeyond, paddingBeyond: beyond - pixelsBeyond, gaps: unread - pixelsBeyond };
}

/** The formula of one axis with its numbers, step by step, as HTML of our own words. */
function formula(axis, symbol) {
  const { inputSize, filterSize, before, stride, dilation } = axis;
  const reach = dilatedFilterSize(filterSize, dilation);
  const left = spare(axis);
  const whole = left % stride === 0;
  const divided = (top) => (whole ? `(${top}) / S` : `⌊(${top}) / S⌋`);
  const spread = dilation > 1 ? "[D(F − 1) + 1]" : "F";
  const lines = [`${symbol}<sub>out</sub> = ${divided(`${symbol} − ${spread} + 2P`)} + 1`];
  if (dilation > 1) lines.unshift(`in F’s place: D(F − 1) + 1 = ${dilation}·(${filterSize} − 1) + 1 = ${reach}`);
  lines.push(`= ${divided(`${inputSize} − ${reach} + 2·${before}`).replace("S", stride)} + 1`);
  if (left < 0) return [...lines, `${inputSize} − ${reach} + ${2 * before} = ${written(left)} is below 0: no position`];
  const quotient = left / stride, steps = Math.floor(quotient);
  const exact = Math.abs(quotient * 100 - Math.round(quotient * 100)) < 1e-9;
  const shown = exact ? written(quotient) : `${Math.floor(quotient * 100) / 100}…`;
  lines.push(whole ? `= ${left} / ${stride} + 1 = ${steps} + 1 = <b>${steps + 1}</b>` : `= ⌊${left} / ${stride}⌋ + 1 = ⌊${shown}⌋ + 1 = ${steps} + 1 = <b>${steps + 1}</b>`);
  return lines;
}

/** Why something stays unread, in sentences for the controls that cause it: { stride, dilation }. */
function remarks(layer) {
  const { rows, columns } = axesOf(layer);
  const sides = [{ name: "width", unit: "column", symbol: "W", axis: columns }, { name: "height", unit: "row", symbol: "H", axis: rows }];
  const square = columns.inputSize === rows.inputSize; // then one sentence does for both
  if (square) sides.pop();
  const said = { stride: [], dilation: [] };
  const lossy = new Set();
  for (const { name, unit, symbol, axis } of sides) {
    const { beyond, pixelsBeyond, paddingBeyond, gaps } = leftover(axis);
    const { stride, filterSize, dilation } = axis;
    const lines = (count) => (square ? `${plural(count, "column")} and ${plural(count, "row")}` : plural(count, unit));
    const one = (count) => count === 1 && !square;
    const where = square ? "" : ` along the ${name}`;
    const lost = `${lines(pixelsBeyond)} of the image, which stay${one(pixelsBeyond) ? "s" : ""} unread`;
    if (beyond) {
      const what =
        pixelsBeyond === 0 ? `${one(beyond) ? "it is" : "they are"} padding, so no pixel of the image is lost` :
        paddingBeyond === 0 ? lost : `${lines(paddingBeyond)} of padding, and ${lost}`;
      const reach = dilation > 1 ? dilatedFilterSize(filterSize, dilation) : "F";
      said.stride.push(
        `S = ${stride} does not divide ${symbol} − ${reach} + 2P = ${spare(axis)}. After the last position, ` +
          `${lines(beyond)} ${one(beyond) ? "is" : "are"} left over${where}: ${what}.`,
      );
      if (pixelsBeyond) lossy.add("stride");
    }
    if (gaps) {
      const cause = dilation > 1 ? "dilation" : "stride";
      const why = dilation > 1 ? `dilation ${dilation} at stride ${stride} leaves gaps` : `S = ${stride} exceeds F = ${filterSize}`;
      said[cause].push(`${lines(gaps)} of the image ${one(gaps) ? "is" : "are"} skipped${where}, since ${why}.`);
      lossy.add(cause);
    }
  }
  const [height, width] = layer.shape;
  const lost = height * width - (height - leftover(rows).unread) * (width - leftover(columns).unread);
  if (lost) said[[...lossy].at(-1)].push(`In all, ${grouped.format(lost)} of ${plural(height * width, "pixel")} stay${lost === 1 ? "s" : ""} unread.`);
  return said;
}

// --- Drawings: SVG text, so that what is saved is what is seen ---------------------------------

const caption = (x, y, words, fill, more = "") => `<text x="${px(x)}" y="${px(y)}" fill="${fill}" ${more}>${words}</text>`;
const stroke = (d, colour, more = "") => `<path d="${d}" fill="none" stroke="${colour}" ${more}/>`;
const rectangle = (x, y, width, height) => `M${px(x)} ${px(y)}h${px(width)}v${px(height)}h${px(-width)}z`;

/** A box seen from the front, a little from the right and from above; (x, y) is the front's corner. */
function box(x, y, width, height, depth, colour, { opacity = 0.18, more = "" } = {}) {
  const top = `M${px(x)} ${px(y)}l${px(depth)} ${px(-depth)}h${px(width)}l${px(-depth)} ${px(depth)}z`;
  const side = `M${px(x + width)} ${px(y)}l${px(depth)} ${px(-depth)}v${px(height)}l${px(-depth)} ${px(depth)}z`;
  return (
    `<path d="${top}${side}" fill="${colour}" fill-opacity="${opacity / 2}" stroke="${colour}" ${more}/>` +
    `<path d="${rectangle(x, y, width, height)}" fill="${colour}" fill-opacity="${opacity}" stroke="${colour}" ${more}/>`
  );
}

/** Runs of a line that are not used at all: [start, length]. */
function unusedRuns(used) {
  const runs = [];
  used.forEach((times, index) => {
    if (times) return;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  });
  return runs;
}

/** Input, filter and output to one scale; `hidden` keeps the output for later. */
function drawVolumes(layer, result, colours, room, hatch, hidden) {
  const { shape: [height, width, depth], filterSize, padding, dilation, outChannels } = layer;
  const reach = dilatedFilterSize(filterSize, dilation);
  const { rows, columns } = axesOf(layer);
  const shown = hidden ? null : result;
  const [outHeight, outWidth] = shown ? shown.output : [0, 0];
  const paddedWidth = width + 2 * padding, paddedHeight = height + 2 * padding;
  const wide = Math.max(paddedWidth, reach) + depth * SLANT, tall = Math.max(paddedHeight, reach) + depth * SLANT;
  const narrow = room < 520;
  const left = 58, between = narrow ? 78 : 120, right = narrow ? 44 : 64;
  const unit = Math.min(
    (room - left - between - right) / (wide + (shown ? outWidth + outChannels * SLANT : 0)),
    (narrow ? 220 : 270) / Math.max(tall, outHeight + outChannels * SLANT), 20,
  );
  const slope = unit * SLANT;
  const above = 22, drawn = Math.max(tall, outHeight + outChannels * SLANT) * unit;
  const parts = [];
  // The input, within its padding.
  const x = left, y = above + depth * slope + (drawn - tall * unit) / 2;
  if (padding) parts.push(box(x, y, paddedWidth * unit, paddedHeight * unit, depth * slope, colours.muted, { opacity: 0.06, more: 'stroke-dasharray="4 3"' }));
  parts.push(box(x + padding * unit, y + padding * unit, width * unit, height * unit, depth * slope, colours.input));
  if (shown) {
    const strips = [
      ...unusedRuns(uses(columns)).map(([start, length]) => rectangle(x + start * unit, y, length * unit, paddedHeight * unit)),
      ...unusedRuns(uses(rows)).map(([start, length]) => rectangle(x, y + start * unit, paddedWidth * unit, length * unit)),
    ].join("");
    if (strips) {
      parts.push(
        `<pattern id="${hatch}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0v5" stroke="${colours.ink}" stroke-width="2"/></pattern>` +
          `<path d="${strips}" fill="url(#${hatch})" opacity="0.7"/>`,
      );
    }
  }
  // One filter on its first patch.
  const size = reach * unit;
  parts.push(box(x, y, size, size, depth * slope, colours.filter, { opacity: 0.25, more: `stroke-width="2"${result ? "" : ' stroke-dasharray="6 4"'}` }));
  if (unit >= 2.5) {
    const cells = [];
    for (let u = 0; u < filterSize; u++) for (let v = 0; v < filterSize; v++) cells.push(rectangle(x + v * dilation * unit, y + u * dilation * unit, unit, unit));
    parts.push(`<path d="${cells.join("")}" fill="${colours.filter}" fill-opacity="0.35" stroke="${colours.filter}" stroke-width="0.5"/>`);
  }
  const end = x + (Math.max(paddedWidth, reach) + depth * SLANT) * unit;
  const middle = (padding + height / 2) * unit + y;
  parts.push(caption(x - 6, middle + 4, `H = ${height}`, colours.ink, 'text-anchor="end"'));
  parts.push(caption(x + (padding + width / 2) * unit, y + Math.max(paddedHeight, reach) * unit + 16, `W = ${width}`, colours.ink, 'text-anchor="middle"'));
  parts.push(caption(x + (depth * slope) / 2 - 4, y - (depth * slope) / 2 - 5, `C = ${depth}`, colours.ink, 'text-anchor="end"'));
  // The output, and the neuron that this patch feeds.
  if (shown) {
    const ox = end + between, oy = above + outChannels * slope + (drawn - (outHeight + outChannels * SLANT) * unit) / 2;
    const boxWidth = Math.max(outWidth * unit, 1.5), boxHeight = Math.max(outHeight * unit, 1.5);
    parts.push(box(ox, oy, boxWidth, boxHeight, outChannels * slope, colours.output));
    const neuron = Math.max(unit, 4);
    const rays = [[x + size, y, ox, oy], [x + size, y + size, ox, oy + neuron]].map(([a, b, c, d]) => `M${px(a)} ${px(b)}L${px(c)} ${px(d)}`).join("");
    parts.push(stroke(rays, colours.filter, 'stroke-dasharray="3 3"'));
    parts.push(`<path d="${rectangle(ox, oy, neuron, neuron)}" fill="${colours.filter}" stroke="${colours.ink}"/>`);
    parts.push(caption(ox - 6, oy + boxHeight / 2 + 14, `H<tspan dy="3" font-size="9">out</tspan><tspan dy="-3"> = ${outHeight}</tspan>`, colours.ink, 'text-anchor="end"'));
    parts.push(caption(ox + boxWidth / 2, oy + boxHeight + 16, `W<tspan dy="3" font-size="9">out</tspan><tspan dy="-3"> = ${outWidth}</tspan>`, colours.ink, 'text-anchor="middle"'));
    parts.push(caption(ox + boxWidth + (outChannels * slope) / 2 + 5, oy + boxHeight - (outChannels * slope) / 2 + 10, `K = ${outChannels}`, colours.ink));
  } else {
    parts.push(caption(end + 20, middle, hidden ? "output: ?" : "no output", colours.ink, 'font-weight="600"'));
  }
  // What is what, in words, with the same strokes.
  const key = [[colours.input, `input ${height} × ${width} × ${depth}${padding ? `; dashed: padding, ${padding} on each side` : ", no padding"}`, ""]];
  key.push([colours.filter, `one filter of ${filterSize} × ${filterSize} × ${depth}${dilation > 1 ? `, spread over ${reach} × ${reach}` : ""}${!result ? ", too large for it" : dilation > 1 ? "" : ", on one patch"}`, 'stroke-width="2"']);
  if (shown) {
    key.push([colours.output, `output ${outHeight} × ${outWidth} × ${outChannels}; filled: the neuron of this patch`, ""]);
    if (parts.some((part) => part.includes(`url(#${hatch})`))) key.push([colours.ink, "hatched: read by no position", "", `url(#${hatch})`]);
  }
  let line = above + drawn + 40;
  for (const [colour, words, more, fill] of key) {
    parts.push(`<path d="${rectangle(8, line - 10, 14, 11)}" fill="${fill ?? colour}" fill-opacity="${fill ? 0.7 : 0.2}" stroke="${colour}" ${more}/>`);
    for (const row of narrow ? words.split("; ") : [words]) {
      parts.push(caption(30, line, row, colours.ink));
      line += 19;
    }
  }
  return { parts, width: room, height: line - 4 };
}

/** The sizes at which the growth view counts, and the numbers there; null where nothing fits. */
function growthAt(layer, size) {
  return measure({ ...layer, shape: [size, size, layer.shape[2]] });
}

function drawGrowth(layer, colours, room) {
  const current = layer.shape[1];
  const from = Math.min(8, 2 ** Math.floor(Math.log2(current)));
  const narrow = room < 520;
  const left = 104, right = room - 76, top = 18, bottom = 290;
  const across = (size) => left + ((right - left) * Math.log2(size / from)) / Math.log2(GROWTH_TO / from);
  const points = [];
  for (let size = from; size <= GROWTH_TO; size += size < 128 ? 1 : 4) {
    const result = growthAt(layer, size);
    if (result) points.push([size, result]);
  }
  const parts = [];
  const least = Math.min(...points.map(([, r]) => r.shared)), most = Math.max(...points.map(([, r]) => r.dense), 10);
  const low = points.length ? Math.floor(Math.log10(least)) : 0, high = points.length ? Math.ceil(Math.log10(most)) : 6;
  const up = (number) => bottom - ((bottom - top) * (Math.log10(number) - low)) / (high - low);
  const grid = [];
  for (let power = low; power <= high; power++) {
    grid.push(`M${px(left)} ${px(up(10 ** power))}H${px(right)}`);
    if ((power - low) % (high - low > 9 ? 2 : 1) === 0) parts.push(caption(left - 8, up(10 ** power) + 4, compact.format(10 ** power), colours.ink, 'text-anchor="end"'));
  }
  for (let size = from; size <= GROWTH_TO; size *= 2) {
    grid.push(`M${px(across(size))} ${bottom}v5`);
    if (!narrow || Math.log2(size / from) % 2 === 0) parts.push(caption(across(size), bottom + 19, size, colours.ink, 'text-anchor="middle"'));
  }
  parts.unshift(stroke(grid.join(""), colours.edge, 'stroke-width="0.7"'));
  parts.push(stroke(`M${left} ${top}V${bottom}H${px(right)}`, colours.ink));
  parts.push(caption((left + right) / 2, bottom + 38, "image size W = H, in pixels (log axis)", colours.ink, 'text-anchor="middle"'));
  parts.push(caption(left - 8, 10, "parameters (log axis)", colours.ink));
  const now = growthAt(layer, current);
  parts.push(stroke(`M${px(across(current))} ${top}V${bottom}`, colours.muted, 'stroke-dasharray="1 3" stroke-width="2"'));
  if (points.length) {
    const ends = KINDS.map(({ key }) => up(points.at(-1)[1][key]));
    const order = [0, 1, 2].sort((a, b) => ends[a] - ends[b]);
    order.forEach((index, k) => k && (ends[index] = Math.max(ends[index], ends[order[k - 1]] + 15))); // labels keep apart
    KINDS.forEach(({ key, words, role, dashes, marker }, index) => {
      const path = points.map(([size, result], k) => `${k ? "L" : "M"}${px(across(size))} ${px(up(result[key]))}`).join("");
      parts.push(stroke(path, colours[role], `stroke-width="2.5" stroke-dasharray="${dashes}"`));
      parts.push(caption(right + 6, ends[index] + 4, words, colours[role], 'font-weight="600"'));
      if (now) parts.push(markerAt(marker, across(current), up(now[key]), colours[role], colours.paper));
    });
  } else parts.push(caption((left + right) / 2, 150, "this filter fits into no image up to 512 × 512", colours.ink, 'text-anchor="middle"'));
  let x = 8;
  KINDS.forEach(({ words, role, dashes, marker }) => {
    parts.push(stroke(`M${x} 350h34`, colours[role], `stroke-width="2.5" stroke-dasharray="${dashes}"`), markerAt(marker, x + 17, 350, colours[role], colours.paper));
    parts.push(caption(x + 40, 354, words, colours.ink));
    x += narrow ? 118 : 130;
  });
  return { parts, width: room, height: 366 };
}

function markerAt(marker, x, y, colour, paper) {
  const style = `fill="${colour}" stroke="${paper}" stroke-width="1.5"`;
  if (marker === "circle") return `<circle cx="${px(x)}" cy="${px(y)}" r="5.5" ${style}/>`;
  if (marker === "square") return `<path d="${rectangle(x - 5, y - 5, 10, 10)}" ${style}/>`;
  return `<path d="M${px(x)} ${px(y - 7)}l6.5 11h-13z" ${style}/>`;
}

// --- The visualiser ---------------------------------------------------------------------------

function render({ model, el }) {
  const get = (name) => model.get(name);
  const root = h("div", { class: "cnnlesson", role: "group", "aria-label": "Dimensionality visualiser" });
  const say = voice();
  const hatch = uniqueId("hatch");
  let colours, drawing, predicted = null, wide = 0;

  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
    again();
  };
  const layerNow = () => ({
    shape: get("input_shape"), filterSize: get("filter_size"), outChannels: get("out_channels"),
    stride: get("stride"), padding: get("padding"), dilation: get("dilation"),
  });
  const growing = () => get("view") === "growth";
  const asking = () => get("predict") && !predicted;

  // --- Controls: a number with − and +, a slider, and room for what does not fit -----------------

  function dial(label, name, { read, write, most } = {}) {
    const [min, max] = get("limits")[name];
    read ??= () => get(name);
    write ??= (number) => set(name, number);
    const note = h("div", { class: "cl-note", id: uniqueId("note") });
    const slider = h("input", { type: "range", min, "aria-label": `${label}, slider`, oninput: () => write(Number(slider.value)) });
    const holder = h("div");
    const element = h("div", { class: "cl-dial" }, h("div", { class: "cl-dialled" }, holder, slider), note);
    let field, limit, last;
    return {
      element,
      note: (words) => { if (note.textContent !== words) note.textContent = words; },
      show() {
        const wanted = most?.() ?? max;
        if (wanted !== limit) { // the field's range has changed: a new field
          limit = wanted;
          field = stepper({ label, value: read(), min, max: limit, onchange: write });
          const input = field.element.querySelector("input");
          input.setAttribute("aria-describedby", `${input.getAttribute("aria-describedby")} ${note.id}`);
          holder.replaceChildren(field.element);
          slider.max = limit;
          last = null;
        }
        // What is being typed stays, unless the number has changed.
        if (read() === last) return;
        last = read();
        field.set(last);
        slider.value = last;
      },
    };
  }
  const ofShape = (axis, most) => ({
    read: () => get("input_shape")[axis],
    write: (number) => set("input_shape", get("input_shape").map((old, k) => (k === axis ? number : old))),
    most,
  });
  // The volumes are for images of up to 64 pixels, unless there has been a larger one.
  const larger = [false, false];
  const upTo = (axis) => () => ((larger[axis] ||= get("input_shape")[axis] > 64) ? get("limits").width[1] : 64);
  const dials = {
    width: dial("Input width W", "width", ofShape(1, upTo(1))),
    height: dial("Input height H", "height", ofShape(0, upTo(0))),
    size: dial("Image size W = H", "width", {
      read: () => get("input_shape")[1],
      write: (number) => set("input_shape", [number, number, get("input_shape")[2]]),
    }),
    channels: dial("Channels C", "in_channels", ofShape(2)),
    filter: dial("Filter size F", "filter_size"),
    filters: dial("Filters K", "out_channels"),
    stride: dial("Stride S", "stride"),
    padding: dial("Padding P", "padding"),
    dilation: dial("Dilation D", "dilation"),
  };
  const views = [["volumes", "Volumes"], ["growth", "Growth with the image"]].map(([name, words]) => [name, button(words, () => set("view", name))]);

  // --- Prediction and goal -----------------------------------------------------------------------

  const asked = ["height", "width", "depth", "parameters (shared)"].map((what) => h("input", { type: "number", min: 0, "aria-label": `predicted ${what}` }));
  const doubt = h("div", { class: "cl-problem", role: "alert" });
  const prediction = h("fieldset", {}, h("legend", {}, "Predict first: how large is the output, and how many parameters are there?"),
    ...["H", "W", "depth", "parameters"].map((what, k) => h("label", {}, what, h("br"), asked[k])),
    button("Show it", () => {
      if (!asked.every((field) => /^\d+$/.test(field.value))) {
        doubt.textContent = "Give all four as whole numbers first.";
        return;
      }
      doubt.textContent = "";
      const result = measure(layerNow());
      predicted = { guess: asked.map((field) => Number(field.value)), truth: result ? [...result.output, result.shared] : null };
      refresh();
      anew.focus();
    }), doubt);
  const compared = h("span");
  const outcome = h("div", { role: "status" }, compared);
  const anew = button("Predict again", () => {
    predicted = null;
    refresh();
    asked[0].focus();
  });

  function comparison() {
    if (!predicted || !get("predict")) return "";
    const written4 = ([a, b, c, d]) => `${a} × ${b} × ${c} and ${plural(d, "parameter")}`;
    if (!predicted.truth) return `You predicted ${written4(predicted.guess)}; there is no output, since the filter does not fit. `;
    const right = predicted.guess.filter((number, k) => number === predicted.truth[k]).length;
    return `You predicted ${written4(predicted.guess)}; it is ${written4(predicted.truth)}: ${right === 4 ? "all four right." : `${right} of 4 right.`} `;
  }

  const goal = h("div", { class: "cl-goal", role: "status" });
  function judge(layer, result) {
    const { output, input } = get("goal");
    const fewest = get("fewest");
    goal.hidden = !output;
    if (!output) return;
    const from = input ? ` from an input of ${input.join(" × ")}` : "";
    let words = `Goal: an output of ${output.join(" × ")}${from}${fewest === null ? "" : " with the fewest parameters"}. `;
    if (!asking()) {
      const same = (a, b) => a.every((number, k) => number === b[k]);
      if (!result) words += "Not yet: there is no output.";
      else if (input && !same(input, layer.shape)) words += `Not yet: the input is ${layer.shape.join(" × ")}.`;
      else if (!same(output, result.output)) words += `Not yet: the output is ${result.output.join(" × ")}.`;
      else if (fewest === null) words += "Reached!";
      else if (result.shared > fewest) words += `The size is right, but it can be done with fewer than ${grouped.format(result.shared)} parameters.`;
      else words += `Reached! ${grouped.format(fewest)} parameters are the fewest that the controls allow.`;
    }
    if (goal.textContent !== words) goal.textContent = words;
  }

  // --- Formula, counts, table --------------------------------------------------------------------

  const formulas = [h("div", { class: "cl-formula" }), h("div", { class: "cl-formula" })];
  const depthLine = h("div", { class: "cl-formula" });
  const cells = {};
  const countRows = [
    ["neurons", "Neurons"], ["shared", "Parameters, shared"], ["unshared", "Parameters, unshared"],
    ["dense", "Parameters, dense"], ["multiplyAdds", "Multiply-adds"], ["memory", "Memory of the output"],
  ].map(([key, words]) => {
    cells[key] = [h("td"), h("td")];
    return h("tr", {}, h("th", { scope: "row" }, words), ...cells[key]);
  });
  const countTable = h("table", { class: "cl-counts" }, h("caption", {}, "What the layer costs"), h("tbody", {}, ...countRows));
  const put = (element, html) => { if (element.shown !== html) element.innerHTML = element.shown = html; };

  function fillCounts(layer, result) {
    const { filterSize: F, outChannels: K, shape: [H, W, C] } = layer;
    const neurons = result && grouped.format(result.neurons);
    const how = result && {
      neurons: `${result.output.join("·")}`, shared: `(${F}·${F}·${C} + 1)·${K}`, unshared: `(${F}·${F}·${C} + 1)·${neurons}`,
      dense: `(${H}·${W}·${C} + 1)·${neurons}`, multiplyAdds: `${F}·${F}·${C}·${neurons}`, memory: `4 bytes·${neurons}`,
    };
    for (const [key, [steps, total]] of Object.entries(cells)) {
      put(steps, result ? how[key] : "");
      put(total, result ? grouped.format(result[key]) + (key === "memory" ? " bytes" : "") : "–");
    }
  }

  /** On a narrow page a table scrolls by itself, by keyboard too. */
  const scrolling = (name, table) => h("div", { class: "cl-scroll", role: "group", tabindex: 0, "aria-label": name }, table);
  const growthBody = h("tbody");
  const growthTable = h("details", {}, h("summary", { "data-lm-suppress-shortcuts": "true" }, "The same numbers as a table"),
    scrolling("Table of parameters", h("table", { class: "cl-counts" },
      h("caption", {}, "Parameters against image size"),
      h("thead", {}, h("tr", {}, ...["Image", "Shared", "Unshared", "Dense"].map((words) => h("th", { scope: "col" }, words)))), growthBody)));

  function fillGrowth(layer) {
    const sizes = [...new Set([8, 16, 32, 64, 128, 256, GROWTH_TO, layer.shape[1]])].sort((a, b) => a - b);
    put(growthBody, sizes.map((size) => {
      const result = growthAt(layer, size);
      const numbers = KINDS.map(({ key }) => `<td>${result ? grouped.format(result[key]) : "does not fit"}</td>`).join("");
      return `<tr><th scope="row">${size} × ${size}</th>${numbers}</tr>`;
    }).join(""));
  }

  // --- Putting it together -----------------------------------------------------------------------

  const picture = h("div", { class: "cl-drawing", role: "img" });

  function describe(layer, result) {
    const { shape: [H, W, C], filterSize: F, outChannels: K, stride: S, padding: P, dilation: D } = layer;
    const setting = `Input ${H} by ${W} by ${C} with padding ${P}; ${plural(K, "filter")} of ${F} by ${F} by ${C}, stride ${S}${D > 1 ? `, dilation ${D}` : ""}`;
    if (asking()) return `${setting}; the output is hidden until you have predicted it.`;
    if (!result) return `${setting}; no output, since the filter does not fit.`;
    return `${setting}; output ${result.output.join(" by ")}.`;
  }
  const costs = (result) => KINDS.map(({ key, words }) => `${grouped.format(result[key])} ${words}`).join(", ");

  function refresh() {
    colours ??= theme(root);
    const layer = layerNow();
    const result = measure(layer);
    const hidden = asking();
    for (const control of Object.values(dials)) control.show();
    const growth = growing() && !hidden;
    dials.size.element.hidden = !growing();
    dials.width.element.hidden = dials.height.element.hidden = growing();
    for (const [name, choice] of views) choice.setAttribute("aria-pressed", String(get("view") === name));

    // What does not fit, beside the control that causes it.
    const { rows, columns } = axesOf(layer);
    const short = misfit(columns, "W") ?? misfit(rows, "H");
    const blame = short && layer.dilation > 1 && !misfit({ ...columns, dilation: 1 }) && !misfit({ ...rows, dilation: 1 }) ? "dilation" : "filter";
    const said = result && !hidden ? remarks(layer) : { stride: [], dilation: [] };
    dials.filter.note(short && !hidden && blame === "filter" ? short : "");
    dials.dilation.note(short && !hidden && blame === "dilation" ? short : said.dilation.join(" "));
    dials.stride.note(said.stride.join(" "));
    const [height, width] = layer.shape;
    dials.size.note(growing() && height !== width ? `The curves are for square images; this input is ${width} wide and ${height} high.` : "");

    // The picture.
    const room = Math.max(300, Math.min(wide || 680, 760));
    const words = describe(layer, result);
    drawing = growth ? drawGrowth(layer, colours, room) : drawVolumes(layer, result, colours, room, hatch, hidden);
    put(picture, svgText());
    const chart = growth ? growthAt(layer, width) : null;
    picture.setAttribute("aria-label", !growth ? words :
      `Parameters against image size, from ${Math.min(8, width)} to ${GROWTH_TO} pixels, both axes logarithmic: shared does not grow, unshared grows with the square of the size, dense with its fourth power. ` +
        (chart ? `At ${width} by ${width}: ${costs(chart)}.` : `At ${width} by ${width} the filter does not fit.`));

    [[columns, "W"], [rows, "H"]].forEach(([axis, symbol], k) => put(formulas[k], hidden ? "" : formula(axis, symbol).map((line) => `<p>${line}</p>`).join("")));
    put(depthLine, hidden ? "" : `<p>depth of the output = K = <b>${layer.outChannels}</b></p>${result ? `<p>output: <b>${result.output.join(" × ")}</b></p>` : ""}`);
    countTable.hidden = hidden;
    if (!hidden) fillCounts(layer, result);
    growthTable.hidden = !growth;
    if (growth) fillGrowth(layer);
    prediction.hidden = !hidden;
    outcome.hidden = anew.hidden = hidden || !get("predict");
    const verdict = comparison();
    if (compared.textContent !== verdict) compared.textContent = verdict;
    judge(layer, result);
    if (hidden) say.say("");
    else if (!result) say.say(short);
    else say.say(`Output ${result.output.join(" by ")}. Parameters: ${costs(result)}.${said.stride.length + said.dilation.length ? ` ${[...said.stride, ...said.dilation].at(-1)}` : ""}`);
  }

  function svgText(saved = false) {
    const { parts, width, height } = drawing;
    const paper = saved ? `<rect width="100%" height="100%" fill="${colours.paper}"/>` : "";
    return `<svg xmlns="http://www.w3.org/2000/svg" ${saved ? "" : "aria-hidden=\"true\" "}width="${px(width)}" height="${px(height)}" viewBox="0 0 ${px(width)} ${px(height)}" font-family="system-ui, sans-serif" font-size="13">${paper}${parts.join("\n")}</svg>`;
  }
  function save(type) {
    const svg = svgText(true);
    savePicture("dimensionality", type, svg, drawing.width, drawing.height);
  }

  root.append(
    goal, prediction, h("div", { class: "cl-outcome" }, outcome, anew),
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "View"), ...views.map(([, choice]) => choice)),
    h("div", { class: "cl-sides" },
      h("fieldset", { class: "cl-dials" }, h("legend", { class: "cl-hidden" }, "Settings"), ...Object.values(dials).map(({ element }) => element)),
      h("div", { class: "cl-shown" }, picture, growthTable)),
    h("div", { class: "cl-works" }, ...formulas, depthLine),
    scrolling("Table of costs", countTable),
    h("fieldset", { class: "cl-saving" }, h("legend", { class: "cl-hidden" }, "Saving"), button("Save picture (SVG)", () => save("svg")), button("Save picture (PNG)", () => save("png"))),
    say.element,
  );
  el.append(root);
  let waiting = 0;
  function again() {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      refresh();
    });
  }
  refresh();
  const repaint = () => {
    colours = null;
    again();
  };
  const unwatch = onAppearance(root, repaint);
  const resized = new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width !== wide) again();
    wide = contentRect.width;
  });
  resized.observe(picture);
  const watched = ["input_shape", "filter_size", "out_channels", "stride", "padding", "dilation", "view", "goal", "fewest", "predict"];
  for (const name of watched) model.on(`change:${name}`, again);
  return () => {
    cancelAnimationFrame(waiting);
    say.stop();
    unwatch();
    resized.disconnect();
    for (const name of watched) model.off(`change:${name}`, again);
  };
}

export default { render };
