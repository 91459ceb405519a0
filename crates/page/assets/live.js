// Puts new numbers in the place of old ones, as texts that the server has made.
(() => {
  "use strict";
  const page = document.getElementById("model");
  const live = document.getElementById("live");
  const asOf = document.getElementById("as-of");
  if (!page || !("EventSource" in window)) return;

  const by = (name) => {
    const found = new Map();
    for (const element of page.querySelectorAll(`[data-${name}]`)) {
      const key = element.dataset[name];
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(element);
    }
    return found;
  };
  const [cells, notes, lines, standings] = ["cell", "note", "line", "standing"].map(by);
  const [picks, reasons] = ["pick", "reason"].map(by);

  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const each = (elements, key, done) => (elements.get(key) ?? []).forEach(done);

  const best = (name, found, otherwise) => {
    write(document.getElementById(`${name}-figure`), found?.figure ?? "—");
    write(document.getElementById(`${name}-provider`), found?.provider ?? otherwise);
  };
  const nothing = {
    cheapest: "No price known",
    fastest: "No throughput data yet — populated as traffic accumulates",
  };

  const patch = (numbers) => {
    if (numbers.shape !== page.dataset.shape) {
      // Other rows or regions: the page as it is now, at the place where the reader is.
      location.reload();
      return;
    }
    for (const [key, [text, order, note]] of Object.entries(numbers.cells)) {
      each(cells, key, (cell) => {
        write(cell, text);
        if (cell.tagName === "TD") {
          cell.dataset.order = order ?? "";
          cell.title = note;
        }
      });
      each(notes, key, (element) => write(element, note));
    }
    for (const [tag, path] of Object.entries(numbers.lines)) {
      each(lines, tag, (line) => line.setAttribute("d", path));
    }
    for (const [tag, { word, note }] of Object.entries(numbers.standings)) {
      each(standings, tag, (cell) => {
        cell.dataset.order = word;
        cell.title = note;
        const shown = cell.querySelector(".standing");
        shown.className = `standing ${word}`;
        write(shown.querySelector(".word"), word);
        shown.querySelector("use").setAttribute("href", `#standing-${word}`);
      });
    }
    for (const name of ["cheapest", "fastest"]) best(name, numbers[name], nothing[name]);
    for (const [tier, { choice, reason }] of Object.entries(numbers.picks)) {
      each(picks, tier, (element) => write(element, choice));
      each(reasons, tier, (element) => write(element, reason));
    }
    document.getElementById("partial").hidden = !numbers.is_partial;
    document.getElementById("suspected").hidden = !numbers.observer_suspected;
    asOf.dateTime = numbers.as_of;
    write(asOf, numbers.moment);
    document.getElementById("numbers").dispatchEvent(new Event("numbers"));
  };

  // Ages are told by this clock alone, from when numbers came that were new, so that a browser
  // whose clock is wrong tells them right.
  const staleMs = Number(page.dataset.staleMs);
  const banner = document.getElementById("stale");
  let [newest, fresh, ageMs] = [page.dataset.asOf, performance.now(), banner.hidden ? 0 : staleMs];
  const span = (ms) => {
    const s = Math.floor(ms / 1000);
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} days`;
  };
  const tick = () => {
    const age = ageMs + performance.now() - fresh;
    banner.hidden = age < staleMs;
    if (!banner.hidden) write(document.getElementById("stale-age"), span(age));
  };
  setInterval(tick, 1000);

  let [source, wait] = [null, 1000];
  const open = () => {
    const region = encodeURIComponent(page.dataset.region);
    source = new EventSource(`/models/${page.dataset.model}/events?region=${region}`);
    source.addEventListener("open", () => {
      wait = 1000;
      write(live, "Live.");
    });
    source.addEventListener("numbers", (event) => {
      const numbers = JSON.parse(event.data);
      if (numbers.as_of !== newest) [newest, fresh, ageMs] = [numbers.as_of, performance.now(), 0];
      patch(numbers);
      tick();
    });
    source.addEventListener("error", () => {
      write(live, "Not live: trying again.");
      if (source.readyState !== EventSource.CLOSED) return;
      // A browser gives up after an answer that is no stream; a server that starts again is one.
      setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, 30000);
    });
  };
  open();
})();
