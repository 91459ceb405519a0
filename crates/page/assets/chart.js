// History charts with a table of the same numbers beside each, and the incidents of that time.
(() => {
  "use strict";
  const section = document.getElementById("charts");
  if (!section || typeof uPlot === "undefined") return;
  const place = section.querySelector(".chart-place");

  const metrics = [
    { key: "latency_p50", label: "Latency p50", unit: "ms", of: (p) => p.latency_ms.p50 },
    { key: "latency_p95", label: "Latency p95", unit: "ms", of: (p) => p.latency_ms.p95 },
    { key: "throughput_p50", label: "Throughput p50", unit: "tok/s", of: (p) => p.throughput_tps.p50 },
    { key: "throughput_p95", label: "Throughput p95", unit: "tok/s", of: (p) => p.throughput_tps.p95 },
    { key: "uptime", label: "Uptime", unit: "%", of: (p) => percent(p.uptime) },
    { key: "success", label: "Success", unit: "%", of: (p) => percent(p.success) },
    { key: "rate_limited", label: "Rate limited", unit: "%", of: (p) => percent(p.rate_limited) },
  ];
  const spans = [
    { key: "30m", label: "30 min", minutes: 30, step: "1m" },
    { key: "6h", label: "6 h", minutes: 360, step: "5m" },
    { key: "1d", label: "1 day", minutes: 1440, step: "30m" },
  ];
  // Told apart by brightness as well, for those who see colours alike.
  const strokes = {
    light: ["#2a57b0", "#a3262a", "#1d6b3c", "#85560a", "#6b3fa0", "#0f6d78", "#7a3050", "#4a4f57"],
    dark: ["#8db4ff", "#ff9d97", "#7fd39b", "#efbf66", "#c9a7f5", "#72d3df", "#f0a3c4", "#b6bdc8"],
  };
  const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
  // Hundredths of a percent, rounded down from the counts, as everywhere.
  const percent = ({ ratio, n }) => (ratio === null ? null : Math.floor((Math.round(ratio * n) * 10000) / n) / 100);

  let [metric, span, plot, answer, incidents] = [metrics[0], spans[0], null, null, []];
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  const choice = (legend, all, chosen, choose) => {
    const buttons = all.map((one) => {
      const button = make("button", { type: "button", textContent: one.label });
      button.addEventListener("click", () => {
        choose(one);
        mark(one);
      });
      return button;
    });
    const mark = (chosen) =>
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", all[index] === chosen));
    mark(chosen);
    return make("fieldset", {}, make("legend", { textContent: legend }), ...buttons);
  };

  const said = make("p", { className: "chart-said" });
  said.setAttribute("role", "status");
  const canvas = make("div", { className: "chart" });
  const table = make("details", { className: "chart-table" });
  const bar = make("div", { className: "chart-bar" });
  const troubles = make("section", { className: "chart-incidents", hidden: true });
  troubles.setAttribute("aria-label", "Incidents in this time");

  const series = () => {
    const stepMs = answer.step_minutes * 60000;
    const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
    const times = [];
    for (let at = from; at < to; at += stepMs) times.push(at / 1000);
    const lines = answer.endpoints.map((endpoint) => {
      const values = new Array(times.length).fill(null);
      for (const point of endpoint.points) {
        const index = Math.round((Date.parse(point.from) - from) / stepMs);
        if (index >= 0 && index < values.length) values[index] = metric.of(point);
      }
      return { name: endpoint.tag, values };
    });
    return { times, lines };
  };

  const isDark = () => getComputedStyle(document.documentElement).colorScheme.startsWith("dark")
    || (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);

  const text = (value) => {
    if (value === null || value === undefined) return "—";
    return metric.unit === "%" ? `${value.toFixed(2)}%` : Math.round(value).toString();
  };

  const moment = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace("T", " ");
  // The time of day, with the day where another one begins.
  const clock = (at, before) => {
    const [day, time] = moment(at).split(" ");
    return before === undefined || moment(before).slice(0, 10) === day ? time : `${time}\n${day}`;
  };

  const write = (element, words) => {
    if (element.textContent !== words) element.textContent = words;
  };

  const cells = ({ times, lines }) => {
    const rows = times.map((at, index) => make("tr", {},
      make("th", { scope: "row", textContent: moment(at) }),
      ...lines.map((line) => make("td", { className: "n", textContent: text(line.values[index]) }))));
    return rows.filter((_, index) => lines.some((line) => line.values[index] !== null));
  };

  // Of what this model's endpoints are part of; an agent's silence says nothing of them.
  const concerns = ({ model, provider, subject }) =>
    model === section.dataset.model
    || subject === "fleet"
    || (model === null && provider !== null && answer.endpoints.some((endpoint) => endpoint.provider === provider));

  const whom = ({ model, provider, quantization }) => {
    if (model !== null) return `${provider}/${quantization}`;
    return provider === null ? "all that is observed" : `${provider}, as a whole`;
  };

  const tell = () => {
    const items = incidents.map((it) => {
      const at = (text) => moment(Date.parse(text) / 1000);
      const time = it.closed_at === null ? `open since ${at(it.opened_at)}` : `${at(it.opened_at)} to ${at(it.closed_at)}`;
      const head = make("strong", { textContent: `${it.severity === "page" ? "Page" : "Ticket"}: ${whom(it)}` });
      return make("li", {}, head, ` ${time} UTC. ${it.reason}`);
    });
    troubles.hidden = items.length === 0;
    troubles.replaceChildren(make("h3", { textContent: "Incidents in this time" }), make("ul", {}, ...items));
  };

  // Behind the lines, at least wide enough to be seen.
  const shade = (u) => {
    const { left, top, width, height } = u.bbox;
    const colour = probe(getComputedStyle(document.documentElement), "--bad");
    u.ctx.save();
    u.ctx.fillStyle = colour;
    u.ctx.globalAlpha = 0.16;
    for (const it of incidents) {
      const at = (text) => u.valToPos(Date.parse(text) / 1000, "x", true);
      const from = Math.max(at(it.opened_at), left);
      const to = it.closed_at === null ? left + width : Math.min(at(it.closed_at), left + width);
      if (from < left + width && to >= left) u.ctx.fillRect(from, top, Math.max(to - from, 3), height);
    }
    u.ctx.restore();
  };

  // What is drawn, so that new numbers of the same only take the place of the old ones.
  let drawn = "";
  const draw = () => {
    tell();
    const { times, lines } = series();
    const known = lines.some((line) => line.values.some((value) => value !== null));
    write(said, known
      ? `${metric.label} of each endpoint over ${span.label}, ${metric.unit}. Gaps: too few observations.`
      : `No ${metric.label.toLowerCase()} in this time.`);
    const data = [times, ...lines.map((line) => line.values)];
    const now = JSON.stringify([metric.key, span.key, isDark(), lines.map((line) => line.name)]);
    if (plot && drawn === now) {
      plot.setData(data);
      table.querySelector("tbody").replaceChildren(...cells({ times, lines }));
      return;
    }
    drawn = now;
    plot?.destroy();
    plot = new uPlot(options(lines), data, canvas);
    fill({ times, lines });
  };

  const options = (lines) => {
    const styles = getComputedStyle(document.documentElement);
    const [faint, line] = ["--faint", "--line"].map((name) => probe(styles, name));
    const palette = isDark() ? strokes.dark : strokes.light;
    const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const percents = (values) => values.map((value) => `${value}${metric.unit === "%" ? "%" : ""}`);
    return {
      width: Math.max(canvas.clientWidth - 24, 240),
      height: 280,
      series: [
        { label: "Time (UTC)", value: (_, at) => (at === null ? "—" : moment(at)) },
        ...lines.map(({ name }, index) => ({
          label: name,
          stroke: palette[index % palette.length],
          dash: dashes[Math.floor(index / palette.length) % dashes.length],
          width: 2,
          points: { size: 5 },
          value: (_, value) => text(value),
        })),
      ],
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      axes: [
        { ...axis, values: (_, times) => times.map((at, index) => clock(at, times[index - 1])) },
        { ...axis, size: 60, values: (_, values) => percents(values) },
      ],
      hooks: { drawClear: [shade] },
      scales: { y: { range: (_, low, high) => range(low, high) } },
    };
  };

  const fill = ({ times, lines }) => {
    const head = make("tr", {}, ...["Time (UTC)", ...lines.map((line) => line.name)].map((name, index) => {
      const th = make("th", { scope: "col", textContent: name });
      if (index > 0) th.className = "n";
      return th;
    }));
    const scroll = make("div", { className: "scroll", tabIndex: 0 },
      make("table", { className: "numbers" }, make("thead", {}, head), make("tbody", {}, ...cells({ times, lines }))));
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `${metric.label} as a table`);
    table.replaceChildren(make("summary", { textContent: `${metric.label} as a table` }), scroll);
  };

  const clear = () => {
    [answer, incidents] = [null, []];
    plot?.destroy();
    plot = null;
    table.replaceChildren();
    troubles.hidden = true;
  };

  // What a custom property comes to, which may be a function of the theme.
  const probe = (styles, name) => {
    const element = make("i", { hidden: false });
    element.style.color = styles.getPropertyValue(name);
    canvas.append(element);
    const colour = getComputedStyle(element).color;
    element.remove();
    return colour;
  };

  const range = (low, high) => {
    if (low === null) return [0, 1];
    if (metric.unit === "%") return [Math.max(0, Math.floor(low - 1)), metric.key === "rate_limited" ? Math.min(100, Math.ceil(high + 1)) : 100];
    return [0, high * 1.1 || 1];
  };

  const read = async (path) => {
    const got = await fetch(path);
    const body = await got.json().catch(() => ({ title: `status ${got.status}` }));
    if (!got.ok) throw new Error(body.detail ?? body.title);
    return body;
  };

  // What was read before stands if it is of the same span.
  let turn = 0;
  const load = async () => {
    const mine = ++turn;
    // By the server's clock, as the page tells it.
    const now = Date.parse(document.getElementById("as-of").dateTime);
    const to = new Date(Math.floor(now / 60000) * 60000 + 60000);
    const from = new Date(to - span.minutes * 60000);
    const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), step: span.step });
    if (section.dataset.region !== "global") query.set("region", section.dataset.region);
    const about = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), model: section.dataset.model, limit: "1000" });
    try {
      const [body, { incidents: all }] = await Promise.all([
        read(`/api/v1/models/${section.dataset.model}/history?${query}`),
        // Without them the chart is as true.
        read(`/api/v1/incidents?${about}`).catch(() => ({ incidents: [] })),
      ]);
      if (mine !== turn) return;
      answer = body;
      incidents = all.filter(concerns);
      draw();
    } catch (error) {
      if (mine !== turn) return;
      write(said, answer
        ? `Not renewed since ${moment(Date.parse(answer.to) / 1000)} UTC: ${error.message}`
        : `The history is missing: ${error.message}`);
    }
  };

  bar.append(
    choice("Show", metrics, metric, (one) => {
      metric = one;
      if (answer) draw();
    }),
    choice("of the last", spans, span, (one) => {
      span = one;
      clear();
      load();
    }),
  );
  place.append(bar, canvas, said, troubles, table);
  place.hidden = false;
  new ResizeObserver(() => plot?.setSize({ width: Math.max(canvas.clientWidth - 24, 240), height: 280 })).observe(canvas);
  const redraw = () => answer && draw();
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  setInterval(() => document.visibilityState === "visible" && load(), 60000);
  load();
})();
