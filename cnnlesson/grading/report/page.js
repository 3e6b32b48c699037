"use strict";
// Without this script the tables are whole, in their first order.

const words = new Intl.Collator("en", { numeric: true });

/** What a row is sorted by: a number, a text, or null, which comes last either way. */
function key(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.key !== undefined) return Number(cell.dataset.key);
  const text = cell.textContent.trim();
  return text === "" || text === "–" ? null : text;
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return words.compare(String(one), String(other));
}

function sort(table, column, way) {
  const rows = [...table.tBodies[0].rows].map((row) => [key(row, column), row]);
  rows.sort(([one], [other]) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return way === "descending" ? compare(other, one) : compare(one, other);
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
}

for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way);
      sort(table, column, way);
      document.getElementById("status").textContent = `Sorted by ${button.textContent}, ${way}`;
    });
  });
}
