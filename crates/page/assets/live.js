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
  const [cells, notes, strips, standings] = ["cell", "note", "strip", "standing"].map(by);
  const [picks, reasons, whys] = ["pick", "reason", "why"].map(by);

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

  // Other rows, regions or operations: the page as it is now, at the place where the reader is. Not
  // more often than every ten seconds, however often they change.
  let isReloading = false;
  const reload = () => {
    if (isReloading) return;
    isReloading = true;
    setTimeout(() => location.reload(), Math.max(0, 10000 - performance.now()));
  };

  const patch = (numbers) => {
    if (numbers.shape !== page.dataset.shape) {
      reload();
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
    for (const [tag, [good, bad, words]] of Object.entries(numbers.strips)) {
      each(strips, tag, (strip) => {
        strip.querySelector(".good").setAttribute("d", good);
        strip.querySelector(".bad").setAttribute("d", bad);
        strip.setAttribute("aria-label", words);
      });
    }
    for (const [key, { word, note }] of Object.entries(numbers.standings)) {
      each(standings, key, (cell) => {
        if (cell.tagName === "TD") {
          cell.dataset.order = word;
          cell.title = note;
        }
        const shown = cell.querySelector(".standing");
        shown.className = `standing ${word}`;
        write(shown.querySelector(".word"), word);
        shown.querySelector("use").setAttribute("href", `#standing-${word}`);
      });
      each(whys, key, (element) => write(element, note));
    }
    for (const name of ["cheapest", "fastest"]) best(name, numbers[name], nothing[name]);
    for (const [key, { choice, reason }] of Object.entries(numbers.picks)) {
      each(picks, key, (element) => write(element, choice));
      each(reasons, key, (element) => write(element, reason));
    }
    document.getElementById("numbers").dispatchEvent(new Event("numbers"));
  };

  // An age is told by the server and counted on from there, so that a browser whose clock is wrong
  // tells it right.
  const staleMs = Number(page.dataset.staleMs);
  const banner = document.getElementById("stale");
  let [ageMs, toldAt] = [Number(page.dataset.ageMs), performance.now()];
  const span = (ms) => {
    const s = Math.floor(ms / 1000);
    if (s < 120) return `${s} s`;
    if (s < 7200) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} days`;
  };
  const tick = () => {
    const age = ageMs + performance.now() - toldAt;
    banner.hidden = age < staleMs;
    if (!banner.hidden) write(document.getElementById("stale-age"), span(age));
  };
  setInterval(tick, 1000);

  const state = (told) => {
    [ageMs, toldAt] = [told.age_ms, performance.now()];
    document.getElementById("partial").hidden = !told.is_partial;
    document.getElementById("suspected").hidden = !told.observer_suspected;
    asOf.dateTime = told.as_of;
    write(asOf, told.moment);
    tick();
  };

  let [source, wait] = [null, 1000];
  const open = () => {
    const region = encodeURIComponent(page.dataset.region);
    source = new EventSource(`/models/${page.dataset.model}/events?region=${region}`);
    source.addEventListener("open", () => {
      wait = 1000;
      write(live, "Live.");
    });
    source.addEventListener("numbers", (event) => patch(JSON.parse(event.data)));
    source.addEventListener("state", (event) => state(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      write(live, "Not live: trying again.");
      if (source.readyState !== EventSource.CLOSED) return;
      // A browser gives up after an answer that is no stream; a server that starts again gives one.
      setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, 30000);
    });
  };
  open();
})();
