"use strict";
// The page is whole without this: it sorts, filters and remembers the theme.
for (const section of document.querySelectorAll(".listing")) {
  const table = section.querySelector("table");
  const body = table && table.tBodies[0];
  if (!body || body.rows.length < 2) continue;
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const key = (row, at) => {
    const cell = row.cells[at];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "descending" ||
        (head.className !== "n" && head.getAttribute("aria-sort") !== "ascending");
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "ascending" : "descending");
      const sign = down ? 1 : -1;
      rows.sort((a, b) => {
        const [x, y] = [key(a, at), key(b, at)];
        if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
        return sign * (typeof x === "number" ? x - y : x.localeCompare(y));
      });
      body.append(...rows);
    });
  });
  const tools = section.querySelector(".tools");
  const [input, output] = [tools.querySelector("input"), tools.querySelector("output")];
  tools.hidden = rows.length < 8;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    output.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
}
const themes = Array.from(document.querySelectorAll("input[name=theme]"));
try {
  const kept = localStorage.getItem("crawl-report-theme");
  for (const theme of themes) if (theme.value === kept) theme.checked = true;
} catch { /* from file:// a browser may keep nothing */ }
for (const theme of themes) {
  theme.addEventListener("change", () => {
    try { localStorage.setItem("crawl-report-theme", theme.value); } catch { /* as above */ }
  });
}
addEventListener("beforeprint", () => {
  for (const notes of document.querySelectorAll(".notes")) notes.open = true;
  for (const row of document.querySelectorAll("tr[hidden]")) row.hidden = false;
});
