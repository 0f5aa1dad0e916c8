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
  document.documentElement.classList.add("interactive");
})();
