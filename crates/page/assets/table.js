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

  for (const table of document.querySelectorAll("table.numbers:has([data-sort])")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const place = new Map(original.map((row, index) => [row, index]));
    // Which cell of a row a heading stands over, whatever the headings above it span.
    const columns = [...table.querySelectorAll("thead th")];
    const over = (heading) => {
      const middle = heading.getBoundingClientRect();
      const at = middle.left + middle.width / 2;
      return [...original[0].cells].findIndex((cell) => {
        const box = cell.getBoundingClientRect();
        return box.left <= at && at < box.right;
      });
    };
    let state = { heading: null, way: 0 };

    const arrange = () => {
      let rows = original;
      if (state.way !== 0) {
        const index = over(state.heading);
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

    for (const heading of columns.filter((heading) => heading.dataset.sort)) {
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
        for (const other of columns) other.removeAttribute("aria-sort");
        if (way !== 0) heading.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
        state = { heading, way };
        arrange();
      });
    }
    table.addEventListener("numbers", arrange);
  }
})();
