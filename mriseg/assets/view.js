"use strict";
const show = async () => {
  const element = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const { title, layers } = JSON.parse(element("content").textContent);
  const { Niivue, NVImage } = window.niivue;

  const OPTIONS = {
    dragAndDropEnabled: false, show3Dcrosshair: true, backColor: [0, 0, 0, 1], crosshairColor: [1, 1, 1, 0.6],
    crosshairWidth: 1, crosshairWidthUnit: "mm", crosshairGap: 6,
    isCornerOrientationText: true, fontColor: [1, 1, 1, 1], // at the sides the crosshair strikes them through
    logLevel: "error", loadingText: "",
  };
  // Two pictures, so that what is seen in 3-D need not be seen in the slices, nor drawn again with them.
  const planes = new Niivue({ ...OPTIONS, multiplanarShowRender: 0, multiplanarLayout: 2, multiplanarPadPixels: 16 });
  const solid = new Niivue({ ...OPTIONS, sliceType: 4, isOrientCube: true, clipPlaneColor: [0, 0, 0, 0] });
  // Depth, azimuth and elevation; a depth of 2 is outside.
  const NO_CUT = [2, 0, 0];
  // How strongly surfaces are shaded by where they face, 0 to 1; degrees: from where they are seen, and a key's turn.
  const SHADING = 0.7, AZIMUTH = 120, ELEVATION = 15, TURN = 5;

  // Shares: half the height of a 3-D picture in half the diagonal of the volume, as niivue has it; and in how far
  // the labels reach.
  const NIIVUE_FRAME = 0.8, FRAME_MARGIN = 1.05;
  // Depths of a cut that takes nothing and all.
  const NOTHING_CUT = 0.5, ALL_CUT = -0.5;

  // Pixels of the page: how far an outline reaches from the edge into the label, and the width of the crosshair.
  const LINE = 1, CROSSHAIR = 1.5;

  // niivue blurs labels, outlines them in three dimensions, which is all of a thin cortex, and keeps the fill. Here its
  // drawing holds the labels, and slices are drawn with a line where some pixels further on there is another label.
  // A line each for the uniforms: niivue looks for the last name before a semicolon.
  const SLICE_SHADER = `#version 300 es
    precision highp int;
    precision highp float;
    uniform highp sampler3D volume;
    uniform highp sampler3D overlay;
    uniform highp sampler3D drawing;
    uniform highp sampler2D colormap;
    uniform float overlays;
    uniform float opacity;
    uniform float drawOpacity;
    uniform float drawRimOpacity;
    in vec3 texPos;
    out vec4 color;
    void main() {
      color = vec4(texture(volume, texPos).rgb, opacity);
      float row = texture(drawing, texPos).r;
      vec3 right = WIDTH * dFdx(texPos), up = WIDTH * dFdy(texPos);
      bool edge = false;
      for (int step = 0; step < 8; step++) {
        float angle = radians(45.0 * float(step));
        edge = edge || texture(drawing, texPos + cos(angle) * right + sin(angle) * up).r != row;
      }
      vec4 over = vec4(0.0);
      if (row > 0.0) {
        float rows = float(textureSize(colormap, 0).y);
        vec2 at = vec2((row * 255.0 + 0.5) / 256.0, (rows - 0.5) / rows);
        over = vec4(texture(colormap, at).rgb, edge ? drawRimOpacity : drawOpacity);
      }
      for (int layer = 0; layer < 2; layer++) {
        float sum = over.a + color.a * (1.0 - over.a);
        if (sum > 0.0) color = vec4(mix(color.rgb, over.rgb, over.a / sum), sum);
        over = overlays > 0.0 ? texture(overlay, texPos) : vec4(0.0);
      }
    }`;

  // Reading the images.

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

  const load = async (layer, number) => {
    const image = await NVImage.loadFromFile({ file: new File([await bytesOf(layer)], layer.file), name: layer.file });
    if (layer.colormap) image.setColormapLabel(layer.colormap);
    else if (layer.color) {
      planes.addColormap(`layer${number}`, ramp(layer.color));
      image.colormap = `layer${number}`;
      [image.cal_min, image.cal_max] = layer.range;
    }
    return image;
  };

  const images = [];
  for (const [number, layer] of layers.entries()) images.push(await load(layer, number));
  const labelled = layers.findIndex(({ kind }) => kind === "labels");
  const labels = images[labelled], labelLayer = layers[labelled];

  // The slices.

  const sliders = all("[data-layer]");
  // Without a scan, black lies below.
  let bottom = layers[0].kind === "scan" ? images[0] : NVImage.zerosLike(images[0]);

  // What is not seen is not drawn.
  const drawScans = () => {
    bottom.opacity = (element("scan-opacity")?.value ?? 100) / 100;
    shadeKey();
    const seen = [bottom];
    for (const slider of sliders) {
      const image = images[slider.dataset.layer];
      image.opacity = slider.value / 100;
      if (image.opacity > 0 && image !== labels) seen.push(image);
    }
    planes.volumes = seen;
    planes.setVolume(bottom, 0);
    planes.drawScene();
  };

  // The row of each voxel's label in the colour table, on the grid of the scan as niivue draws it.
  const rowsOnScan = () => {
    const rows = new Map(labelLayer.colormap.I.map((number, row) => [number, row]));
    const at = (place) => labels.mm2vox(bottom.vox2mm(place, bottom.matRAS), true);
    const start = at([0, 0, 0]);
    const steps = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map((unit) => at(unit).map((part, axis) => part - start[axis]));
    const [, width, height, depth] = bottom.dimsRAS, [, ...shape] = labels.dimsRAS;
    const values = labels.img2RAS(), { scl_slope: slope, scl_inter: inter } = labels.hdr;
    const found = new Uint8Array(width * height * depth);
    const along = (axis, x, y, z) => Math.round(start[axis] + x * steps[0][axis] + y * steps[1][axis] + z * steps[2][axis]);
    let voxel = 0;
    for (let z = 0; z < depth; z++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++, voxel++) {
      const i = along(0, x, y, z), j = along(1, x, y, z), k = along(2, x, y, z);
      if (i < 0 || j < 0 || k < 0 || i >= shape[0] || j >= shape[1] || k >= shape[2]) continue;
      const value = values[i + shape[0] * (j + shape[1] * k)];
      if (value) found[voxel] = rows.get(Math.round(value * slope + inter)) ?? 0;
    }
    return found;
  };

  // The mean shade of the scan in each row's label, 0 (black) to 1, by number of the label.
  let shades = new Map();
  const shadesOf = (found) => {
    const values = bottom.img2RAS(), { hdr: { scl_slope: slope, scl_inter: inter }, cal_min: black, cal_max: white } = bottom;
    const sums = new Float64Array(256), counts = new Float64Array(256);
    for (let voxel = 0; voxel < found.length; voxel++) {
      if (!found[voxel]) continue;
      const shade = (values[voxel] * slope + inter - black) / (white - black);
      sums[found[voxel]] += Math.min(Math.max(shade, 0), 1) || 0;
      counts[found[voxel]] += 1;
    }
    return new Map(labelLayer.colormap.I.map((number, row) => [number, counts[row] ? sums[row] / counts[row] : 0.5]));
  };

  const shadeKey = () => {
    for (const box of all("input[name=solid]")) {
      const percent = 100 * (shades.get(Number(box.value)) ?? 0.5) * bottom.opacity;
      box.closest("li").style.setProperty("--under", `rgb(${percent}% ${percent}% ${percent}%)`);
    }
  };

  const layLabels = () => {
    if (!labels) return;
    planes.createEmptyDrawing();
    const rows = rowsOnScan();
    planes.drawBitmap.set(rows);
    shades = shadesOf(rows);
    shadeKey();
    planes.setDrawColormap({ ...labelLayer.colormap, I: labelLayer.colormap.I.map((_, row) => row) });
    planes.refreshDrawing(false);
  };

  const slider = sliders.find(({ dataset }) => Number(dataset.layer) === labelled);
  const drawLabels = () => {
    const legend = document.querySelector(".key"), { checked } = element("outlines");
    legend.style.setProperty("--opacity", `${slider.value}%`);
    legend.classList.toggle("outlined", checked);
    planes.drawRimOpacity = slider.value / 100;
    planes.drawOpacity = checked ? 0 : planes.drawRimOpacity;
    planes.drawScene();
  };

  // Lines and colours have an opacity each; lines are opaque at first.
  let otherOpacity = 100;
  const setOutlines = () => {
    [slider.value, otherOpacity] = [otherOpacity, slider.value];
    drawLabels();
  };

  const setScan = (number) => {
    const place = planes.frac2mm(planes.scene.crosshairPos, 0, true);
    bottom = images[number];
    drawScans();
    layLabels();
    planes.scene.crosshairPos = planes.mm2frac([...place].slice(0, 3), 0, true);
    planes.drawScene();
  };

  // Where the voxels lie that are not 0: their middle, and the first and last of each row, mm.
  const whereabouts = (image) => {
    const values = image.img2RAS(), [, width, height, depth] = image.dimsRAS;
    const sum = [0, 0, 0], ends = [];
    let count = 0, voxel = 0;
    for (let z = 0; z < depth; z++) for (let y = 0; y < height; y++) {
      let first = -1, last = -1;
      for (let x = 0; x < width; x++, voxel++) {
        if (!values[voxel]) continue;
        if (first < 0) first = x;
        last = x;
        [sum[0], sum[1], sum[2], count] = [sum[0] + x, sum[1] + y, sum[2] + z, count + 1];
      }
      if (first >= 0) ends.push(image.vox2mm([first, y, z], image.matRAS), image.vox2mm([last, y, z], image.matRAS));
    }
    return count ? { middle: image.vox2mm(sum.map((part) => part / count), image.matRAS), ends } : null;
  };
  const brain = labels ?? images[layers.findIndex(({ kind }) => kind === "mask")];
  const brainPlace = brain ? whereabouts(brain) : null;

  const goToBrain = () => {
    if (brainPlace) planes.scene.crosshairPos = planes.mm2frac([...brainPlace.middle].slice(0, 3), 0, true);
    planes.moveCrosshairInVox(0, 0, 0); // from between voxels into one
  };

  // The surfaces.

  // Labels that fill their volume reach beyond the picture, which niivue makes narrower than the volume's diagonal.
  const fitSolid = () => {
    if (!labels || !brainPlace) return;
    const reach = brainPlace.ends.reduce((most, end) => (
      Math.max(most, Math.hypot(...solid.pivot3D.map((part, axis) => part - end[axis])))), 0);
    const scale = (NIIVUE_FRAME * solid.furthestFromPivot) / (FRAME_MARGIN * reach);
    if (scale < 1) solid.setScale(scale);
  };

  const body = labels ? labels.clone() : images[0];

  const colorSolid = () => {
    if (labels) {
      const shown = new Set(all("[name=solid]:checked").map(({ value }) => Number(value)));
      const { I, ...columns } = labelLayer.colormap;
      // What is hidden takes the colour of a neighbour, with which niivue mixes it.
      const first = I.findIndex((number) => shown.has(number));
      const tint = (column) => columns[column].map((part, row) => columns[column][shown.has(I[row]) ? row : Math.max(first, 0)]);
      const A = I.map((number) => (shown.has(number) ? 255 : 0));
      body.setColormapLabel({ ...columns, R: tint("R"), G: tint("G"), B: tint("B"), A, I });
    }
  };

  const setCut = () => {
    const side = element("cut").value;
    element("share").disabled = !side;
    solid.setClipPlane(side ? [NOTHING_CUT - element("share").value / 100, ...side.split(",").map(Number)] : NO_CUT);
  };

  // What is where.

  const figures = (value) => Number(Math.abs(value) < 1 ? value.toFixed(3) : value.toPrecision(4)).toString();
  const valueAt = (image, mm) => {
    const voxel = [...image.mm2vox([...mm].slice(0, 3))];
    const inside = voxel.every((at, axis) => at >= 0 && at < image.dimsRAS[axis + 1]);
    return inside ? image.getValue(...voxel) : null;
  };
  const labelAt = (label, values) => {
    if (!label) return "outside";
    const posterior = values[label.posterior] ?? null;
    return posterior === null ? label.name : `${label.name}, posterior ${figures(posterior)}`;
  };
  // What all images hold at a place, mm; those that do not reach there are left out.
  const saidAt = (mm) => {
    const tenths = (part) => (Math.round(10 * part) / 10 + 0).toFixed(1); // adding 0 makes 0 of -0
    const lines = [`x ${tenths(mm[0])}, y ${tenths(mm[1])}, z ${tenths(mm[2])} mm`];
    const values = images.map((image) => valueAt(image, mm));
    const said = (kinds, isSaid = () => true) => layers.flatMap((layer, number) => (
      kinds.includes(layer.kind) && values[number] !== null && isSaid(number)
        ? `${layer.name} ${figures(values[number])}` : []));
    const label = labelLayer?.labels.find(({ number }) => number === Math.round(values[labelled]));
    if (labels && values[labelled] !== null) lines.push(labelAt(label, values));
    // That of the label is said with its name; of all others those that are not 0.
    const isOther = (number) => !labels || (number !== label?.posterior && Number(figures(values[number])) !== 0);
    lines.push(...said(["scan"]), said(["posterior"], isOther).join(", "), said(["mask", "map"]).join(", "));
    return lines.filter(Boolean).join("\n");
  };

  const followPointer = () => {
    const { canvas } = planes;
    canvas.addEventListener("mousemove", (event) => {
      const ratio = canvas.width / canvas.clientWidth;
      const place = planes.canvasPos2frac([event.offsetX * ratio, event.offsetY * ratio]);
      element("pointer").textContent = place[0] < 0 ? "–" : saidAt(planes.frac2mm(place, 0, true));
    });
    canvas.addEventListener("mouseleave", () => { element("pointer").textContent = "–"; });
  };

  // One crosshair for both pictures.
  const follow = (other) => ({ mm }) => {
    element("crosshair").textContent = saidAt(mm);
    other.scene.crosshairPos = other.mm2frac([...mm].slice(0, 3), 0, true);
    if (!other.canvas.parentElement.hidden) other.drawScene();
  };

  // Views.

  const TYPES = {
    multiplanar: planes.sliceTypeMultiplanar, axial: planes.sliceTypeAxial, coronal: planes.sliceTypeCoronal,
    sagittal: planes.sliceTypeSagittal,
  };
  const view = () => element("view").value;

  // 3-D alone, or in the quarter that the three planes leave free.
  const place = () => {
    const frame = element("solid");
    let box = { left: "0", top: "0", width: "100%", height: "100%" };
    if (view() === "multiplanar") {
      const tile = (plane) => planes.screenSlices.find(({ axCorSag }) => axCorSag === plane).leftTopWidthHeight;
      const [left, , width] = tile(planes.sliceTypeSagittal), [, top, , height] = tile(planes.sliceTypeAxial);
      const css = (part) => `${part / planes.uiData.dpr}px`;
      box = { left: css(left), top: css(top), width: css(width), height: css(height) };
    }
    Object.assign(frame.style, box);
    if (!frame.hidden) solid.resizeListener();
  };

  const setView = () => {
    element("planes").hidden = view() === "render";
    element("solid").hidden = !["multiplanar", "render"].includes(view());
    if (view() !== "render") {
      planes.resizeListener();
      planes.setSliceType(TYPES[view()]);
      const [{ fovMM, leftTopWidthHeight: [, , width] }] = planes.screenSlices;
      planes.setCrosshairWidth(CROSSHAIR * planes.uiData.dpr * fovMM[0] / width);
    }
    place();
  };

  // The pictures as they are seen, in one file.
  const save = () => {
    const sheet = document.createElement("canvas"), ratio = planes.uiData.dpr, ground = element("planes").parentElement;
    Object.assign(sheet, { width: ground.clientWidth * ratio, height: ground.clientHeight * ratio });
    const pen = sheet.getContext("2d");
    pen.fillRect(0, 0, sheet.width, sheet.height);
    for (const viewer of [planes, solid]) {
      const { hidden, offsetLeft, offsetTop } = viewer.canvas.parentElement;
      if (hidden) continue;
      viewer.drawScene(); // a drawing is kept until the browser paints, no longer
      pen.drawImage(viewer.canvas, offsetLeft * ratio, offsetTop * ratio);
    }
    sheet.toBlob((blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${title}_view.png` });
      link.click();
      URL.revokeObjectURL(link.href);
    });
  };

  // Keys.

  // Which axis of the patient lies to the right, upwards and through the plane.
  const AXES = { multiplanar: [0, 1, 2], axial: [0, 1, 2], coronal: [0, 2, 1], sagittal: [1, 2, 0] };
  const MOVES = {
    h: [0, -1], l: [0, 1], j: [1, -1], k: [1, 1], ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, -1], ArrowUp: [1, 1],
    PageDown: [2, -1], PageUp: [2, 1],
  };
  const move = ([direction, sign], onSolid) => {
    const step = [0, 0, 0];
    if (onSolid || view() === "render") {
      step[direction] = sign * TURN;
      solid.setRenderAzimuthElevation(solid.scene.renderAzimuth + step[0], solid.scene.renderElevation + step[1]);
    } else {
      step[AXES[view()][direction]] = sign;
      planes.moveCrosshairInVox(...step);
    }
  };
  const next = (list) => {
    list.selectedIndex = (list.selectedIndex + 1) % list.options.length;
    list.dispatchEvent(new Event("input"));
  };
  const ACTIONS = {
    v: () => next(element("view")), s: () => element("scan") && next(element("scan")), c: () => next(element("cut")),
    o: () => element("outlines")?.click(), "?": () => element("keys").showModal(),
  };

  const takeKeys = () => {
    const pictures = [planes.canvas, solid.canvas];
    // niivue has keys of its own, of which the controls would know nothing.
    const stop = (event) => { if (pictures.includes(event.target)) event.stopPropagation(); };
    window.addEventListener("keyup", stop, true);
    window.addEventListener("keydown", (event) => {
      stop(event);
      const free = event.target === document.body || pictures.includes(event.target);
      if (!free || event.ctrlKey || event.altKey || event.metaKey || element("keys").open) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (MOVES[key]) move(MOVES[key], event.target === solid.canvas);
      else if (ACTIONS[key]) ACTIONS[key]();
      else return;
      event.preventDefault();
    }, true);
  };

  const takeControls = () => {
    const on = (part, act) => part?.addEventListener("input", act);
    on(element("view"), setView);
    on(element("scan"), ({ target }) => setScan(target.value));
    [...sliders, element("scan-opacity")].forEach((part) => on(part, part === slider ? drawLabels : drawScans));
    on(element("outlines"), setOutlines);
    all("[name=solid]").forEach((box) => on(box, () => { colorSolid(); solid.updateGLVolume(); }));
    on(element("cut"), setCut);
    on(element("share"), setCut);
    document.forms[0].addEventListener("submit", (event) => event.preventDefault());
    element("help").addEventListener("click", ACTIONS["?"]);
    element("save").addEventListener("click", save);
    // Dragged with any button but the left alone, niivue would tilt the cut away from the side that is named.
    element("solid").addEventListener("mousedown", (event) => {
      if (event.button || event.ctrlKey || event.shiftKey) event.stopPropagation();
    }, true);
    // The wheel moves the cut, too.
    solid.onClipPlaneChange = () => {
      if (!element("cut").value) return;
      const [depth, ...side] = solid.scene.clipPlaneDepthAziElevs[0];
      const within = Math.min(NOTHING_CUT, Math.max(ALL_CUT, depth));
      if (within !== depth) solid.setClipPlane([within, ...side]); // which comes back here
      else element("share").value = 100 * (NOTHING_CUT - depth);
    };
  };

  // All together.

  await planes.attachToCanvas(element("planes").firstElementChild);
  planes.setCustomSliceShader(SLICE_SHADER.replaceAll("WIDTH", (LINE * planes.uiData.dpr).toFixed(2)));
  drawScans();
  layLabels();
  if (labels) drawLabels();
  goToBrain();
  // All that 3-D needs is set before it is drawn, which takes long without a graphics card.
  await solid.attachToCanvas(element("solid").firstElementChild);
  Object.assign(solid.scene, { renderAzimuth: AZIMUTH, renderElevation: ELEVATION });
  await solid.setVolumeRenderIllumination(SHADING);
  colorSolid();
  solid.addVolume(body);
  fitSolid();
  follow(solid)({ mm: planes.frac2mm(planes.scene.crosshairPos, 0, true) });
  planes.onLocationChange = follow(solid);
  solid.onLocationChange = follow(planes);
  setView();
  followPointer();
  takeControls();
  takeKeys();
  new ResizeObserver(() => requestAnimationFrame(setView)).observe(document.querySelector("main"));
  element("message").textContent = "";
  window.mriseg = { planes, solid, images, layers };
  document.documentElement.dataset.ready = "yes";
};

show().catch((error) => {
  document.getElementById("message").textContent = `This browser cannot show the images: ${error.message}`;
  throw error;
});
