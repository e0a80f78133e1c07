"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);

  // The grid: one pressed cell filters its own table, the portraits and the list.
  const cells = all(".cell");
  const list = one("#list");
  const body = list && list.tBodies[0];
  const chosen = () => {
    const pressed = cells.find((cell) => cell.getAttribute("aria-pressed") === "true");
    return pressed ? pressed.dataset.cell : "";
  };
  const filters = { arm: one("#by-arm"), segment: one("#by-segment"), offer: one("#by-offer") };
  const search = one("#search");

  const more = one("#list-more");
  const STEP = 25;
  let most = STEP;

  // Rows that fit, a screenful at a time; those behind the button are printed all the same.
  const showList = () => {
    if (!body) return;
    const cell = chosen();
    const words = search.value.trim().toLowerCase();
    let fits = 0;
    for (const row of body.rows) {
      row.hidden = !((!cell || row.dataset.cell === cell)
        && Object.entries(filters).every(([key, field]) => !field.value || row.dataset[key] === field.value)
        && (!words || row.textContent.toLowerCase().includes(words)));
      fits += !row.hidden;
      row.classList.toggle("later", !row.hidden && fits > most);
    }
    const count = one("#list-count");
    const told = { fits, shown: Math.min(fits, most), rows: body.rows.length };
    count.textContent = count.dataset.text.replace(/{(\w+)}/g, (_, key) => told[key]);
    const left = Math.min(STEP, fits - most);
    more.hidden = left <= 0;
    more.textContent = more.dataset.text.replace("{more}", left);
  };
  const filterList = () => { most = STEP; showList(); };

  const filterByCell = () => {
    const cell = chosen();
    for (const row of all("#cells tbody tr")) row.hidden = Boolean(cell) && row.dataset.cell !== cell;
    for (const portrait of all(".portrait")) portrait.hidden = Boolean(cell) && !portrait.dataset.cells.split(" ").includes(cell);
    const text = one("#filter-text");
    const name = cell && one(`#cells tr[data-cell="${cell}"] th`).textContent;
    text.textContent = cell ? text.dataset.some.replace("{cell}", name) : text.dataset.none;
    one("#filter-reset").hidden = !cell;
    filterList();
  };
  for (const cell of cells) {
    cell.addEventListener("click", () => {
      const on = cell.getAttribute("aria-pressed") !== "true";
      for (const other of cells) other.setAttribute("aria-pressed", String(on && other === cell));
      filterByCell();
    });
  }
  const reset = one("#filter-reset");
  if (reset) reset.addEventListener("click", () => {
    const was = cells.find((cell) => cell.getAttribute("aria-pressed") === "true");
    for (const cell of cells) cell.setAttribute("aria-pressed", "false");
    filterByCell();
    if (was) was.focus();
  });

  // The list: a head sorts, again turns the order round; equal rows keep theirs.
  if (body) {
    for (const field of [search, ...Object.values(filters)]) field.addEventListener("input", filterList);
    const key = (row, place) => row.cells[place].dataset.sort ?? row.cells[place].textContent.trim();
    const language = document.documentElement.lang;
    for (const button of all(".sort", list)) {
      button.addEventListener("click", () => {
        const head = button.closest("th");
        const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        for (const other of list.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
        const numeric = head.classList.contains("num");
        const rows = [...body.rows].sort((a, b) => {
          const [left, right] = [key(a, head.cellIndex), key(b, head.cellIndex)];
          return turn * (numeric ? left - right : left.localeCompare(right, language, { numeric: true }));
        });
        body.append(...rows);
        showList();
      });
    }
    more.addEventListener("click", () => {
      const next = [...body.rows].find((row) => row.classList.contains("later"));
      most += STEP;
      showList();
      // The keyboard goes on where the new rows begin.
      next.tabIndex = -1;
      next.focus();
    });
    filterList();
  }

  // The budget: every figure is copied from the row of the table that the slider points to.
  const slider = one("#budget");
  if (slider) {
    const rows = [...one("#budgets").tBodies[0].rows];
    slider.addEventListener("input", () => {
      const row = rows[slider.valueAsNumber];
      for (const other of rows) other.classList.toggle("current", other === row);
      for (const field of all("[data-output]")) {
        const source = row.querySelector(`[data-column="${field.dataset.output}"]`);
        field.replaceChildren(...[...source.childNodes].map((node) => node.cloneNode(true)));
      }
      slider.setAttribute("aria-valuetext", row.querySelector('[data-column="budget"]').textContent);
      for (const stop of all(".stop")) stop.classList.toggle("current", stop.dataset.stop === slider.value);
    });
  }

  // On paper nothing stays folded; afterwards what was folded is again.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded.push(...all("details:not([open])"));
    for (const part of folded) part.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const part of folded) part.open = false;
    folded = [];
  });
})();
