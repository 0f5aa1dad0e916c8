"use strict";
// Without this script the page can be read: distributions, cards, and the choice of cards by verdict.
(() => {
  const data = JSON.parse(document.getElementById("part:data").textContent);
  const cards = [...document.querySelectorAll(".card")];
  const form = document.querySelector(".filters");
  const review = document.querySelector(".review");
  const RATINGS = ["keep", "redo", "exclude"];
  const numbers = data.scans.map((_, scan) => scan);
  let shown = numbers;

  // ---- Ratings: kept by the browser under the address of this page, so that cohorts do not mix.
  const key = `mriseg-ratings:${location.pathname}`;
  const ratings = new Map();
  let kept = true;

  const load = () => {
    ratings.clear();
    let stored = null;
    try {
      stored = JSON.parse(localStorage.getItem(key) ?? "{}");
    } catch (error) {
      kept = !(error instanceof DOMException);  // what another program left there counts as nothing
    }
    for (const [scan, of] of Object.entries(stored ?? {})) {
      const rating = RATINGS.includes(of?.rating) ? of.rating : "";
      const note = typeof of?.note === "string" ? of.note : "";
      if (rating || note) ratings.set(scan, { rating, note });
    }
  };

  const save = () => {
    try {
      localStorage.setItem(key, JSON.stringify(Object.fromEntries(ratings)));
      kept = true;
    } catch {
      kept = false;
    }
  };

  const ratingOf = (scan) => ratings.get(data.scans[scan]) ?? { rating: "", note: "" };

  const rate = (scan, change) => {
    const of = { ...ratingOf(scan), ...change };
    if (of.rating || of.note) ratings.set(data.scans[scan], of);
    else ratings.delete(data.scans[scan]);
    save();
    mark(scan);
    tell();
  };

  const mark = (scan) => {
    const { rating, note } = ratingOf(scan);
    if (rating) cards[scan].dataset.rating = rating;
    else delete cards[scan].dataset.rating;
    cards[scan].querySelector(".rated").textContent = rating;
    cards[scan].title = note;
  };

  const tell = () => {
    const done = numbers.filter((scan) => ratingOf(scan).rating).length;
    const warning = kept ? "" : " This browser does not keep ratings: download them before you close the page.";
    for (const place of document.querySelectorAll(".progress")) {
      place.textContent = `${done} of ${numbers.length} rated.${warning}`;
    }
  };

  // A cell of a table: one line, no formula for spreadsheets, quoted where it holds a quote.
  const cell = (text) => {
    const line = text.replace(/\s+/g, " ").trim();
    const safe = /^[=+@-]/.test(line) ? `'${line}` : line;
    return safe.includes('"') ? `"${safe.replaceAll('"', '""')}"` : safe || "n/a";
  };

  const download = () => {
    const rows = numbers.map((scan) => {
      const { rating, note } = ratingOf(scan);
      return [cell(data.scans[scan]), rating || "n/a", cell(note)].join("\t");
    });
    const text = `identifier\trating\tnote\n${rows.join("\n")}\n`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/tab-separated-values" }));
    link.download = "ratings.tsv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  // ---- Which scans are shown.
  const apply = () => {
    const wanted = new FormData(form);
    const [show, group, rated] = ["show", "group", "rated"].map((name) => wanted.get(name) ?? "");
    const name = (wanted.get("name") ?? "").trim().toLowerCase();
    const fits = (scan) =>
      cards[scan].classList.contains(show) &&
      (group === "" || data.groups[scan] === Number(group)) &&
      (rated === "" || (ratingOf(scan).rating || "none") === rated) &&
      (name === "" || data.scans[scan].toLowerCase().includes(name));
    shown = numbers.filter(fits);
    const visible = new Set(shown);
    cards.forEach((card, scan) => { card.hidden = !visible.has(scan); });
    form.elements.count.textContent = `${shown.length} of ${numbers.length} shown`;
    form.querySelector("[data-act=rate]").disabled = !shown.length;
    draw();
  };

  // ---- The plot.
  const scatter = document.querySelector(".scatter");
  const MARGINS = { left: 62, right: 14, top: 10, bottom: 28 };
  const dots = [];
  let pointed = -1, size = { width: 0, height: 0 };

  const element = (name, attributes, parent) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    parent.append(made);
    return made;
  };

  const ticks = (low, high) => {
    const power = 10 ** Math.floor(Math.log10((high - low) / 5));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => (high - low) / size <= 6);
    const first = Math.ceil(low / step - 1e-6);
    return Array.from({ length: Math.floor(high / step + 1e-6) - first + 1 }, (_, k) =>
      Number(((first + k) * step).toPrecision(12)));
  };

  // A function from values to pixels, with the range of values that it maps, a little wider than theirs.
  const scaleOf = (values, from, to) => {
    const known = values.filter((value) => value !== null);
    let low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const margin = 0.04 * (high - low) || 1;
    [low, high] = [low - margin, high + margin];
    return { low, high, at: (value) => from + ((value - low) / (high - low)) * (to - from) };
  };

  const choices = { across: document.querySelector("[name=across]"), up: document.querySelector("[name=up]") };
  let across, up;  // the axes that are drawn

  const drawFrame = (frame, x, y, width, height) => {
    frame.replaceChildren();
    const bottom = height - MARGINS.bottom;
    for (const value of ticks(x.low, x.high)) {
      element("line", { x1: x.at(value), x2: x.at(value), y1: MARGINS.top, y2: bottom }, frame);
      element("text", { x: x.at(value), y: bottom + 18, "text-anchor": "middle" }, frame).textContent = value;
    }
    for (const value of ticks(y.low, y.high)) {
      element("line", { x1: MARGINS.left, x2: width - MARGINS.right, y1: y.at(value), y2: y.at(value) }, frame);
      element("text", { x: MARGINS.left - 8, y: y.at(value) + 4, "text-anchor": "end" }, frame).textContent = value;
    }
  };

  const placed = (scan) => across.values[scan] !== null && up.values[scan] !== null;

  const draw = () => {
    const { width, height } = size;
    if (!width) return;  // no plot, or not laid out yet
    [across, up] = [data.axes[choices.across.value], data.axes[choices.up.value]];
    scatter.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const x = scaleOf(across.values, MARGINS.left, width - MARGINS.right);
    const y = scaleOf(up.values, height - MARGINS.bottom, MARGINS.top);
    drawFrame(scatter.querySelector(".frame"), x, y, width, height);
    const visible = new Set(shown);
    for (const scan of numbers) {
      const seen = visible.has(scan) && placed(scan);
      dots[scan].style.display = seen ? "" : "none";
      if (!seen) continue;
      dots[scan].setAttribute("cx", x.at(across.values[scan]).toFixed(1));
      dots[scan].setAttribute("cy", y.at(up.values[scan]).toFixed(1));
    }
    const drawn = shown.filter(placed).length;
    scatter.setAttribute("aria-label", `${up.name} against ${across.name}, ${drawn} scans`);
    const missing = shown.length - drawn;
    document.querySelector(".drawn").textContent = missing ? `(${missing} of ${shown.length} without a value)` : "";
    point(-1);
  };

  const inWords = (scan) =>
    `${data.scans[scan]}: ${data.verdicts[scan]}; ${across.name} ${across.values[scan]}; ` +
    `${up.name} ${up.values[scan]}`;

  const point = (scan) => {
    dots[pointed]?.classList.remove("pointed");
    pointed = scan;
    if (scan < 0) return;
    dots[scan].classList.add("pointed");
    document.querySelector(".pointed[role=status]").textContent = inWords(scan);
  };

  const startPlot = () => {
    const group = scatter.querySelector(".dots");
    for (const scan of [...numbers].reverse()) {  // the gravest last, on top of others
      const kind = cards[scan].classList.contains("out-of-line") ? " out-of-line" : "";
      const dot = element("circle", { r: 4.5, class: data.verdicts[scan].replaceAll(" ", "-") + kind }, group);
      dot.addEventListener("click", () => open(shown, shown.indexOf(scan)));
      dot.addEventListener("pointerenter", () => point(scan));
      dots[scan] = dot;
    }
    choices.up.value = data.up;
    for (const select of Object.values(choices)) select.addEventListener("change", draw);
    scatter.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
      if (event.key === "Enter" && pointed >= 0) open(shown, shown.indexOf(pointed));
      if (!(event.key in steps)) return;
      event.preventDefault();
      const order = shown.filter(placed).sort((a, b) => across.values[a] - across.values[b]);
      const next = pointed < 0 ? 0 : order.indexOf(pointed) + steps[event.key];
      if (order.length) point(order[Math.max(0, Math.min(order.length - 1, next))]);
    });
    new ResizeObserver(([entry]) => {
      if (entry.contentRect.width === size.width) return;
      size = entry.contentRect;
      draw();
    }).observe(scatter);
  };

  // ---- One scan after the other.
  let list = [], place = 0;
  const part = (name) => review.querySelector(name);
  const note = part("[name=note]");
  const large = document.createElement("img");
  large.className = "large";
  part(".whole").append(large);
  const pictureOf = (scan) => cards[scan].querySelector(".picture")?.getAttribute("href") ?? "";

  const turnTo = (position) => {
    place = position;
    const scan = list[place], card = cards[scan], picture = pictureOf(scan);
    const badge = card.querySelector(".badge"), report = card.querySelector(".report");
    part(".badge").className = badge.className;
    part(".badge").textContent = badge.textContent;
    part("h2").textContent = data.scans[scan];
    part(".place").textContent = `${place + 1} of ${list.length}`;
    part(".stage a").hidden = !picture;
    part(".stage .none").hidden = !!picture;
    if (picture) {
      large.src = part(".whole").href = picture;
      large.alt = card.querySelector(".picture img").alt;
    }
    part(".side .figures").textContent = card.querySelector(".figures").textContent;
    part(".side .why").replaceChildren(...[...card.querySelectorAll(".why li")].map((line) => line.cloneNode(true)));
    part(".side .report").hidden = !report;
    if (report) part(".side .report").href = report.getAttribute("href");
    part("[data-act=previous]").disabled = place === 0;
    part("[data-act=next]").disabled = place === list.length - 1;
    note.value = ratingOf(scan).note;
    showRating();
    const next = list[place + 1];
    if (next !== undefined && pictureOf(next)) new Image().src = pictureOf(next);  // so that it is there at once
  };

  const showRating = () => {
    const { rating } = ratingOf(list[place]);
    for (const name of RATINGS) part(`[data-act=${name}]`).setAttribute("aria-pressed", name === rating);
  };

  const step = (by) => {
    if (list[place + by] === undefined) return;
    turnTo(place + by);
    // A button that was disabled under the focus would take the keys with it.
    if (document.activeElement?.disabled || document.activeElement === document.body) part("[data-act=close]").focus();
  };

  // The same rating once more takes it back.
  const choose = (name) => {
    const again = ratingOf(list[place]).rating === name;
    rate(list[place], { rating: again ? "" : name });
    showRating();
    if (!again && part("[name=advance]").checked) step(1);
  };

  const open = (scans, position) => {
    if (position < 0) return;
    list = [...scans];
    turnTo(position);
    review.showModal();
    part("[data-act=close]").focus();
  };

  const openFirst = () => {
    const first = shown.findIndex((scan) => !ratingOf(scan).rating);
    open(shown, Math.max(0, first));
  };

  const acts = {
    rate: openFirst,
    download,
    close: () => review.close(),
    previous: () => step(-1),
    next: () => step(1),
    ...Object.fromEntries(RATINGS.map((name) => [name, () => choose(name)])),
  };
  const KEYS = { ArrowLeft: "previous", ArrowRight: "next", k: "keep", r: "redo", x: "exclude" };

  document.addEventListener("click", (event) => {
    const name = event.target.closest("[data-act]")?.dataset.act;
    if (name) acts[name]();
    const picture = event.target.closest(".card .picture");
    if (!picture || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(shown, shown.indexOf(cards.indexOf(picture.closest(".card"))));
  });
  review.addEventListener("keydown", (event) => {
    if (event.target === note) {
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();  // ends the note, not the dialog
        part("[data-act=close]").focus();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (name) acts[name]();
    else if (event.key.toLowerCase() === "n") note.focus();
    else return;
    event.preventDefault();
  });
  note.addEventListener("input", () => rate(list[place], { note: note.value }));
  review.addEventListener("close", () => {
    if (form.elements.rated.value) apply();  // not while one scan follows the other
    const card = cards[list[place]];
    card.scrollIntoView({ block: "nearest" });
    card.querySelector("a")?.focus({ preventScroll: true });
  });
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("storage", (event) => {  // ratings given in another window
    if (event.key === key || event.key === null) start();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!kept && ratings.size) event.preventDefault();
  });

  const start = () => {
    load();
    numbers.forEach(mark);
    tell();
    apply();
  };
  document.documentElement.classList.add("interactive");
  if (scatter) startPlot();
  start();
})();
