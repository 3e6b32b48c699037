// A grid of numbers that is drawn on a canvas, so that 66 x 66 cells cost a few milliseconds, and
// that a keyboard and a screen reader can walk: of its cells just the current one is an element,
// placed over the drawing, as ARIA's grid pattern allows (aria-rowindex and aria-colindex).
import { h, theme, uniqueId } from "./ui.js";

const LARGEST = 40; // pixels of a cell
const SMALLEST = 6;
const WITH_NUMBERS = 26; // from here on there is room for a number

/** Draws cells on a canvas; `svg` below takes the same calls. */
export function canvasPainter(context) {
  let filling; // setting a colour costs more than a small rectangle
  return {
    rectangle(x, y, width, height, { fill, stroke, lineWidth = 1, dashed = false }) {
      if (fill) {
        if (fill !== filling) context.fillStyle = filling = fill;
        context.fillRect(x, y, width, height);
      }
      if (stroke) {
        context.strokeStyle = stroke;
        context.lineWidth = lineWidth;
        context.setLineDash(dashed ? [3, 2] : []);
        context.strokeRect(x + lineWidth / 2, y + lineWidth / 2, width - lineWidth, height - lineWidth);
      }
    },
    line(x1, y1, x2, y2, stroke) {
      context.strokeStyle = stroke;
      context.lineWidth = 1;
      context.setLineDash([]);
      context.beginPath();
      context.moveTo(x1, y1);
      context.lineTo(x2, y2);
      context.stroke();
    },
    text(x, y, words, fill, size) {
      context.fillStyle = filling = fill;
      context.font = `${size}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(words, x, y);
    },
  };
}

/** Collects the same calls as SVG. */
export function svgPainter(dx = 0, dy = 0) {
  const parts = [];
  const round = (number) => Math.round(number * 100) / 100;
  const escape = (words) => words.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return {
    parts,
    rectangle(x, y, width, height, { fill = "none", stroke = "none", lineWidth = 1, dashed = false }) {
      const inset = stroke === "none" ? 0 : lineWidth / 2;
      parts.push(
        `<rect x="${round(x + dx + inset)}" y="${round(y + dy + inset)}" width="${round(width - 2 * inset)}" ` +
          `height="${round(height - 2 * inset)}" fill="${fill}" stroke="${stroke}" stroke-width="${lineWidth}"` +
          `${dashed ? ' stroke-dasharray="3 2"' : ""}/>`,
      );
    },
    line(x1, y1, x2, y2, stroke) {
      parts.push(`<path d="M${round(x1 + dx)},${round(y1 + dy)} L${round(x2 + dx)},${round(y2 + dy)}" stroke="${stroke}"/>`);
    },
    text(x, y, words, fill, size) {
      parts.push(
        `<text x="${round(x + dx)}" y="${round(y + dy + size * 0.35)}" fill="${fill}" font-size="${size}" ` +
          `text-anchor="middle">${escape(words)}</text>`,
      );
    },
  };
}

/**
 * A grid. `content` describes it and may change at every `draw`:
 *   rows, columns, rowName(i), columnName(j), value(i, j),
 *   look(i, j, colours) -> {fill, ink, dashed, hatched, label()}: a label is only asked for where there is room,
 *   marks: [{ cells: [[i, j], ...], stroke, lineWidth }], frames: [{ i, j, rows, columns, stroke }].
 */
export class Grid {
  constructor({ title, room = 330, onvisit, onleave, onedit }) {
    this.room = room;
    this.onvisit = onvisit;
    this.onedit = onedit;
    this.current = [0, 0];
    this.heading = h("h3", { id: uniqueId("grid") }, title);
    this.base = h("canvas", { "aria-hidden": "true" });
    this.overlay = h("canvas", { "aria-hidden": "true" });
    this.cell = h("div", { class: "cl-cell", role: "gridcell", tabindex: 0 });
    this.row = h("div", { role: "row" }, this.cell);
    this.board = h("div", { class: "cl-board", role: "grid", "aria-labelledby": this.heading.id }, this.base, this.overlay, this.row);
    this.element = h("div", { class: "cl-grid" }, this.heading, this.board);
    this.cell.addEventListener("keydown", (event) => this.#key(event));
    this.cell.addEventListener("focus", () => this.onvisit?.(...this.current, "focus"));
    this.base.addEventListener("pointermove", (event) => {
      const at = this.#cellAt(event);
      if (at && (at[0] !== this.hovered?.[0] || at[1] !== this.hovered?.[1])) {
        this.hovered = at;
        this.onvisit?.(...at, "hover");
      }
    });
    this.base.addEventListener("pointerleave", () => {
      this.hovered = null;
      onleave?.();
    });
    this.base.addEventListener("click", (event) => {
      const at = this.#cellAt(event);
      if (!at) return;
      this.#moveTo(...at);
      this.cell.focus({ preventScroll: true });
    });
    this.base.addEventListener("dblclick", () => this.#edit(""));
  }

  /** Draw everything anew. */
  draw(content) {
    this.content = content;
    const { rows, columns } = content;
    this.size = Math.max(SMALLEST, Math.min(LARGEST, Math.floor(this.room / Math.max(rows, columns, 1))));
    for (const canvas of [this.base, this.overlay]) {
      const ratio = window.devicePixelRatio || 1;
      const width = columns * this.size + 1, height = rows * this.size + 1;
      if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
      }
      const context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
    }
    this.board.setAttribute("aria-rowcount", rows);
    this.board.setAttribute("aria-colcount", columns);
    this.#paintCells(canvasPainter(this.base.getContext("2d")));
    this.mark(content.marks ?? [], content.frames ?? []);
    this.#moveTo(Math.min(this.current[0], rows - 1), Math.min(this.current[1], columns - 1));
  }

  /** Draw what is marked anew, and nothing else. */
  mark(marks, frames = []) {
    this.marks = marks;
    this.frames = frames;
    const context = this.overlay.getContext("2d");
    context.clearRect(0, 0, this.overlay.width, this.overlay.height);
    this.#paintMarks(canvasPainter(context));
  }

  /** The same picture as SVG, at an offset. */
  svg(x, y) {
    const painter = svgPainter(x, y);
    this.#paintCells(painter);
    this.#paintMarks(painter);
    return painter.parts.join("\n");
  }

  #paintCells(painter) {
    const { rows, columns, look } = this.content;
    const colours = theme(this.element);
    const size = this.size;
    const numbers = size >= WITH_NUMBERS;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const { fill, ink, dashed, hatched, label } = look(i, j, colours);
        const x = j * size, y = i * size;
        painter.rectangle(x, y, size + 1, size + 1, { fill, stroke: size > 9 ? colours.edge : undefined, dashed });
        if (hatched) {
          for (let k = 0.33; k < 2; k += 0.33) {
            const from = Math.max(0, k - 1) * size, to = Math.min(1, k) * size;
            painter.line(x + from, y + to, x + to, y + from, colours.ink);
          }
        }
        if (numbers && label) painter.text(x + size / 2, y + size / 2 + 1, String(label()), ink ?? colours.ink, size * 0.36);
      }
    }
  }

  #paintMarks(painter) {
    const size = this.size;
    for (const { cells, stroke, lineWidth = 2 } of this.marks) {
      const style = { stroke, lineWidth: size < 12 ? 1 : lineWidth }; // a small cell must still show
      for (const [i, j] of cells) painter.rectangle(j * size, i * size, size + 1, size + 1, style);
    }
    for (const { i, j, rows, columns, stroke } of this.frames) {
      painter.rectangle(j * size, i * size, columns * size + 1, rows * size + 1, { stroke, lineWidth: 3 });
    }
  }

  #cellAt(event) {
    const box = this.base.getBoundingClientRect();
    const j = Math.floor((event.clientX - box.left) / this.size), i = Math.floor((event.clientY - box.top) / this.size);
    const { rows, columns } = this.content;
    return i >= 0 && j >= 0 && i < rows && j < columns ? [i, j] : null;
  }

  /** Place the one element that stands for the current cell. */
  #moveTo(i, j) {
    const { rows, columns, rowName, columnName, value } = this.content;
    this.board.hidden = rows < 1 || columns < 1; // a grid without a cell is none to a screen reader
    if (this.board.hidden) return;
    this.current = [i, j] = [Math.max(i, 0), Math.max(j, 0)];
    this.row.setAttribute("aria-rowindex", i + 1);
    this.cell.setAttribute("aria-colindex", j + 1);
    this.cell.textContent = `${rowName(i)}, ${columnName(j)}: ${value(i, j)}`;
    Object.assign(this.cell.style, {
      left: `${j * this.size}px`, top: `${i * this.size}px`, width: `${this.size + 1}px`, height: `${this.size + 1}px`,
    });
  }

  #key(event) {
    const { rows, columns } = this.content;
    let [i, j] = this.current;
    const steps = {
      ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageUp: [-10, 0], PageDown: [10, 0],
    };
    if (event.key in steps) [i, j] = [i + steps[event.key][0], j + steps[event.key][1]];
    else if (event.key === "Home") [i, j] = event.ctrlKey ? [0, 0] : [i, 0];
    else if (event.key === "End") [i, j] = event.ctrlKey ? [rows - 1, columns - 1] : [i, columns - 1];
    else if (this.onedit && (event.key === "Enter" || /^[-\d.]$/.test(event.key))) {
      event.preventDefault();
      this.#edit(event.key === "Enter" ? "" : event.key);
      return;
    } else return;
    event.preventDefault();
    this.#moveTo(Math.min(Math.max(i, 0), rows - 1), Math.min(Math.max(j, 0), columns - 1));
    this.cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.onvisit?.(...this.current, "focus");
  }

  /** Open a field over the current cell; Enter takes the number, Escape leaves it as it was. */
  #edit(start) {
    if (!this.onedit) return;
    const [i, j] = this.current;
    const field = h("input", {
      class: "cl-edit", type: "text", inputmode: "decimal", value: start || this.content.value(i, j),
      "aria-label": `new value of ${this.content.rowName(i)}, ${this.content.columnName(j)}`,
    });
    Object.assign(field.style, { left: `${j * this.size}px`, top: `${i * this.size}px` });
    let open = true;
    const close = (take) => {
      if (!open) return;
      open = false;
      const text = field.value.trim().replace("−", "-");
      field.remove();
      this.cell.focus({ preventScroll: true });
      if (take) this.onedit(i, j, text);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") close(true);
      if (event.key === "Escape") close(false);
    });
    field.addEventListener("blur", () => close(true));
    this.board.append(field);
    field.focus();
    if (start) field.setSelectionRange(start.length, start.length);
    else field.select();
  }
}

/** Mix two colours #rrggbb: share 0 gives the first, 1 the second. */
function mix(first, second, share) {
  const channel = (colour, k) => parseInt(colour.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => Math.round(channel(first, k) * (1 - share) + channel(second, k) * share));
  return `#${mixed.map((number) => number.toString(16).padStart(2, "0")).join("")}`;
}

/** Blue for negative, orange for positive, the paper's colour for zero, in twelve steps. */
export function diverging(number, largest, colours) {
  const step = largest ? Math.round(Math.min(Math.abs(number) / largest, 1) * 12) : 0;
  const end = number < 0 ? colours.low : colours.high;
  const key = `${colours.paper}${end}${step}`;
  if (!shades.has(key)) shades.set(key, mix(colours.paper, end, step / 20));
  return shades.get(key);
}
const shades = new Map(); // a grid of thousands of cells has few of them
