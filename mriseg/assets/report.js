"use strict";
// Without this script, and in print, each plane shows all of its slices at once.
(() => {
  const figures = [...document.querySelectorAll(".plane")];
  const controls = document.querySelector(".controls");

  // Show one slice of the sheet in the window, which has the shape of one slice.
  const turnTo = (figure) => {
    const { columns, rows, width, height, positions, plane, world } = figure.dataset;
    const slice = Number(figure.querySelector(".slice").value);
    const column = slice % columns, row = Math.floor(slice / columns);
    const sheet = figure.querySelector(".sheet");
    figure.querySelector(".window").style.aspectRatio = `${width / columns} / ${height / rows}`;
    sheet.style.width = `${100 * columns}%`;
    sheet.style.transform = `translate(${(-100 * column) / columns}%, ${(-100 * row) / rows}%)`;
    const position = Math.round(Number(positions.trim().split(/\s+/)[slice]));
    figure.querySelector("output").textContent = `${plane}, ${world} = ${position} mm`;
  };

  const apply = () => {
    const wanted = new FormData(controls);
    for (const figure of figures) {
      figure.classList.toggle("shown", figure.dataset.plane === wanted.get("plane"));
      figure.querySelector(".sheet").dataset.layer = wanted.get("layer");
      for (const layer of figure.querySelectorAll(".layer")) layer.style.opacity = wanted.get("opacity") / 100;
    }
  };

  for (const figure of figures) {
    figure.querySelector(".slice").addEventListener("input", () => turnTo(figure));
    turnTo(figure);
  }
  controls.addEventListener("input", (event) => {
    if (event.target.value === "colours") controls.elements.opacity.value = 50;
    else if (event.target.name === "layer") controls.elements.opacity.value = 100;
    apply();
  });
  apply();

  // What can be copied: the paragraph with its numbered references, and their BibTeX.
  const texts = {
    text: () => {
      const lines = [...document.querySelectorAll(".methods li")].map((line, k) => `${k + 1}. ${line.textContent}`);
      return `${document.querySelector(".methods p").textContent}\n\n${lines.join("\n")}\n`;
    },
    bibtex: () => `${document.querySelector(".bibtex").textContent.trim()}\n`,
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {  // not allowed, or an old browser: as if a person marked it
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      if (!done) throw new Error("not copied");
    }
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const status = document.querySelector(".copying [role=status]");
      status.textContent = await copy(texts[button.dataset.copy]()).then(
        () => "copied", () => "the browser does not allow it; mark the text and copy it");
      button.focus();
    });
  }
  document.documentElement.classList.add("interactive");
})();
