// Sorts tables by their columns. The order that the page came in is the third click's.
(() => {
  "use strict";
  const absent = (cell) => cell.dataset.order === "" || cell.dataset.order === undefined;

  const compare = (kind, way) => (a, b) => {
    // A dash stands behind all numbers, whichever way they run.
    if (absent(a.cell) || absent(b.cell)) return absent(a.cell) - absent(b.cell) || a.place - b.place;
    const [one, other] = [a.cell.dataset.order, b.cell.dataset.order];
    const order = kind === "text" ? one.localeCompare(other) : Number(one) - Number(other);
    return order * way || a.place - b.place;
  };

  // Which cell of a row each heading stands over, whatever it and those above it span.
  const columnsOf = (head) => {
    const columns = new Map();
    const taken = [...head.rows].map(() => new Set());
    for (const [at, row] of [...head.rows].entries()) {
      let column = 0;
      for (const heading of row.cells) {
        while (taken[at].has(column)) column += 1;
        columns.set(heading, column);
        for (const below of taken.slice(at, at + heading.rowSpan)) {
          for (let over = 0; over < heading.colSpan; over += 1) below.add(column + over);
        }
      }
    }
    return columns;
  };

  for (const table of document.querySelectorAll("table.numbers:has([data-sort])")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const place = new Map(original.map((row, index) => [row, index]));
    const columns = columnsOf(table.tHead);
    let state = { heading: null, way: 0 };

    const arrange = () => {
      let rows = original;
      if (state.way !== 0) {
        const index = columns.get(state.heading);
        const kind = state.heading.dataset.sort;
        const entries = original.map((row) => ({ row, cell: row.cells[index], place: place.get(row) }));
        rows = entries.sort(compare(kind, state.way)).map((entry) => entry.row);
      }
      const focused = document.activeElement;
      const moves = rows.some((row, index) => body.rows[index] !== row);
      if (!moves) return;
      body.append(...rows);
      if (focused && body.contains(focused)) focused.focus();
    };

    for (const heading of [...columns.keys()].filter((heading) => heading.dataset.sort)) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      const first = heading.dataset.sort === "down" ? -1 : 1;
      button.addEventListener("click", () => {
        const again = state.heading === heading;
        let way = first;
        if (again && state.way === first) way = -first;
        else if (again && state.way === -first) way = 0;
        for (const other of columns.keys()) other.removeAttribute("aria-sort");
        if (way !== 0) heading.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
        state = { heading, way };
        arrange();
      });
    }
    table.addEventListener("numbers", arrange);
  }
})();
