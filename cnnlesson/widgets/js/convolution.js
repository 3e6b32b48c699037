// The Convolution visualiser: an input, a filter and an output, and what meets what.
import { misfit, outputSize, samePadding, uses } from "./arithmetic.js";
import { Grid, diverging } from "./grid.js";
import { button, chooser, h, onAppearance, savePicture, stepper, theme, voice, written } from "./ui.js";

const TERMS_SHOWN = 30;
const MOST = 64; // pixels of an input, either way
const greys = Array.from({ length: 256 }, (_, level) => `#${level.toString(16).padStart(2, "0").repeat(3)}`);

function render({ model, el }) {
  const get = (name) => model.get(name);
  const root = h("div", { class: "cnnlesson", role: "group", "aria-label": "Convolution visualiser" });
  const say = voice();
  let channel = 0, filter = 0, heat = get("view") === "padding", playing = null;

  // --- What the settings come to -------------------------------------------------------------

  let axes, sums, problem;
  function compute() {
    const image = get("input")[channel] ?? get("input")[0];
    const weights = get("filters")[filter] ?? get("filters")[0];
    const [top, bottom, left, right] = get("padding");
    const common = { stride: get("stride"), dilation: get("dilation") };
    axes = {
      rows: { inputSize: image.length, filterSize: weights[0].length, before: top, after: bottom, ...common },
      columns: { inputSize: image[0].length, filterSize: weights[0][0].length, before: left, after: right, ...common },
    };
    problem = misfit(axes.rows, "H") ?? misfit(axes.columns, "W");
    const height = problem ? 0 : outputSize(axes.rows), width = problem ? 0 : outputSize(axes.columns);
    sums = Array.from({ length: height }, () => new Float64Array(width).fill(get("bias")[filter] ?? 0));
    const { stride, dilation } = common;
    get("input").forEach((map, c) => {
      const padded = Array.from({ length: top + image.length + bottom }, (_, r) => {
        const row = new Float64Array(left + image[0].length + right);
        if (map[r - top]) row.set(map[r - top], left);
        return row;
      });
      weights[c].forEach((row, u) => row.forEach((weight, v) => {
        for (let i = 0; i < height; i++) {
          const pixels = padded[i * stride + u * dilation], sum = sums[i];
          for (let j = 0, at = v * dilation; j < width; j++, at += stride) sum[j] += weight * pixels[at];
        }
      }));
    });
  }

  /** The pixel that weight (u, v) meets at position (i, j), in the padded input. */
  const met = (i, j, u, v) => [i * get("stride") + u * get("dilation"), j * get("stride") + v * get("dilation")];

  // --- The three grids -----------------------------------------------------------------------

  const inputGrid = new Grid({
    title: "Input", onvisit: visitInput, onleave: settle,
    onedit: (i, j, text) => edit("input", text, (all, number) => {
      const [top, , left] = get("padding");
      const row = all[channel][i - top];
      if (!row || j - left < 0 || j - left >= row.length) return "This cell is padding, which is always 0: choose one of the image.";
      row[j - left] = number;
    }),
  });
  const filterGrid = new Grid({
    title: "Filter", room: 170, onvisit: visitWeight, onleave: settle,
    onedit: (u, v, text) => edit("filters", text, (all, number) => void (all[filter][channel][u][v] = number)),
  });
  const outputGrid = new Grid({ title: "Output", onvisit: visitOutput, onleave: settle });

  function edit(trait, text, change) {
    const number = Number(text);
    if (text === "" || !Number.isFinite(number)) return complain(`“${text}” is no number: the cell keeps its value.`);
    const copy = structuredClone(get(trait));
    const refusal = change(copy, number);
    if (refusal) return complain(refusal);
    model.set(trait, copy);
    model.save_changes();
  }

  function drawGrids() {
    const image = get("input")[channel], weights = get("filters")[filter][channel];
    const [top, , left] = get("padding");
    const rowUses = uses(axes.rows), columnUses = uses(axes.columns);
    const inside = (i, j) => image[i - top]?.[j - left];
    const flat = image.flat();
    const picture = flat.every((number) => number >= 0 && number <= 1) && flat.length > 200;
    const largest = Math.max(...flat.map(Math.abs), 1e-9);
    const mostUses = Math.max(...rowUses) * Math.max(...columnUses);
    inputGrid.heading.textContent = heat ? "Input: how often each pixel is used" : named("Input", get("input").length, "channel", channel);
    inputGrid.draw({
      rows: rowUses.length, columns: columnUses.length,
      rowName: (i) => (i < top || i - top >= image.length ? "padding row" : `row ${i - top}`),
      columnName: (j) => (j < left || j - left >= image[0].length ? "padding column" : `column ${j - left}`),
      value: (i, j) => {
        const used = rowUses[i] * columnUses[j];
        const number = inside(i, j);
        return `${number === undefined ? "padding 0" : written(number)}, used ${used} ${used === 1 ? "time" : "times"}`;
      },
      look: (i, j, colours) => {
        const number = inside(i, j), used = rowUses[i] * columnUses[j];
        if (heat) {
          return { fill: diverging(used, mostUses, colours), dashed: number === undefined, label: () => used, hatched: !used };
        }
        if (number === undefined) return { fill: colours.surface, dashed: true, label: () => "0", ink: colours.muted };
        return {
          fill: picture ? greys[Math.round(number * 255)] : diverging(number, largest, colours),
          label: () => written(number), hatched: !problem && !used,
        };
      },
    });
    const heaviest = Math.max(...weights.flat().map(Math.abs), 1e-9);
    filterGrid.heading.textContent = named(named("Filter", get("filters").length, "", filter), get("input").length, "channel", channel);
    filterGrid.draw({
      rows: weights.length, columns: weights[0].length,
      rowName: (u) => `row ${u}`, columnName: (v) => `column ${v}`, value: (u, v) => `weight ${written(weights[u][v])}`,
      look: (u, v, colours) => ({ fill: diverging(weights[u][v], heaviest, colours), label: () => written(weights[u][v]) }),
    });
    const height = sums.length, width = height ? sums[0].length : 0;
    let highest = 1e-9;
    for (const row of sums) for (const sum of row) highest = Math.max(highest, Math.abs(sum));
    const hidden = asking();
    outputGrid.heading.textContent = hidden ? "Output: predict its size first" : `${named("Output", get("filters").length, "map", filter)}, ${height} × ${width}`;
    outputGrid.draw({
      rows: hidden ? 0 : height, columns: hidden ? 0 : width,
      rowName: (i) => `row ${i}`, columnName: (j) => `column ${j}`, value: (i, j) => written(sums[i][j]),
      look: (i, j, colours) => ({ fill: diverging(sums[i][j], highest, colours), label: () => written(sums[i][j], 1) }),
    });
  }

  const named = (what, count, unit, index) => (count > 1 ? `${what}, ${unit} ${index + 1} of ${count}`.replace(",  ", " ") : what);

  // --- Hover and focus: who meets whom -------------------------------------------------------

  function visitOutput(i, j, how) {
    if (!sums[i]) return;
    const colours = theme(root);
    const window = filterCells();
    inputGrid.mark([{ cells: window.map(([u, v]) => met(i, j, u, v)), stroke: colours.filter }], [frame(i, j, colours)]);
    filterGrid.mark([]);
    outputGrid.mark([{ cells: [[i, j]], stroke: colours.filter, lineWidth: 3 }]);
    sum.textContent = spellOut(i, j);
    if (how === "hover") return;
    remember(i, j);
    say.say(`Output row ${i}, column ${j}: ${spellOut(i, j, 9)}`);
  }

  function visitInput(r, c, how) {
    const colours = theme(root);
    const fed = [], through = [];
    for (const [u, v] of filterCells()) {
      const i = (r - u * get("dilation")) / get("stride"), j = (c - v * get("dilation")) / get("stride");
      if (Number.isInteger(i) && Number.isInteger(j) && sums[i]?.[j] !== undefined) {
        fed.push([i, j]);
        through.push([u, v]);
      }
    }
    inputGrid.mark([{ cells: [[r, c]], stroke: colours.input, lineWidth: 3 }]);
    filterGrid.mark([{ cells: through, stroke: colours.input }]);
    outputGrid.mark([{ cells: fed, stroke: colours.input }]);
    const words = fed.length
      ? `This pixel feeds ${fed.length} ${fed.length === 1 ? "output" : "outputs"} of this map, each through another weight.`
      : "No output sees this pixel.";
    sum.textContent = words;
    if (how !== "hover") say.say(words);
  }

  function visitWeight(u, v, how) {
    const colours = theme(root);
    const cells = sums.flatMap((row, i) => Array.from(row, (_, j) => met(i, j, u, v)));
    inputGrid.mark([{ cells, stroke: colours.filter }]);
    filterGrid.mark([{ cells: [[u, v]], stroke: colours.filter, lineWidth: 3 }]);
    outputGrid.mark([]);
    const words = `This one weight is used at ${cells.length} ${cells.length === 1 ? "place" : "places"}: once for every output of the map.`;
    sum.textContent = words;
    if (how !== "hover") say.say(words);
  }

  const filterCells = () => get("filters")[filter][channel].flatMap((row, u) => row.map((_, v) => [u, v]));
  const frame = (i, j, colours) => {
    const [r, c] = met(i, j, 0, 0), [lastRow, lastColumn] = met(i, j, axes.rows.filterSize - 1, axes.columns.filterSize - 1);
    return { i: r, j: c, rows: lastRow - r + 1, columns: lastColumn - c + 1, stroke: colours.filter };
  };

  /** The products and their sum, over all channels. */
  function spellOut(i, j, most = TERMS_SHOWN) {
    const [top, , left] = get("padding");
    const terms = [];
    get("input").forEach((map, c) => get("filters")[filter][c].forEach((row, u) => row.forEach((weight, v) => {
      const [r, col] = met(i, j, u, v);
      terms.push(`${signed(map[r - top]?.[col - left] ?? 0)}·${signed(weight)}`);
    })));
    const bias = get("bias")[filter] ?? 0;
    const shown = terms.slice(0, most).join(" + ");
    const rest = terms.length > most ? ` + … (${terms.length} products in all)` : "";
    return `${shown}${rest}${bias ? ` + bias ${signed(bias)}` : ""} = ${written(sums[i][j])}`;
  }
  const signed = (number) => (number < 0 ? `(${written(number)})` : written(number));

  /** Show the chosen position again, once nothing is hovered. */
  function settle() {
    const [i, j] = get("position");
    if (sums[i]?.[j] !== undefined && !asking()) visitOutput(i, j, "hover");
    else for (const grid of [inputGrid, filterGrid, outputGrid]) grid.mark([]);
  }
  function remember(i, j) {
    const [k, l] = get("position");
    if (i === k && j === l) return;
    model.set("position", [i, j]);
    model.save_changes();
  }

  // --- Stepping ------------------------------------------------------------------------------

  function step(by) {
    const width = sums[0]?.length ?? 0, count = sums.length * width;
    if (!count || asking()) return;
    const [i, j] = get("position");
    const next = (Math.min(i, sums.length - 1) * width + Math.min(j, width - 1) + by + count) % count;
    remember(Math.floor(next / width), next % width);
    visitOutput(Math.floor(next / width), next % width, playing ? "hover" : "step");
  }
  const play = button("Play", () => {
    if (playing) clearInterval(playing);
    playing = playing ? null : setInterval(() => step(1), 1200 / Number(speed.value));
    play.textContent = playing ? "Pause" : "Play";
  });
  const speed = h("input", { type: "range", min: 1, max: 12, value: 3, oninput: () => {
    if (!playing) return;
    clearInterval(playing);
    playing = setInterval(() => step(1), 1200 / Number(speed.value));
  } });

  // --- Settings ------------------------------------------------------------------------------

  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const sideNames = ["top", "bottom", "left", "right"];
  const fields = {
    stride: stepper({ label: "Stride S", value: get("stride"), min: 1, max: 16, onchange: (n) => set("stride", n) }),
    dilation: stepper({ label: "Dilation D", value: get("dilation"), min: 1, max: 8, onchange: (n) => set("dilation", n) }),
    sides: sideNames.map((side, k) => stepper({
      label: `Padding ${side}`, value: get("padding")[k], min: 0, max: 32,
      onchange: (n) => set("padding", get("padding").map((old, index) => (index === k ? n : old))),
    })),
  };
  const everySide = stepper({ label: "Padding P, every side", value: get("padding")[0], min: 0, max: 32, onchange: (n) => set("padding", [n, n, n, n]) });
  const sides = h("details", {}, h("summary", { "data-lm-suppress-shortcuts": "true" }, "Each side by itself"), h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Padding of each side"), ...fields.sides.map((field) => field.element)));
  const source = chooser({
    label: "Input from", value: "numbers",
    options: [["numbers", "numbers"], ...Object.keys(get("pictures")).map((name) => [name, name]), ["own", "your own picture …"]],
    onchange: (name) => (name === "own" ? file.click() : name === "numbers" ? set("input", start.input) : take(get("pictures")[name])),
  });
  const start = { input: structuredClone(get("input")) };
  const file = h("input", { type: "file", accept: "image/*", class: "cl-hidden", tabindex: -1, "aria-label": "your own picture", onchange: readPicture });
  const channels = chooser({ label: "Channel", value: "0", options: [], onchange: (k) => { channel = Number(k); refresh(); } });
  const maps = chooser({ label: "Filter", value: "0", options: [], onchange: (k) => { filter = Number(k); refresh(); } });

  /** Use a picture as the input: as many of its channels as the filters have. */
  function take(picture) {
    const depth = get("filters")[0].length;
    set("input", Array.from({ length: depth }, (_, c) => picture[c % picture.length]));
  }
  async function readPicture() {
    const [chosen] = file.files;
    file.value = "";
    if (!chosen) return source.set("numbers");
    try {
      const bitmap = await createImageBitmap(chosen);
      const scale = Math.min(1, MOST / Math.max(bitmap.width, bitmap.height));
      const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
      const context = h("canvas", { width, height }).getContext("2d");
      context.drawImage(bitmap, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      const value = (c, i, j) => Math.round((data[4 * (i * width + j) + c] / 255) * 100) / 100;
      take([0, 1, 2].map((c) => Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => value(c, i, j)))));
    } catch {
      complain(`“${chosen.name}” is not a picture that this browser can read: the input stays as it was.`);
    }
  }

  const presets = [
    ["valid", "valid", () => [0, 0]],
    ["full", "full", ({ filterSize, dilation }) => [dilation * (filterSize - 1), dilation * (filterSize - 1)]],
    ["same-tf", "same (TensorFlow, Keras)", (axis) => samePadding(axis, "tensorflow")],
    ["same-pt", "same (PyTorch)", (axis) => samePadding(axis, "pytorch")],
  ].map(([, words, rule]) => button(words, () => {
    const rows = rule(axes.rows), columns = rule(axes.columns);
    if (!rows || !columns) return complain(`PyTorch has no “same” padding at stride ${get("stride")}: it takes stride 1 only.`);
    set("padding", [...rows, ...columns]);
  }));
  const heatButton = button("Show how often each pixel is used", () => { heat = !heat; refresh(); }, { "aria-pressed": String(heat) });

  // --- Goal and prediction -------------------------------------------------------------------

  const goal = h("div", { class: "cl-goal", role: "status" });
  function judge() {
    const wanted = get("goal");
    goal.hidden = !Object.keys(wanted).length;
    if (goal.hidden) return;
    const height = sums.length, width = sums[0]?.length ?? 0;
    const reached = wanted.unread
      ? !problem && (uses(axes.rows).slice(axes.rows.before, axes.rows.before + axes.rows.inputSize).includes(0) ||
          uses(axes.columns).slice(axes.columns.before, axes.columns.before + axes.columns.inputSize).includes(0))
      : wanted.output?.[0] === height && wanted.output?.[1] === width;
    const task = wanted.unread ? "Goal: settings under which some pixel of the input feeds no output." : `Goal: an output of ${wanted.output?.join(" × ")}.`;
    const words = `${task} ${reached ? "Reached!" : "Not yet."}`;
    if (goal.textContent !== words) goal.textContent = words;
  }

  let predicted = null;
  const asking = () => get("predict") && !predicted;
  const guess = { height: h("input", { type: "number", "aria-label": "predicted height" }), width: h("input", { type: "number", "aria-label": "predicted width" }) };
  const prediction = h("fieldset", {}, h("legend", {}, "Predict first: how high and wide is the output?"), guess.height, "×", guess.width, button("Show it", () => {
    if (!/^\d+$/.test(guess.height.value) || !/^\d+$/.test(guess.width.value)) return complain("Give a height and a width as whole numbers first.");
    const times = (height, width) => `${Number(height)} × ${Number(width)}`;
    predicted = `You predicted ${times(guess.height.value, guess.width.value)}; it is ${times(sums.length, sums[0]?.length ?? 0)}.`;
    refresh();
  }));
  const compared = h("div", { role: "status" });

  // --- Putting it together -------------------------------------------------------------------

  const trouble = h("div", { class: "cl-problem", role: "alert" });
  let complaint = "";
  function complain(words) {
    complaint = words;
    trouble.textContent = words;
  }
  const sum = h("p", { class: "cl-sum" });

  function refresh() {
    if (channel >= get("input").length) channel = 0;
    if (filter >= get("filters").length) filter = 0;
    compute();
    complain(problem ?? "");
    fields.stride.set(get("stride"));
    fields.dilation.set(get("dilation"));
    everySide.set(get("padding")[0]);
    fields.sides.forEach((field, k) => field.set(get("padding")[k]));
    heatButton.setAttribute("aria-pressed", String(heat));
    for (const [choice, count, shown] of [[channels, get("input").length, channel], [maps, get("filters").length, filter]]) {
      choice.offer(Array.from({ length: count }, (_, k) => [String(k), String(k + 1)]));
      choice.set(String(shown));
      choice.element.hidden = count < 2;
    }
    drawGrids();
    prediction.hidden = !asking();
    compared.textContent = predicted ?? "";
    sum.textContent = "";
    settle();
    judge();
    say.say(problem ?? (asking() ? "" : `The output is ${sums.length} by ${sums[0].length}.`));
  }

  function save(type) {
    const grids = [inputGrid, filterGrid, outputGrid];
    const boxes = grids.map((grid) => [grid.content.columns * grid.size + 1, grid.content.rows * grid.size + 1]);
    const width = boxes.reduce((total, [w]) => total + w + 24, 24), height = Math.max(...boxes.map(([, tall]) => tall)) + 54;
    const colours = theme(root);
    let x = 24;
    const body = grids.map((grid, k) => {
      const part = `<text x="${x}" y="24" fill="${colours.ink}" font-size="14">${grid.heading.textContent}</text>\n${grid.svg(x, 34)}`;
      x += boxes[k][0] + 24;
      return part;
    });
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif">\n<rect width="100%" height="100%" fill="${colours.paper}"/>\n${body.join("\n")}\n</svg>\n`;
    savePicture("convolution", type, svg, width, height);
  }

  root.append(
    goal, prediction, compared,
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Settings"), source.element, file, fields.stride.element, everySide.element, fields.dilation.element, channels.element, maps.element),
    sides,
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Padding by name"), ...presets, heatButton),
    trouble,
    h("div", { class: "cl-grids" }, inputGrid.element, filterGrid.element, outputGrid.element),
    sum,
    h("fieldset", {}, h("legend", { class: "cl-hidden" }, "Stepping and saving"),
      button("Step back", () => step(-1)), play, button("Step", () => step(1)),
      h("label", {}, "Speed", speed),
      button("Save picture (SVG)", () => save("svg")), button("Save picture (PNG)", () => save("png"))),
    say.element,
  );
  el.append(root);
  refresh();
  // Several settings may change at once; one picture is enough, and it is ready for the same frame.
  let waiting = false;
  const again = () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      refresh();
    });
  };
  const watched = ["input", "filters", "bias", "stride", "padding", "dilation", "goal", "predict"];
  for (const name of watched) model.on(`change:${name}`, again);
  model.on("change:position", settle);
  const unwatch = onAppearance(root, again);
  return () => {
    clearInterval(playing);
    say.stop();
    unwatch();
    for (const name of watched) model.off(`change:${name}`, again);
    model.off("change:position", settle);
  };
}

export default { render };
