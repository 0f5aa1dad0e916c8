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
    let stored = null;
    try {
      stored = JSON.parse(localStorage.getItem(key) ?? "{}");
    } catch (error) {
      kept = !(error instanceof DOMException);  // what another program left there counts as nothing
    }
    if (!kept) return;  // the only ratings are those in memory
    ratings.clear();
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
    load();  // another window may have rated since
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
  const MARGINS = { top: 10, bottom: 28 };
  // Pixels: between the numbers of an axis and from them to the frame; the least room for them; where the frame ends.
  const GAP = 8, LEAST_LEFT = 62, LEAST_RIGHT = 14;
  const MOST_TICKS = 6;
  const dots = [];
  const font = scatter ? getComputedStyle(scatter).font : "";
  let pointed = -1, size = { width: 0, height: 0 };

  const element = (name, attributes, parent) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    parent.append(made);
    return made;
  };

  const ticks = (low, high, most = MOST_TICKS) => {
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = [1, 2, 5, 10, 20].map((factor) => factor * power).find((size) => (high - low) / size <= most);
    const first = Math.ceil(low / step - 1e-6);
    // Digits that tell one number from the next; no more, for those of binary fractions are noise.
    const digits = Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / step)) + 2;
    return Array.from({ length: Math.floor(high / step + 1e-6) - first + 1 }, (_, k) =>
      Number(((first + k) * step).toPrecision(Math.min(17, Math.max(12, digits)))));
  };

  const longest = (texts) => Math.max(...texts.map((text) => text.length));
  // The numbers of an axis as texts: those of more digits than a date has with a power of ten, if that is shorter.
  const written = (values) => {
    const plain = values.map(String), powers = values.map((value) => value.toExponential());
    return values.some((value) => Math.abs(value) >= 1e9) && longest(powers) < longest(plain) ? powers : plain;
  };
  const pen = document.createElement("canvas").getContext("2d");
  const widest = (values) => written(values).reduce((most, text) => Math.max(most, pen.measureText(text).width), 0);

  // As many numbers along the axis as have room beside each other.
  const ticksAcross = ({ low, high }, width) => {
    let found = [];
    for (let most = MOST_TICKS; most > 1; most -= 1) {
      found = ticks(low, high, most);
      if (found.length * (widest(found) + GAP) <= width) return found;
    }
    return found.slice(0, 1);
  };

  // The range of values, a little wider than theirs.
  const rangeOf = (values) => {
    const known = values.filter((value) => value !== null);
    let low = known.reduce((a, b) => Math.min(a, b), Infinity), high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const margin = 0.04 * (high - low) || 1;
    return { low: low - margin, high: high + margin };
  };
  const scale = ({ low, high }, from, to) => (value) => from + ((value - low) / (high - low)) * (to - from);

  const choices = { across: document.querySelector("[name=across]"), up: document.querySelector("[name=up]") };
  let across, up;  // the axes that are drawn

  // The frame with its numbers, which have the room that they need; from values to pixels, across and up.
  const drawFrame = (frame, { width, height }) => {
    frame.replaceChildren();
    pen.font = font;
    const bottom = height - MARGINS.bottom, [x, y] = [rangeOf(across.values), rangeOf(up.values)];
    const rows = ticks(y.low, y.high), left = Math.max(LEAST_LEFT, widest(rows) + 2 * GAP);
    const columns = ticksAcross(x, width - left - LEAST_RIGHT);
    const right = width - Math.max(LEAST_RIGHT, widest(columns) / 2);
    const [atX, atY] = [scale(x, left, right), scale(y, bottom, MARGINS.top)];
    written(columns).forEach((text, k) => {
      const at = atX(columns[k]);
      element("line", { x1: at, x2: at, y1: MARGINS.top, y2: bottom }, frame);
      element("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, frame).textContent = text;
    });
    written(rows).forEach((text, k) => {
      const at = atY(rows[k]);
      element("line", { x1: left, x2: right, y1: at, y2: at }, frame);
      element("text", { x: left - GAP, y: at + 4, "text-anchor": "end" }, frame).textContent = text;
    });
    return [atX, atY];
  };

  const placed = (scan) => across.values[scan] !== null && up.values[scan] !== null;

  const draw = () => {
    if (!size.width) return;  // no plot, or not laid out yet
    [across, up] = [data.axes[choices.across.value], data.axes[choices.up.value]];
    scatter.setAttribute("viewBox", `0 0 ${size.width} ${size.height}`);
    const [atX, atY] = drawFrame(scatter.querySelector(".frame"), size);
    const visible = new Set(shown);
    for (const scan of numbers) {
      const seen = visible.has(scan) && placed(scan);
      dots[scan].style.display = seen ? "" : "none";
      if (!seen) continue;
      dots[scan].setAttribute("cx", atX(across.values[scan]).toFixed(1));
      dots[scan].setAttribute("cy", atY(up.values[scan]).toFixed(1));
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
  let justRated = -1;  // place of the scan whose rating went on to the one that is shown
  const part = (name) => review.querySelector(name);
  const note = part("[name=note]");
  const large = document.createElement("img");
  large.className = "large";
  part(".whole").append(large);
  const pictureOf = (scan) => cards[scan].querySelector(".picture")?.getAttribute("href") ?? "";

  const turnTo = (position) => {
    place = position;
    after = -1;
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
    justRated = -1;
    showRating();
    askWhich();
    const next = list[place + 1];
    if (next !== undefined && pictureOf(next)) new Image().src = pictureOf(next);  // so that it is there at once
  };

  const buttonOf = (name) => part(`[data-act=${name}]`);
  const showRating = () => {
    const known = ratingOf(list[place]);
    for (const name of RATINGS) buttonOf(name).setAttribute("aria-pressed", name === known.rating);
    if (note.value !== known.note) note.value = known.note;
  };

  // Right after a rating nobody can tell which of two scans a note is meant for: the one rated or the one shown.
  const which = part(".which");
  const askWhich = () => {
    const asked = justRated >= 0;
    which.hidden = !asked;
    note.closest("label").hidden = asked;
    if (!asked) return;
    const rated = data.scans[list[justRated]];
    part("[data-act=note-rated]").textContent = `${rated}, rated ${ratingOf(list[justRated]).rating}`;
    part("[data-act=note-shown]").textContent = `${data.scans[list[place]]}, shown`;
  };

  const writeNote = () => {
    if (justRated >= 0) part("[data-act=note-rated]").focus();
    else note.focus();
  };

  let after = -1;  // place to go on to when the note on an earlier scan is written
  const noteRated = () => {
    const shownNow = place;
    turnTo(justRated);
    after = shownNow;
    note.focus();
  };

  const noteShown = () => {
    justRated = -1;
    askWhich();
    note.focus();
  };

  const endNote = () => {
    if (after >= 0) turnTo(after);
    part("[data-act=close]").focus();
  };

  const step = (by) => {
    if (list[place + by] === undefined) return;
    turnTo(place + by);
    // A button that was disabled under the focus would take the keys with it.
    if (document.activeElement?.disabled || document.activeElement === document.body) part("[data-act=close]").focus();
  };

  // The same rating once more, where it is seen to be given, takes it back.
  const choose = (name) => {
    const again = buttonOf(name).ariaPressed === "true";
    rate(list[place], { rating: again ? "" : name });
    showRating();
    if (again || !part("[name=advance]").checked || list[place + 1] === undefined) return;
    const rated = place;
    step(1);
    justRated = rated;
    askWhich();
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
    "note-rated": noteRated,
    "note-shown": noteShown,
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
        endNote();
      }
      return;
    }
    if (which.contains(event.target)) {  // letters meant for a note are no ratings
      if (event.key.toLowerCase() === "n") event.target.click();
      else if (event.key === "Escape") part("[data-act=close]").focus();
      else return;
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (name) acts[name]();
    else if (event.key.toLowerCase() === "n") writeNote();
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
    if (event.key !== key && event.key !== null) return;
    start();
    if (review.open) {
      showRating();
      askWhich();
    }
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
