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
  const [picks, reasons, whys, marks] = ["pick", "reason", "why", "mark"].map(by);

  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const each = (elements, key, done) => (elements.get(key) ?? []).forEach(done);

  // A status as the server would have written it.
  const standing = ({ word }) => {
    const shown = document.createElement("span");
    shown.className = `standing ${word}`;
    const icon = document.querySelector(".standing .icon").cloneNode(true);
    icon.querySelector("use").setAttribute("href", `#standing-${word}`);
    const text = document.createElement("span");
    text.className = "word";
    text.textContent = word;
    shown.append(icon, text);
    return shown;
  };

  const lead = (name, { figure, provider, standing: held }) => {
    write(document.getElementById(`${name}-figure`), figure);
    write(document.getElementById(`${name}-provider`), provider);
    const place = document.getElementById(`${name}-standing`);
    if (place.textContent !== (held?.word ?? "")) place.replaceChildren(...(held ? [standing(held)] : []));
  };

  // Other rows, regions or operations: the page as it is now, with what was open. Not more often than
  // every ten seconds, not all pages at once, and not while the server has no page to give.
  let isReloading = false;
  const reload = async () => {
    if (isReloading) return;
    isReloading = true;
    const rest = Math.max(0, 10000 - performance.now());
    await new Promise((done) => setTimeout(done, rest + 3000 * Math.random()));
    const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
    isReloading = false;
    if (!answer?.ok) return;
    const open = [...page.querySelectorAll("details[data-details][open]")];
    keep("open", open.map((details) => details.dataset.details));
    location.reload();
  };
  const keep = (name, value) => {
    try {
      sessionStorage.setItem(`${location.pathname} ${name}`, JSON.stringify(value));
    } catch {
      // Without storage they close.
    }
  };
  const kept = (name) => {
    try {
      const key = `${location.pathname} ${name}`;
      const value = JSON.parse(sessionStorage.getItem(key));
      sessionStorage.removeItem(key);
      return value;
    } catch {
      return null;
    }
  };
  for (const tag of kept("open") ?? []) {
    page.querySelector(`details[data-details="${CSS.escape(tag)}"]`)?.setAttribute("open", "");
  }

  const patch = (numbers) => {
    if (numbers.shape !== page.dataset.shape) {
      reload();
      return;
    }
    for (const [key, [text, order, note]] of Object.entries(numbers.cells)) {
      each(cells, key, (cell) => {
        write(cell, text);
        const place = cell.closest("td");
        if (!place) return;
        place.dataset.order = order ?? "";
        place.title = note;
      });
      each(notes, key, (element) => write(element, note));
    }
    for (const [tag, [good, bad, words]] of Object.entries(numbers.strips)) {
      each(strips, tag, (strip) => {
        strip.querySelector(".good").setAttribute("d", good);
        strip.querySelector(".bad").setAttribute("d", bad);
        strip.setAttribute("aria-label", words);
        write(strip.querySelector("title"), words);
      });
    }
    for (const [key, { word, order, note }] of Object.entries(numbers.standings)) {
      each(standings, key, (place) => {
        if (place.tagName === "TD") {
          place.dataset.order = order;
          place.title = note;
        }
        if (place.textContent.trim() !== word) place.replaceChildren(standing({ word }));
      });
      each(whys, key, (element) => write(element, note));
    }
    for (const name of ["cheapest", "fastest"]) lead(name, numbers[name]);
    for (const [tag, elements] of marks) {
      const words = ["cheapest", "fastest"].filter((name) => numbers[name].tag === tag);
      for (const element of elements) write(element, words.join(" · "));
    }
    document.getElementById("store-away").hidden = !numbers.is_store_away;
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
  // Begin and end are announced, and the age that runs between them is not.
  const said = document.getElementById("said");
  const tick = () => {
    const age = ageMs + performance.now() - toldAt;
    const isOld = age >= staleMs;
    if (isOld) write(document.getElementById("stale-age"), span(age));
    if (banner.hidden !== isOld) return;
    banner.hidden = !isOld;
    write(said, isOld ? "The numbers are old." : "The numbers are new again.");
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

  // A browser has few connections to a host, so a page that nobody sees gives its own back.
  let [source, wait, again] = [null, 1000, 0];
  const close = () => {
    clearTimeout(again);
    source?.close();
    source = null;
  };
  const later = () => {
    clearTimeout(again);
    again = setTimeout(retry, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, 30000);
  };
  // After a refusal a browser gives up; a server that starts again, or one with room, doesn't refuse.
  const retry = async () => {
    const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
    if (answer?.status === 401) write(live, "Not live: load the page again to sign in.");
    else if (answer?.ok) open();
    else later();
  };
  const open = () => {
    close();
    if (document.visibilityState !== "visible") return;
    const region = encodeURIComponent(page.dataset.region);
    const opened = new EventSource(`/models/${page.dataset.model}/events?region=${region}`);
    source = opened;
    source.addEventListener("open", () => {
      wait = 1000;
      write(live, "Live.");
    });
    source.addEventListener("numbers", (event) => patch(JSON.parse(event.data)));
    source.addEventListener("state", (event) => state(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source !== opened) return;
      write(live, "Not live: trying again.");
      if (opened.readyState === EventSource.CLOSED) later();
    });
  };
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
})();
