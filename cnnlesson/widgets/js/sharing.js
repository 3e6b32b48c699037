// The ParameterSharing visualiser: who uses which weights, and what moves when the input does.
import { counts, outputSize } from "./arithmetic.js";
import { Grid, canvasPainter, diverging, svgPainter } from "./grid.js";
import { button, chooser, h, onAppearance, savePicture, stepper, theme, voice, written } from "./ui.js";

// Okabe and Ito's colours without black, and gray; each with the ink that reads on it.
const HUES = [
  ["#e69f00", "#000000"], ["#56b4e9", "#000000"], ["#f0e442", "#000000"], ["#0072b2", "#ffffff"],
  ["#cc79a7", "#000000"], ["#009e73", "#000000"], ["#d55e00", "#000000"], ["#b8b8b8", "#000000"],
];
const GRAY_LEVELS = 64, WEIGHT_LEVELS = 8; // as in sharing.py, so that all sums are exact
const DRAWN_PATCHES = 4; // along an axis, of those whose outlines are drawn
const SHADES = 12; // of a colour; `diverging` has as many

/** Mix the bits of a 32-bit number, so that neighbours look unrelated (C. Wellons, lowbias32). */
function mixed(number) {
  number = Math.imul(number ^ (number >>> 16), 0x7feb352d);
  number = Math.imul(number ^ (number >>> 15), 0x846ca68b);
  return (number ^ (number >>> 16)) >>> 0;
}

const clamped = (number, first, last) => Math.min(Math.max(number, first), last);
const inGroups = new Intl.NumberFormat("en-US");
const thousands = (number) => inGroups.format(number);
const plural = (count, one, many = `${one}s`) => `${thousands(count)} ${count === 1 ? one : many}`;

function render({ model, el }) {
  const get = (name) => model.get(name);
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const root = h("div", { class: "cnnlesson", role: "group", "aria-label": "Parameter sharing visualiser" });
  const say = voice();

  // --- The layer -----------------------------------------------------------------------------

  let layer, colours;
  function readLayer() {
    const [height, width, depth] = get("input_shape");
    const size = get("filter_size"), stride = get("stride"), circular = get("border") === "circular";
    const before = circular ? Math.floor((size - 1) / 2) : get("padding");
    const after = circular ? size - 1 - before : get("padding");
    const axis = { filterSize: size, before, after, stride };
    const rows = outputSize({ ...axis, inputSize: height }), columns = outputSize({ ...axis, inputSize: width });
    const outChannels = get("out_channels");
    layer = {
      height, width, depth, size, stride, circular, before, after, rows, columns, outChannels,
      shared: get("shared"), filter: Math.min(get("filter"), outChannels - 1), seed: get("seed"),
      counts: counts({ filterHeight: size, filterWidth: size, inChannels: depth, outChannels, outHeight: rows, outWidth: columns, inNumbers: height * width * depth }),
    };
    // For each output along an axis, the pixels that its patch covers; -1 is a zero of the border.
    layer.readRows = covered(rows, height);
    layer.readColumns = covered(columns, width);
  }
  function covered(positions, inputSize) {
    const { size, stride, before, circular } = layer;
    return Array.from({ length: positions }, (_, i) => Int32Array.from({ length: size }, (_, u) => {
      const pixel = i * stride + u - before;
      if (circular) return (pixel + inputSize) % inputSize;
      return pixel >= 0 && pixel < inputSize ? pixel : -1;
    }));
  }

  /** Whose weights the patch of output (i, j) uses: always the first one's, if they are shared. */
  const owner = (i, j) => (layer.shared ? 0 : i * layer.columns + j);
  const label = (i, j) => (layer.shared ? "w" : `w${owner(i, j) + 1}`);
  const hue = (i, j) => HUES[layer.shared ? 0 : (3 * i + j) % HUES.length]; // neighbours differ

  let drawn = new Map(), drawnFor = "";
  /** The weights of the shown filter at one patch, drawn when they are first needed. */
  function weightsOf(patch) {
    let weights = drawn.get(patch);
    if (!weights) {
      const count = layer.depth * layer.size ** 2, key = mixed(layer.seed + 1);
      const first = (layer.filter * layer.rows * layer.columns + patch) * count;
      weights = new Float64Array(count);
      for (let n = 0; n < count; n++) {
        weights[n] = ((mixed((first + n) ^ key) % (2 * WEIGHT_LEVELS + 1)) - WEIGHT_LEVELS) / WEIGHT_LEVELS;
      }
      drawn.set(patch, weights);
    }
    return weights;
  }

  // --- The cat and its maps ------------------------------------------------------------------

  const start = () => [layer.height, layer.width].map((size) => Math.floor((size - get("cat_size")) / 2));
  /** The shift, of which at least a row and a column of the cat's box stay in the picture. */
  const moved = () => get("shift").map((pixels, axis) =>
    clamped(pixels, 1 - get("cat_size") - start()[axis], get("input_shape")[axis] - 1 - start()[axis]));
  const mapShift = () => moved().map((pixels) => Math.trunc(pixels / layer.stride) || 0);

  /** Call back for each pixel of the cat that is not black, with where it comes to lie. */
  function eachPixel([down, right], callback) {
    const cat = get("pictures")[get("cat_size")][layer.depth];
    const [top, left] = start();
    for (let r = 0; r < cat[0].length; r++) {
      for (let q = 0; q < cat[0].length; q++) {
        if (cat.every((channel) => channel[r][q] === 0)) continue;
        let row = top + r + down, column = left + q + right;
        if (layer.circular) {
          row = (row + layer.height) % layer.height;
          column = (column + layer.width) % layer.width;
        } else if (row < 0 || column < 0 || row >= layer.height || column >= layer.width) continue;
        callback(row, column, cat.map((channel) => channel[r][q] / GRAY_LEVELS));
      }
    }
  }

  /** The map of the cat, moved by so many pixels. */
  function respond(by) {
    const { height, width, depth, size, rows, columns, readRows, readColumns } = layer;
    const image = new Float64Array(depth * height * width);
    const rowUsed = new Uint8Array(height), columnUsed = new Uint8Array(width);
    eachPixel(by, (row, column, values) => {
      rowUsed[row] = columnUsed[column] = 1;
      values.forEach((value, c) => (image[(c * height + row) * width + column] = value));
    });
    const map = new Float64Array(rows * columns);
    // Elsewhere a patch is all zeros, and so is its sum.
    const meets = (read, used) => [...read.keys()].filter((i) => read[i].some((pixel) => pixel >= 0 && used[pixel]));
    const someColumns = meets(readColumns, columnUsed);
    for (const i of meets(readRows, rowUsed)) {
      for (const j of someColumns) {
        const weights = weightsOf(owner(i, j)), pixels = readColumns[j];
        let sum = 0, n = 0;
        for (let c = 0; c < depth; c++) {
          for (let u = 0; u < size; u++) {
            const row = readRows[i][u];
            if (row < 0 || !rowUsed[row]) {
              n += size;
              continue;
            }
            const line = (c * height + row) * width;
            for (let v = 0; v < size; v++, n++) if (pixels[v] >= 0) sum += weights[n] * image[line + pixels[v]];
          }
        }
        map[i * columns + j] = sum;
      }
    }
    return map;
  }

  /** A map moved by so many places; the border says what comes in. */
  function shifted(map, [down, right]) {
    const { rows, columns, circular } = layer;
    const result = new Float64Array(map.length);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let from = i - down, across = j - right;
        if (circular) {
          from = ((from % rows) + rows) % rows;
          across = ((across % columns) + columns) % columns;
        } else if (from < 0 || across < 0 || from >= rows || across >= columns) continue;
        result[i * columns + j] = map[from * columns + across];
      }
    }
    return result;
  }

  let maps = { before: null, after: null, other: null, difference: null, largest: 0 };
  function computeMaps(anew) {
    if (anew || !maps.before) maps.before = respond([0, 0]);
    maps.after = respond(moved());
    maps.other = shifted(maps.before, mapShift());
    maps.difference = maps.after.map((value, n) => value - maps.other[n]);
    const largest = (map) => map.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    maps.largest = largest(maps.difference);
    maps.brightest = Math.max(largest(maps.after), largest(maps.other), largest(maps.before));
  }

  // --- Why they are equal, or not ------------------------------------------------------------

  /** Whether every patch that the cat could meet, moved so, is one that the layer has. */
  function wholeResponseInside(by) {
    const { size, stride, before } = layer;
    const cat = get("pictures")[get("cat_size")][layer.depth];
    let pixels = 0;
    const ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
    eachPixel(by, (...place) => {
      pixels++;
      for (const axis of [0, 1]) ends[axis] = [Math.min(ends[axis][0], place[axis]), Math.max(ends[axis][1], place[axis])];
    });
    const all = cat[0].reduce((total, row, r) => total + row.filter((_, q) => cat.some((channel) => channel[r][q])).length, 0);
    return pixels === all && ends.every(([first, last], axis) =>
      Math.ceil((first + before - size + 1) / stride) >= 0 &&
      Math.floor((last + before) / stride) < [layer.rows, layer.columns][axis]);
  }

  function reason() {
    const { stride, circular, height, width, shared } = layer;
    const shift = moved();
    if (!shift[0] && !shift[1]) return "Move the cat to see what its map does.";
    if (maps.largest === 0) return shared ? `The same pattern, only shifted${wholeResponseInside(shift) ? "" : ", as far as it lies inside"}: the layer is equivariant to this move.` : "No difference here, though each patch has weights of its own.";
    if (!shared) return "The response moves with the cat, but it is another pattern, since the patches there have weights of their own.";
    const odd = shift.filter((pixels) => pixels % stride);
    if (odd.length) return `A move of ${plural(Math.abs(odd[0]), "pixel")} is no multiple of the stride ${stride}: no whole shift of the map can make up for it.`;
    if (circular) return `The stride ${stride} does not divide ${height % stride ? `the height ${height}` : `the width ${width}`}: the circle of patches does not close.`;
    if (!wholeResponseInside(shift) || !wholeResponseInside([0, 0])) return "Part of the response lies beyond the border, before the move or after it, and is lost.";
    return "";
  }

  // --- The input, with the cat ---------------------------------------------------------------

  const canvas = h("canvas", { role: "img", "aria-label": "Input" });
  const handle = h("button", { type: "button", style: "position:absolute;padding:0;background:transparent;border:2px dashed #fff;outline-offset:0;touch-action:none;cursor:move;min-width:24px;min-height:24px" });
  const stage = h("div", { style: "position:relative;overflow:hidden;width:max-content" }, canvas, handle);
  const inputTitle = h("h3", {}, "Input");
  const input = h("div", { class: "cl-grid" }, inputTitle, h("div", { class: "cl-board" }, stage));
  let room = 330, mapRoom = 330, visited = null;
  const cellSize = () => clamped(Math.floor(room / (Math.max(layer.height, layer.width) + layer.before + layer.after)), 4, 20);

  /** The outputs whose patches are outlined: spread over the input, and apart from each other. */
  function outlined(positions) {
    const most = Math.floor(((positions - 1) * layer.stride) / layer.size) + 1;
    const count = clamped(most, 1, DRAWN_PATCHES);
    return Array.from({ length: count }, (_, n) => (count === 1 ? Math.floor((positions - 1) / 2) : Math.round((n * (positions - 1)) / (count - 1))));
  }

  function paintInput(painter) {
    const { height, width, before, after, size, stride, circular } = layer;
    const cell = cellSize(), tall = height + before + after, wide = width + before + after;
    const square = (row, column, fill) => painter.rectangle(column * cell, row * cell, cell, cell, { fill });
    painter.rectangle(0, 0, wide * cell, tall * cell, { fill: circular ? "#303030" : colours.surface, stroke: colours.edge, dashed: true });
    painter.rectangle(before * cell, before * cell, width * cell, height * cell, { fill: "#000000" });
    eachPixel(moved(), (row, column, values) => {
      const [red, green, blue] = (values.length === 1 ? [values[0], values[0], values[0]] : values).map((value) => Math.round(value * 255));
      const at = [];
      for (const y of circular ? [row - height, row, row + height] : [row]) {
        for (const x of circular ? [column - width, column, column + width] : [column]) {
          if (y >= -before && y < height + after && x >= -before && x < width + after) at.push([y, x]);
        }
      }
      for (const [y, x] of at) {
        const share = y === row && x === column ? 1 : 0.45; // a copy in the circular border is dimmer
        square(y + before, x + before, `rgb(${[red, green, blue].map((value) => Math.round(value * share + 48 * (1 - share))).join(",")})`);
      }
    });
    for (const i of outlined(layer.rows)) for (const j of outlined(layer.columns)) outline(i, j, 2);
    if (visited) outline(...visited, 4);
    function outline(i, j, lineWidth) {
      const [fill, ink] = hue(i, j), words = label(i, j);
      const x = j * stride * cell, y = i * stride * cell;
      painter.rectangle(x, y, size * cell, size * cell, { stroke: fill, lineWidth });
      const chip = 8 * words.length + 5;
      const left = clamped(x, 0, wide * cell - chip), top = clamped(y, 0, tall * cell - 15);
      painter.rectangle(left, top, chip, 15, { fill });
      painter.text(left + chip / 2, top + 8, words, ink, 12);
    }
  }

  function drawInput() {
    const { height, width, before, after } = layer;
    const cell = cellSize(), ratio = window.devicePixelRatio || 1;
    const wide = (width + before + after) * cell, tall = (height + before + after) * cell;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(tall * ratio)) {
      Object.assign(canvas, { width: Math.round(wide * ratio), height: Math.round(tall * ratio) });
      Object.assign(canvas.style, { width: `${wide}px`, height: `${tall}px`, display: "block" });
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, wide, tall);
    paintInput(canvasPainter(context));
    const [row, column] = moved().map((pixels, axis) => {
      const place = start()[axis] + pixels, size = get("input_shape")[axis];
      return layer.circular ? (place + size) % size : place;
    });
    const side = get("cat_size") * cell;
    Object.assign(handle.style, {
      left: `${clamped((column + before) * cell, 24 - side, wide - 24)}px`, top: `${clamped((row + before) * cell, 24 - side, tall - 24)}px`,
      width: `${side}px`, height: `${side}px`,
    });
    const words = movedWords();
    handle.setAttribute("aria-label", `The cat, ${words}. The arrow keys move it, with Shift by a stride.`);
    const patches = plural(layer.rows * layer.columns, "patch", "patches");
    canvas.setAttribute("aria-label", `Input of ${height} by ${width}, with the cat at row ${row}, column ${column}, ${words}; ${patches}, ` +
      (layer.shared ? "all with the same weights w." : "each with weights of its own."));
  }

  function movedWords() {
    const [down, right] = moved();
    const part = (pixels, ahead, back) => (pixels ? `${Math.abs(pixels)} ${pixels > 0 ? ahead : back}` : "");
    const parts = [part(down, "down", "up"), part(right, "right", "left")].filter(Boolean);
    return parts.length ? `moved ${parts.join(" and ")}` : "where it started";
  }

  /** Move the cat to a shift; in a circle it may go round, else it stays in the picture. */
  function moveTo(shift) {
    const next = shift.map((pixels, axis) => {
      const size = get("input_shape")[axis], first = start()[axis];
      if (!layer.circular) return clamped(pixels, 1 - get("cat_size") - first, size - 1 - first);
      const half = Math.floor(size / 2);
      return ((((pixels + half) % size) + size) % size) - half;
    });
    const now = get("shift");
    if (next[0] !== now[0] || next[1] !== now[1]) set("shift", next);
  }
  const moveBy = (down, right) => moveTo([moved()[0] + down, moved()[1] + right]);

  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? layer.stride : 1;
    const way = { ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step] }[event.key];
    if (way) moveBy(...way);
    else if (event.key === "Home") moveTo([0, 0]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  let grip = null;
  handle.addEventListener("pointerdown", (event) => {
    grip = { x: event.clientX, y: event.clientY, shift: moved() };
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!grip) return;
    const cells = (pixels) => Math.round(pixels / cellSize());
    moveTo([grip.shift[0] + cells(event.clientY - grip.y), grip.shift[1] + cells(event.clientX - grip.x)]);
  });
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (grip = null));

  // --- The weights and the maps --------------------------------------------------------------

  const visit = (i, j, how) => {
    visited = [i, j];
    drawInput();
    const stroke = colours.focus;
    for (const grid of grids) grid.mark([{ cells: [[i, j]], stroke, lineWidth: 3 }], border());
    const n = i * layer.columns + j;
    const whose = layer.shared ? "the weights w that all patches share" : `weights of its own, ${label(i, j)}`;
    detail.textContent = `Output row ${i}, column ${j} uses ${whose}. Shift, then convolve: ${exactly(maps.after[n])}; ` +
      `convolve, then shift: ${exactly(maps.other[n])}; difference ${exactly(maps.difference[n])}.`;
    if (how !== "hover") say.say(detail.textContent);
  };
  const leave = () => {
    visited = null;
    drawInput();
    for (const grid of grids) grid.mark([], border());
    detail.textContent = hint;
  };
  const exactly = (number) => written(number, 3);
  const gridOf = (title) => new Grid({ title, onvisit: visit, onleave: leave });
  const weightGrid = gridOf("Weights"), afterGrid = gridOf("Shift, then convolve");
  const otherGrid = gridOf("Convolve, then shift"), differenceGrid = gridOf("Their difference");
  const mapGrids = [afterGrid, otherGrid, differenceGrid], grids = [weightGrid, ...mapGrids];
  const hint = "Point at a cell of a grid, or walk there by arrow keys, to see its patch and its numbers.";
  const detail = h("p", { class: "cl-sum", style: "min-height:3em" });
  const border = () => [{ i: 0, j: 0, rows: layer.rows, columns: layer.columns, stroke: colours.edge }];
  const names = { rowName: (i) => `row ${i}`, columnName: (j) => `column ${j}` };

  function drawWeights() {
    const { rows, columns, shared } = layer;
    weightGrid.heading.textContent = `Which weights each patch uses: ${asking() ? "?" : shared ? "1 set for all" : `${thousands(rows * columns)} sets, one each`}`;
    weightGrid.room = room < 330 ? room : 26 * 14; // in the running example there is room for numbers
    weightGrid.draw({
      rows, columns, ...names,
      value: (i, j) => (shared ? "the shared weights w" : `weights ${label(i, j)}`),
      look: (i, j) => ({ fill: hue(i, j)[0], ink: hue(i, j)[1], label: () => (shared ? "w" : owner(i, j) + 1) }),
    });
  }

  function drawMaps() {
    const { rows, columns } = layer;
    const shades = Array.from({ length: 2 * SHADES + 1 }, (_, k) => diverging(k - SHADES, SHADES, colours));
    // By the square root, so that the weak end of a response is seen as well.
    const shade = (value) => Math.sign(value) * Math.round(SHADES * Math.sqrt(Math.min(Math.abs(value) / (maps.brightest || 1), 1)));
    const draw = (grid, map) => {
      grid.room = mapRoom;
      grid.draw({
        rows, columns, ...names, frames: border(),
        value: (i, j) => exactly(map[i * columns + j]),
        look: (i, j) => {
          const value = map[i * columns + j];
          // A sum of 0 is left to the paper, which is most of a large map.
          const fill = value ? shades[shade(value) + SHADES] : undefined;
          return { fill, label: () => written(value, 1) };
        },
      });
    };
    draw(afterGrid, maps.after);
    draw(otherGrid, maps.other);
    draw(differenceGrid, maps.difference);
  }

  // --- The words -----------------------------------------------------------------------------

  const sharedCount = h("div"), unsharedCount = h("div"), ratio = h("div");
  const countBox = h("div", { class: "cl-counts", style: "font-variant-numeric:tabular-nums;margin:0 0 8px" }, sharedCount, unsharedCount, ratio);
  const largest = h("data");
  const why = document.createTextNode("");
  const verdict = h("p", { class: "cl-verdict", style: "margin:8px 0;font-weight:600" }, "Largest difference: ", largest, why);
  const convention = h("p", { style: "margin:8px 0" });

  function tell() {
    const { size, depth, outChannels, rows, columns, shared, stride, counts: totals } = layer;
    const one = `(${size}·${size}·${depth} + 1)`;
    const hidden = asking();
    const now = (active) => (active ? " ◀ now" : "");
    sharedCount.textContent = `Shared: ${hidden ? "?" : `${one} · ${outChannels} = ${thousands(totals.shared)} parameters`}${now(shared)}`;
    unsharedCount.textContent = `Unshared: ${hidden ? "?" : `${one} · (${rows}·${columns}·${outChannels}) = ${thousands(totals.unshared)} parameters`}${now(!shared)}`;
    sharedCount.style.fontWeight = shared ? "700" : "400";
    unsharedCount.style.fontWeight = shared ? "400" : "700";
    ratio.textContent = hidden ? "" : `Without sharing, ${thousands(rows * columns)} times as many: once for each of the ${rows}·${columns} patches.`;
    largest.value = maps.largest;
    largest.textContent = exactly(maps.largest);
    why.data = `${maps.largest === 0 ? " (exactly)" : ""}. ${reason()}`;
    const [down, right] = mapShift();
    convention.textContent =
      `A move of the input by n·S pixels is to move the map by n places. Here S = ${stride}: the cat is ${movedWords()}, so the map is moved ` +
      `${Math.abs(down)} ${down < 0 ? "up" : "down"} and ${Math.abs(right)} ${right < 0 ? "left" : "right"}` +
      `${stride > 1 ? " (whole steps only, towards zero)" : ""}. ` +
      (layer.circular ? "Circular borders: what leaves comes in at the opposite side." : "Zero borders: what is pushed out is lost, and zeros come in.") +
      " Biases are counted, but are 0 in the maps.";
  }

  // --- Goal and prediction -------------------------------------------------------------------

  const goal = h("div", { class: "cl-goal", role: "status" });
  function judge() {
    const wanted = get("goal");
    goal.hidden = !("equal" in wanted);
    if (goal.hidden) return;
    const conditions = [
      "shared" in wanted ? `${wanted.shared ? "shared" : "unshared"} weights` : "",
      "stride" in wanted ? `stride ${wanted.stride}` : "", "border" in wanted ? `${wanted.border === "zeros" ? "zero" : "circular"} borders` : "",
    ].filter(Boolean);
    const reached = moved().some(Boolean) && (maps.largest === 0) === wanted.equal &&
      ["shared", "stride", "border"].every((name) => !(name in wanted) || wanted[name] === get(name));
    const words = `Goal: a move of the cat after which both ways give ${wanted.equal ? "the same map" : "different maps"}` +
      `${conditions.length ? `, with ${conditions.join(", ")}` : ""}. ${reached ? "Reached!" : "Not yet."}`;
    if (goal.textContent !== words) goal.textContent = words;
  }

  let predicted = null;
  const asking = () => get("predict") && !predicted;
  const guess = ["shared", "unshared"].map((name) => h("input", { type: "text", inputmode: "numeric", size: 9, "aria-label": `predicted parameters, ${name}` }));
  const refusal = h("div", { class: "cl-problem", role: "alert" });
  const prediction = h("fieldset", {}, h("legend", {}, "Predict first: how many parameters has the layer?"),
    h("span", {}, "shared "), guess[0], h("span", {}, "unshared "), guess[1],
    button("Show it", () => {
      const numbers = guess.map((field) => field.value.replace(/[,\s]/g, ""));
      if (!numbers.every((text) => /^\d+$/.test(text))) {
        refusal.textContent = "Give both counts as whole numbers first.";
        return;
      }
      refusal.textContent = "";
      const both = (shared, unshared) => `${thousands(shared)} shared and ${thousands(unshared)} unshared`;
      predicted = `You predicted ${both(...numbers.map(Number))}; it is ${both(layer.counts.shared, layer.counts.unshared)}.`;
      refresh();
    }), refusal);
  const compared = h("div", { role: "status" });

  // --- Settings ------------------------------------------------------------------------------

  const shape = (axis) => (number) => set("input_shape", get("input_shape").map((old, k) => (k === axis ? Number(number) : old)));
  const fields = {
    stride: stepper({ label: "Stride S", value: get("stride"), min: 1, max: 4, onchange: (n) => set("stride", n) }),
    border: chooser({ label: "Border", value: get("border"), options: [["zeros", "zeros"], ["circular", "circular"]], onchange: (name) => set("border", name) }),
    height: stepper({ label: "Height H", value: 16, min: 16, max: 64, onchange: shape(0) }),
    width: stepper({ label: "Width W", value: 16, min: 16, max: 64, onchange: shape(1) }),
    depth: chooser({ label: "Depth C", value: "3", options: [["1", "1 (gray)"], ["3", "3 (colours)"]], onchange: shape(2) }),
    size: stepper({ label: "Filter size F", value: 1, min: 1, max: 11, onchange: (n) => set("filter_size", n) }),
    filters: stepper({ label: "Filters K", value: 1, min: 1, max: 32, onchange: (n) => set("out_channels", n) }),
    padding: stepper({ label: "Padding P", value: 0, min: 0, max: 5, onchange: (n) => set("padding", n) }),
    cat: chooser({ label: "Cat", value: "12", options: [["8", "8 × 8"], ["12", "12 × 12"], ["16", "16 × 16"]], onchange: (n) => set("cat_size", Number(n)) }),
    filter: chooser({ label: "Filter shown", value: "0", options: [], onchange: (k) => set("filter", Number(k)) }),
    seed: stepper({ label: "Draw weights anew: seed", value: 0, min: 0, max: 999, onchange: (n) => set("seed", n) }),
  };
  const ways = [true, false].map((shared) => button(shared ? "Shared weights" : "Unshared weights", () => set("shared", shared)));
  const note = h("div", { class: "cl-field" });

  function showSettings() {
    const [height, width, depth] = get("input_shape");
    const values = {
      stride: get("stride"), border: get("border"), height, width, depth: String(depth), size: layer.size, filters: layer.outChannels,
      padding: get("padding"), cat: String(get("cat_size")), seed: layer.seed,
    };
    for (const [name, value] of Object.entries(values)) fields[name].set(value);
    fields.filter.offer(Array.from({ length: layer.outChannels }, (_, k) => [String(k), String(k + 1)]));
    fields.filter.set(String(layer.filter));
    ways.forEach((way, k) => way.setAttribute("aria-pressed", String(layer.shared === (k === 0))));
    fields.padding.element.hidden = layer.circular;
    note.textContent = layer.circular ? `Padding: ${layer.before} and ${layer.after} pixels from the opposite side` : "";
  }

  const moves = h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Move the cat"),
    ...[["↑", "up", -1, 0], ["↓", "down", 1, 0], ["←", "left", 0, -1], ["→", "right", 0, 1]].map(
      ([sign, way, down, right]) => button(sign, () => moveBy(down, right), { "aria-label": `Move the cat ${way}` })),
    button("Back to the start", () => moveTo([0, 0])));

  // --- Putting it together -------------------------------------------------------------------

  let drawnSettings = "", shownSettings = "";
  function refresh() {
    readLayer();
    colours = theme(root);
    const style = getComputedStyle(root);
    const inner = root.clientWidth - parseFloat(style.paddingLeft || 0) - parseFloat(style.paddingRight || 0);
    if (inner > 0) {
      room = clamped(inner, 180, 330);
      mapRoom = inner < 620 ? room : clamped(Math.floor(inner / 3) - 22, 180, 330); // three in a row
    }
    const weightKey = JSON.stringify([layer.seed, layer.filter, layer.rows, layer.columns, layer.size, layer.depth]);
    if (weightKey !== drawnFor) {
      drawn = new Map();
      drawnFor = weightKey;
    }
    // All but the place of the cat; while that alone changes, the rest stays as it is drawn.
    const settings = JSON.stringify([weightKey, room, mapRoom, style.color, asking(), predicted, ...settingNames.map(get)]);
    const anew = settings !== drawnSettings;
    computeMaps(anew);
    visited = null;
    detail.textContent = hint;
    // The fields are set only when a setting changes, so that what one of them refused stays readable.
    const values = JSON.stringify(settingNames.map(get));
    if (values !== shownSettings) {
      shownSettings = values;
      showSettings();
    }
    if (anew) {
      drawnSettings = settings;
      drawWeights();
      prediction.hidden = !asking();
      compared.textContent = predicted ?? "";
    }
    weightGrid.mark([], border());
    drawInput();
    drawMaps();
    tell();
    judge();
    const totals = layer.counts;
    say.say(`Weights ${layer.shared ? "shared" : "unshared"}${asking() ? "" : `, ${thousands(layer.shared ? totals.shared : totals.unshared)} parameters`}; the cat ${movedWords()}. ` + verdict.textContent);
  }

  function save(type) {
    const cell = cellSize();
    const boxes = [
      [inputTitle, (layer.width + layer.before + layer.after) * cell, (layer.height + layer.before + layer.after) * cell, (x, y) => {
        const painter = svgPainter(x, y);
        paintInput(painter);
        return painter.parts.join("\n");
      }],
      ...grids.map((grid) => [grid.heading, grid.content.columns * grid.size + 1, grid.content.rows * grid.size + 1, (x, y) => grid.svg(x, y)]),
    ];
    const words = (x, y, text) => `<text x="${x}" y="${y}" fill="${colours.ink}" font-size="14">${text}</text>`;
    let x = 24;
    const body = boxes.map(([heading, wide, , paint]) => {
      const part = `${words(x, 24, heading.textContent)}\n${paint(x, 34)}`;
      x += Math.max(wide, 8 * heading.textContent.length) + 24;
      return part;
    });
    const tall = Math.max(...boxes.map(([, , height]) => height));
    const lines = [sharedCount, unsharedCount, verdict].map((line, k) => words(24, tall + 60 + 20 * k, line.textContent));
    const height = tall + 120;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${x}" height="${height}" viewBox="0 0 ${x} ${height}" font-family="system-ui, sans-serif">\n<rect width="100%" height="100%" fill="${colours.paper}"/>\n${[...body, ...lines].join("\n")}\n</svg>\n`;
    savePicture("sharing", type, svg, x, height);
  }

  const group = (legend, ...parts) => h("fieldset", {}, h("legend", { class: "cl-hidden" }, legend), ...parts);
  root.append(
    goal, prediction, compared,
    group("Weights", ...ways, fields.stride.element, fields.border.element),
    h("details", {}, h("summary", { style: "padding:4px 0", "data-lm-suppress-shortcuts": "true" }, "The layer and the cat"),
      group("The layer and the cat", ...["height", "width", "depth", "size", "filters", "padding"].map((name) => fields[name].element), note,
        ...["cat", "filter", "seed"].map((name) => fields[name].element))),
    countBox,
    h("div", { class: "cl-grids" }, h("div", { style: "max-width:100%" }, input, moves), weightGrid.element),
    verdict,
    h("div", { class: "cl-grids" }, ...mapGrids.map((grid) => grid.element)),
    detail, convention,
    group("Saving", button("Save picture (SVG)", () => save("svg")), button("Save picture (PNG)", () => save("png"))),
    say.element,
  );
  el.append(root);
  const settingNames = ["input_shape", "filter_size", "out_channels", "stride", "padding", "border", "shared", "cat_size", "filter", "seed"];
  const watched = [...settingNames, "shift", "goal", "predict"];
  refresh();
  // Draw at once, so that no frame passes in between; what else comes within the frame waits for the next.
  let waiting = 0, more = false;
  const again = () => {
    more = true;
    if (waiting) return;
    more = false;
    refresh();
    waiting = requestAnimationFrame(() => {
      waiting = 0;
      if (more) again();
    });
  };
  for (const name of watched) model.on(`change:${name}`, again);
  const unwatch = onAppearance(root, again);
  let wide = 0;
  const resized = new ResizeObserver(() => {
    if (root.clientWidth !== wide) again();
    wide = root.clientWidth;
  });
  resized.observe(root);
  return () => {
    cancelAnimationFrame(waiting);
    say.stop();
    unwatch();
    resized.disconnect();
    for (const name of watched) model.off(`change:${name}`, again);
  };
}

export default { render };
