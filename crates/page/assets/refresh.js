// Keeps a page without a stream of its own fresh: every few seconds it is fetched again, and what
// differs takes the place of what stood there.
(() => {
  "use strict";
  const everyMs = 5000;
  const live = document.getElementById("live");
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const keyed = (root) => new Map([...root.querySelectorAll("[data-key]")].map((element) => [element.dataset.key, element]));

  const copy = (from, to) => {
    for (const { name, value } of from.attributes) {
      if (to.getAttribute(name) !== value) to.setAttribute(name, value);
    }
    if (to.innerHTML !== from.innerHTML) to.replaceChildren(...[...from.childNodes].map((node) => document.importNode(node, true)));
  };

  const take = (fresh) => {
    const [ours, theirs] = [keyed(document), keyed(fresh)];
    const isSame = ours.size === theirs.size && [...theirs.keys()].every((key) => ours.has(key));
    if (!isSame) {
      // Who is typing comes first.
      if (!document.activeElement?.matches("input")) location.reload();
      return;
    }
    for (const [key, element] of theirs) copy(element, ours.get(key));
    for (const id of ["stale", "partial", "suspected"]) {
      document.getElementById(id).hidden = fresh.getElementById(id).hidden;
    }
    write(document.getElementById("stale-age"), fresh.getElementById("stale-age").textContent);
    copy(fresh.getElementById("as-of"), document.getElementById("as-of"));
    for (const table of document.querySelectorAll("table.numbers")) table.dispatchEvent(new Event("numbers"));
  };

  const banner = document.getElementById("stale");
  let heardAt = performance.now();
  const refresh = async () => {
    if (document.visibilityState !== "visible") return;
    try {
      const got = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (got.status === 401) {
        clearInterval(turns);
        write(live, "Not live: load the page again to sign in.");
        return;
      }
      if (!got.ok) throw new Error(`status ${got.status}`);
      take(new DOMParser().parseFromString(await got.text(), "text/html"));
      heardAt = performance.now();
      write(live, "Live.");
    } catch {
      write(live, "Not live: trying again.");
      const seconds = Math.floor((performance.now() - heardAt) / 1000);
      if (seconds < 15 || !banner) return;
      banner.hidden = false;
      write(document.getElementById("stale-age"), `${seconds} s`);
    }
  };
  const turns = setInterval(refresh, everyMs);
  document.addEventListener("visibilitychange", refresh);
})();
