// Tables that sort by any column, search, and copy as CSV.
import {el} from "./dom.js";

const FEW = 25; // rows that are shown without a frame to scroll in

// Columns are {name, cell: row => text or node, by: row => what it's sorted by, number: true}.
export function table(caption, columns, rows, {search = "", sort = null, marked = () => false, most = 400} = {}) {
  const body = el("tbody");
  let order = sort ?? {at: 0, down: false};
  let words = "";
  const texts = (row) => columns.map((column) => plain(column.cell(row)));
  const heads = columns.map((column, at) =>
    el("th", {scope: "col", class: column.number && "number"},
      el("button", {type: "button", onclick: () => sortBy(at)}, column.name)));
  const count = el("p", {class: "quiet", role: "status"});

  function chosen() {
    const by = columns[order.at].by ?? ((row) => plain(columns[order.at].cell(row)));
    const found = words ? rows.filter((row) => texts(row).join(" ").toLowerCase().includes(words)) : [...rows];
    found.sort((a, b) => compared(by(a), by(b)) * (order.down ? -1 : 1));
    return found;
  }
  function sortBy(at) {
    order = {at, down: order.at === at ? !order.down : Boolean(columns[at].number)};
    fill();
  }
  function fill() {
    const found = chosen();
    body.replaceChildren(...found.slice(0, most).map((row) =>
      el("tr", {class: marked(row) && "marked"}, columns.map((column, at) =>
        el(at ? "td" : "th", {class: column.number && "number", scope: at ? null : "row"}, column.cell(row))))));
    heads.forEach((head, at) => head.setAttribute("aria-sort", at !== order.at ? "none" : order.down ? "descending" : "ascending"));
    every.hidden = found.length <= most;
    count.textContent = found.length > most ? `The first ${most} of ${found.length}` : words ? `${found.length} of ${rows.length}` : "";
  }
  const every = el("button", {type: "button", class: "link", hidden: true, onclick: () => { most = Infinity; fill(); }}, "Show all");
  fill();
  const copied = el("button", {type: "button", class: "small", onclick: async () => {
    await copy(csv([columns.map((column) => column.name), ...chosen().map(texts)]));
    copied.textContent = "Copied";
  }}, "Copy as CSV");
  return el("div", {class: "tabled"},
    el("div", {class: "bar"},
      search && el("input", {type: "search", placeholder: search, "aria-label": search, oninput: (event) => { words = event.target.value.trim().toLowerCase(); fill(); }}),
      copied),
    el("div", {class: rows.length > FEW ? "scroll tall" : "scroll", tabindex: 0, role: "region", "aria-label": caption},
      el("table", {}, el("caption", {class: "unseen"}, caption), el("thead", {}, el("tr", {}, heads)), body)),
    count, every);
}

function plain(cell) {
  return cell instanceof Node ? cell.textContent : String(cell ?? "");
}

function compared(a, b) {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

// Cells that a spreadsheet would take for a formula are kept as text.
export function csv(rows) {
  const cell = (text) => {
    const safe = /^[=@\t\r]|^[+−-](?!\$?[\d.])/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = el("textarea", {value: text});
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
