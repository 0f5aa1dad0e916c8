"use strict";
(async () => {
  const element = (id) => document.getElementById(id);
  const layers = JSON.parse(element("content").textContent);
  const { Niivue, NVImage } = window.niivue;
  // How visible each kind is at first; the first scan lies below all others.
  const OPACITY = { scan: 0, labels: 0.4, mask: 0, posterior: 0, map: 0 };

  const viewer = new Niivue({
    dragAndDropEnabled: false, show3Dcrosshair: true, backColor: [0, 0, 0, 1], crosshairColor: [1, 1, 1, 0.6],
    crosshairWidth: 1, showAllOrientationMarkers: true, logLevel: "error", loadingText: "", multiplanarShowRender: 1,
  });

  const bytesOf = async ({ file, content }) => {
    if (content === null) {
      const answer = await fetch(file);
      if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
      return answer.arrayBuffer();
    }
    return Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0)).buffer;
  };

  // From transparent to the colour.
  const ramp = (color) => {
    const parts = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
    return { R: [0, parts[0]], G: [0, parts[1]], B: [0, parts[2]], A: [0, 255], I: [0, 255] };
  };

  const add = async (layer, number) => {
    const image = await NVImage.loadFromFile({ file: new File([await bytesOf(layer)], layer.file), name: layer.file });
    if (layer.colormap) image.setColormapLabel(layer.colormap);
    else if (layer.color) {
      viewer.addColormap(`layer${number}`, ramp(layer.color));
      image.colormap = `layer${number}`;
      [image.cal_min, image.cal_max] = layer.range;
    }
    image.opacity = number === 0 ? 1 : OPACITY[layer.kind];
    if (image.opacity > 0) viewer.addVolume(image);
    return image;
  };

  // What is not seen is not drawn: images are handed over when they first show.
  const setOpacity = (image, opacity) => {
    if (!viewer.volumes.includes(image)) viewer.addVolume(image);
    viewer.setOpacity(viewer.volumes.indexOf(image), opacity);
  };

  const figures = (value) => Number(Math.abs(value) < 1 ? value.toFixed(3) : value.toPrecision(4)).toString();
  const described = (layer, value) => {
    if (layer.kind !== "labels") return `${layer.name} ${figures(value)}`;
    const known = layer.labels.find(([number]) => number === Math.round(value));
    return known ? known[1] : "outside";
  };
  // What all images hold at a place, mm; those that do not reach there are left out.
  const saidAt = (mm, images) => {
    const lines = [`${["x", "y", "z"].map((axis, i) => `${axis} ${mm[i].toFixed(1)}`).join(", ")} mm`];
    images.forEach((image, number) => {
      const voxel = [...image.mm2vox([...mm].slice(0, 3))];
      const inside = voxel.every((at, axis) => at >= 0 && at < image.dimsRAS[axis + 1]);
      if (inside) lines.push(described(layers[number], image.getValue(...voxel)));
    });
    return lines.join("\n");
  };

  const addSlider = (layer, image) => {
    const line = document.createElement("label");
    const name = document.createElement("span");
    const slider = document.createElement("input");
    line.className = "line";
    name.textContent = layer.kind === "posterior" ? `posterior of ${layer.name}` : layer.name;
    Object.assign(slider, { type: "range", min: 0, max: 100, value: 100 * image.opacity });
    slider.addEventListener("input", () => setOpacity(image, slider.value / 100));
    line.append(name, slider);
    element("layers").append(line);
  };

  const addOutlines = () => {
    const line = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", id: "outlines" });
    line.className = "line";
    line.append(box, " outlines of the labels only");
    box.addEventListener("input", () => viewer.setAtlasOutline(box.checked ? 1 : 0));
    element("layers").append(line);
  };

  const followPointer = (images) => {
    const canvas = element("canvas");
    canvas.addEventListener("mousemove", (event) => {
      const ratio = canvas.width / canvas.clientWidth;
      const place = viewer.canvasPos2frac([event.offsetX * ratio, event.offsetY * ratio]);
      element("pointer").textContent = place[0] < 0 ? "–" : saidAt(viewer.frac2mm(place, 0, true), images);
    });
    canvas.addEventListener("mouseleave", () => { element("pointer").textContent = "–"; });
  };

  try {
    await viewer.attachToCanvas(element("canvas"));
    viewer.setSliceType(viewer.sliceTypeMultiplanar);
    const images = [];
    for (const [number, layer] of layers.entries()) images.push(await add(layer, number));
    layers.forEach((layer, number) => addSlider(layer, images[number]));
    if (layers.some(({ kind }) => kind === "labels")) addOutlines();
    viewer.onLocationChange = ({ mm }) => { element("crosshair").textContent = saidAt(mm, images); };
    followPointer(images);
    const views = {
      multiplanar: viewer.sliceTypeMultiplanar, axial: viewer.sliceTypeAxial, coronal: viewer.sliceTypeCoronal,
      sagittal: viewer.sliceTypeSagittal, render: viewer.sliceTypeRender,
    };
    element("view").addEventListener("input", ({ target }) => viewer.setSliceType(views[target.value]));
    element("crosshair").textContent = saidAt(viewer.frac2mm(viewer.scene.crosshairPos, 0, true), images);
    element("message").textContent = "";
    window.mriseg = { viewer, images, layers };
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    element("message").textContent = `This browser cannot show the images: ${error.message}`;
    throw error;
  }
})();
