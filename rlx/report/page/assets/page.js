"use strict";

// The theme is set before anything is drawn, so that the page does not flash in the other one.
const THEMES = ["system", "light", "dark"];
let theme = "system";
try {
  theme = localStorage.getItem("rlx-theme") ?? theme;
} catch { /* storage may be forbidden; the choice then lasts as long as the page */ }
applyTheme();

function applyTheme() {
  if (!THEMES.includes(theme)) theme = "system";
  document.documentElement.style.colorScheme = theme === "system" ? "" : theme;
}

function setUpTheme() {
  const button = document.getElementById("theme");
  const show = () => { button.textContent = `Theme: ${theme}`; };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try { localStorage.setItem("rlx-theme", theme); } catch { /* as above */ }
    applyTheme();
    show();
  });
  show();
}

// Sorting: within each body of a table, so that what has no rank stays below; cells without a value come last.
function sortKey(row, column, words) {
  const cell = row.cells[column];
  if (words) return cell.textContent;
  return cell?.dataset.v === undefined ? null : Number(cell.dataset.v);
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
}

function sortBy(heading) {
  const table = heading.closest("table");
  const words = heading.classList.contains("words");
  const before = heading.getAttribute("aria-sort");
  const falling = before === null ? "falling" in heading.dataset : before === "ascending";
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  for (const body of table.tBodies) {
    const keyed = [...body.rows].map((row) => [sortKey(row, heading.cellIndex, words), row]);
    keyed.sort(([a], [b]) => compare(a, b, falling ? -1 : 1));
    body.append(...keyed.map(([, row]) => row));
  }
}

// Filtering: every word has to be in the name of the target or of its system.
function filterRows(wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...document.querySelectorAll(".board tbody tr")];
  for (const row of rows) row.hidden = !words.every((word) => row.dataset.find.includes(word));
  const shown = rows.filter((row) => !row.hidden).length;
  document.getElementById("found").textContent = words.length ? `${shown} of ${rows.length} rows` : "";
}

// Reports: the address names the one that is open, so that it can be linked to and "back" closes it.
const reports = new Map();
let pushed = false; // whether opening added to the history
let shown = null;

function wanted() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function followAddress() {
  const dialog = document.getElementById("report");
  const id = wanted();
  const template = reports.get(id);
  if (template === undefined) {
    pushed = false;
    if (dialog.open) dialog.close();
    return;
  }
  shown = id;
  document.getElementById("report-title").textContent = template.dataset.title;
  document.getElementById("report-line").textContent = template.dataset.line;
  const body = document.getElementById("report-body");
  body.replaceChildren(template.content.cloneNode(true), document.querySelector("footer details").cloneNode(true));
  if (!dialog.open) dialog.showModal();
  body.scrollTop = 0;
  document.getElementById("previous").disabled = neighbour(-1) === null;
  document.getElementById("next").disabled = neighbour(1) === null;
}

function open(id) {
  pushed = true;
  location.hash = encodeURIComponent(id);
}

function closed() {
  const row = document.getElementById(shown);
  shown = null;
  document.getElementById("report-body").replaceChildren();
  if (reports.has(wanted())) {
    if (pushed) history.back();
    else history.replaceState(null, "", location.pathname + location.search);
  }
  pushed = false;
  row?.querySelector(".open")?.focus();
}

function neighbour(step) {
  const rows = [...document.querySelectorAll(".board tbody tr[data-opens]:not([hidden])")];
  const table = document.getElementById(shown)?.closest("table");
  const near = rows.filter((row) => row.closest("table") === table);
  const at = near.findIndex((row) => row.id === shown);
  return at < 0 ? null : near[at + step]?.id ?? null;
}

function step(by) {
  const id = neighbour(by);
  if (id === null) return;
  history.replaceState(null, "", `#${encodeURIComponent(id)}`);
  followAddress();
}

function setUpReports() {
  for (const template of document.querySelectorAll("template[data-report]")) {
    reports.set(template.dataset.report, template);
    const row = document.getElementById(template.dataset.report);
    row.dataset.opens = "";
    row.addEventListener("click", (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || getSelection().toString()) return;
      event.preventDefault();
      open(row.id);
    });
  }
  const dialog = document.getElementById("report");
  dialog.addEventListener("close", closed);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.getElementById("close").addEventListener("click", () => dialog.close());
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  addEventListener("hashchange", followAddress);
  followAddress();
}

document.addEventListener("DOMContentLoaded", () => {
  setUpTheme();
  for (const heading of document.querySelectorAll(".board thead th")) {
    heading.querySelector("button").addEventListener("click", () => sortBy(heading));
  }
  const filter = document.getElementById("filter");
  filter.addEventListener("input", () => filterRows(filter.value));
  filterRows(filter.value);
  setUpReports();
});
