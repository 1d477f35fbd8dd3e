// layer.js: one layer under the flow: its facts, its maps, one map large, and how one of its numbers was made.

const LARGE = 300; // pixels of a map that is looked at
const MAP = 64;
const LATER = 200; // milliseconds of rest before a window is opened

/** Make the panel of a layer; `tools` are { mount } of the explorer of operations. */
function makeLayer(data, on, tools) {
  const section = make("section", { "aria-labelledby": "layer-title" });
  let mounted = null, waiting = 0;
  const close = () => {
    clearTimeout(waiting);
    if (mounted) mounted.remove();
    mounted = null;
  };

  function show(view) {
    close();
    const layer = data.layers[view.layer];
    const packed = (view.back ? view.back.maps : view.moment.maps)[view.layer];
    const channels = channelsOf(layer);
    const left = layer.maps[0] - channels.length;
    const title = make("h2", { id: "layer-title" }, layer.path ? `${layer.path}: ${layer.op}` : layer.op);
    const about = make("p", {}, WORDS[`op.${layer.op}`] || "");
    const notes = [view.back ? say("gradient_maps") : say("forward_maps")];
    if (left > 0) notes.push(say(layer.maps[1] * layer.maps[2] === 1 ? "units_left" : "maps_left", { shown: channels.length, count: layer.maps[0], left }));
    const places = { large: make("div", { class: "one" }), told: make("div", { class: "told" }), cut: make("div", { class: "cut" }) };
    const maps = packed ? mapGrid(layer, mapsOf(packed), channels, view, on) : make("p", {}, say("unreached"));
    const known = make("div", { class: "maps" }, make("p", { class: "quiet small" }, notes.join(" ")), maps);
    section.replaceChildren(title, facts(data, layer, view), about, make("div", { class: "layer" }, known, ...Object.values(places)));
    if (packed) largeMap(places, view);
  }

  function largeMap(places, view) {
    const layer = data.layers[view.layer];
    const packed = (view.back ? view.back.maps : view.moment.maps)[view.layer], maps = mapsOf(packed);
    const channels = channelsOf(layer), [, h, w] = layer.maps, units = h * w === 1;
    const order = channels.indexOf(view.channel);
    const size = units ? unitGrid(maps.count) : maps.size;
    const plane = units ? unitPlane(maps, size) : maps.plane(order);
    const times = Math.max(1, Math.min(24, Math.floor(LARGE / Math.max(...size))));
    const canvas = make("canvas", { tabindex: 0, role: "application", "aria-roledescription": say("map"), "aria-describedby": "map-keys map-number" });
    canvas.setAttribute("aria-label", units ? say("units_label") : say("map_label", { n: view.channel }));
    const readout = make("p", { class: "readout", id: "map-number", "aria-live": "polite" });
    const cell = units ? [order % size[0], Math.floor(order / size[0])] : toShown(view.at, layer, maps);
    const point = { at: cell };
    const paint = () => {
      const context = paintPlane(canvas, plane, size, reachOf(maps), times);
      context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--point");
      context.lineWidth = Math.min(3, Math.max(2, times / 4));
      const grow = times < 6 ? 3 : 0;
      context.strokeRect(point.at[1] * times - grow, point.at[0] * times - grow, times + 2 * grow, times + 2 * grow);
    };
    const move = (r, c, now) => {
      point.at = [Math.max(0, Math.min(size[0] - 1, r)), Math.max(0, Math.min(size[1] - 1, c))];
      let channel = view.channel, at;
      if (units) {
        const unit = Math.min(maps.count - 1, point.at[1] * size[0] + point.at[0]);
        point.at = [unit % size[0], Math.floor(unit / size[0])];
        [channel, at] = [channels[unit], [0, 0]];
      } else at = fromShown(point.at, layer, maps, view, channel);
      paint();
      on.point(channel, at);
      tellNumber(readout, places, view, channel, at, now);
    };
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect();
      move(Math.floor((event.clientY - box.top) / box.height * size[0]), Math.floor((event.clientX - box.left) / box.width * size[1]), true);
    });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (!(event.key in steps)) return;
      event.preventDefault();
      move(point.at[0] + steps[event.key][0], point.at[1] + steps[event.key][1], false);
    });
    places.large.replaceChildren(
      make("h3", {}, canvas.getAttribute("aria-label")), make("div", { class: "large" }, canvas),
      scaleOf(reachOf(maps), layer, maps), make("p", { class: "quiet small", id: "map-keys" }, say("map_keys")), readout,
    );
    paint();
    tellNumber(readout, places, view, view.channel, view.at, true);
  }

  /** Say what a number is, and how it was made; in the backward view what the gradient is there. */
  function tellNumber(readout, { told, cut }, view, channel, at, now) {
    close();
    const layer = data.layers[view.layer], units = layer.maps[1] * layer.maps[2] === 1;
    const where = units ? say("unit_n", { n: channel }) : say("place", { n: channel, r: at[0], c: at[1] });
    const window = windowAt(data, view.moment, view.layer, channel, at);
    const forward = window ? `= ${short(window.y, 6)}` : numberAt(view.moment.maps[view.layer], layer, channel, at);
    const back = view.back ? numberAt(view.back.maps[view.layer], layer, channel, at) : "";
    const value = view.back ? `dy ${back}, y ${forward}` : `y ${forward}`;
    readout.textContent = `${where}: ${value}`;
    cut.replaceChildren();
    if (!window) {
      const kept = keptWindow(view.moment, view.layer, channel);
      told.replaceChildren(...missing(layer, kept, () => on.map(channel, kept.at)));
      return;
    }
    told.replaceChildren(make("h3", {}, say("made_of")), ...tellSum(window));
    if (!window.op) return;
    const frame = make("div", { class: "window" }), drawn = drawable(window);
    cut.replaceChildren(make("h3", {}, say("window_title")), make("p", { class: "quiet small" }, noteOf(drawn)), frame);
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      mounted = tools.mount(frame, stateOf(drawn, where));
      mounted.select("y", indexOf(drawn));
    }, now ? 0 : LATER);
  }

  function missing(layer, kept, go) {
    if (!kept) return [make("p", { class: "quiet small" }, WORDS[`made.${layer.op}`] || say("no_window"))];
    return [make("p", { class: "quiet small" }, say("other_window")), make("button", { class: "plain", type: "button", onclick: go }, say("to_window", { r: kept.at[0], c: kept.at[1] }))];
  }

  return { element: section, show, close };
}

/** Return the facts of a layer as a list. */
function facts(data, layer, view) {
  const from = layer.from.map((source) => (source === PICTURE ? data.input : data.layers[source].shape));
  const items = [
    `${from.map(sizesOf).join(" + ")} → ${sizesOf(layer.shape)}`,
    say("parameters", { n: many(layer.parameters || 0) }), say("macs", { n: many(layer.macs || 0) }),
    ...Object.entries(layer.settings || {}).map(([name, value]) => `${name} ${plainSetting(value)}`),
  ];
  if (view.back) {
    items.push(`‖dy‖ = ${short(view.back.norms[view.layer])}`);
    layer.from.forEach((source, order) => {
      const name = source === PICTURE ? say("picture") : data.layers[source].path || data.layers[source].op;
      items.push(say("goes_back", { n: short(view.back.shares[view.layer][order]), name }));
    });
    data.weights.forEach((weight, order) => {
      if (weight.layer === view.layer) items.push(`‖d ${weight.name.split(".").pop()}‖ = ${short(view.back.dw[order])}`);
    });
  }
  return make("ul", { class: "facts-list small number" }, ...items.map((item) => make("li", {}, item)));
}

function plainSetting(value) {
  if (!Array.isArray(value)) return String(value);
  const flat = value.flat();
  return flat.every((one) => one === flat[0]) ? String(flat[0]) : value.map(plainSetting).join("×");
}

/** Make buttons of all maps that are embedded; single numbers are one picture, which stands at the right. */
function mapGrid(layer, maps, channels, view, on) {
  const [, h, w] = layer.maps;
  if (h * w === 1) return make("p", { class: "small" }, say("units_here", { n: maps.count }));
  const reach = reachOf(maps), [mh, mw] = maps.size, times = Math.max(1, Math.round(MAP / Math.max(mh, mw)));
  const grid = make("div", { class: "grid", role: "group", "aria-label": say("maps_label") });
  channels.forEach((channel, order) => {
    const canvas = make("canvas", { "aria-hidden": "true" });
    paintPlane(canvas, maps.plane(order), maps.size, reach, times);
    const button = make("button", {
      type: "button", "aria-pressed": channel === view.channel, "aria-label": say("map_label", { n: channel }),
      onclick: () => on.map(channel, null),
    }, canvas, String(channel));
    grid.append(button);
  });
  return grid;
}

function unitGrid(count) {
  const rows = Math.min(count, Math.max(4, Math.ceil(Math.sqrt(count / 1.6))));
  return [rows, Math.ceil(count / rows)];
}

function unitPlane(maps, [rows, columns]) {
  const plane = new Float32Array(rows * columns);
  for (let i = 0; i < maps.count; i += 1) plane[(i % rows) * columns + Math.floor(i / rows)] = maps.plane(i)[0];
  return plane;
}

/** Return the cell of a drawn map that a place of the whole map lies in, and back. */
function toShown([r, c], layer, maps) {
  const factor = factorOf(layer, maps);
  return [Math.min(maps.size[0] - 1, Math.floor(r / factor)), Math.min(maps.size[1] - 1, Math.floor(c / factor))];
}

function fromShown([r, c], layer, maps, view, channel) {
  const factor = factorOf(layer, maps);
  const kept = keptWindow(view.moment, view.layer, channel);
  if (kept && factor > 1 && Math.floor(kept.at[0] / factor) === r && Math.floor(kept.at[1] / factor) === c) return kept.at;
  return [Math.min(layer.maps[1] - 1, r * factor), Math.min(layer.maps[2] - 1, c * factor)];
}

function factorOf(layer, maps) {
  return Math.ceil(Math.max(layer.maps[1], layer.maps[2]) / Math.max(...maps.size));
}

/** Write the number of a map at a place: exactly, or about, or as a mean of what was averaged. */
function numberAt(packed, layer, channel, at) {
  const maps = mapsOf(packed);
  const order = channelsOf(layer).indexOf(channel);
  if (!maps || order < 0) return "";
  const [r, c] = toShown(at, layer, maps), value = maps.plane(order)[r * maps.size[1] + c], factor = factorOf(layer, maps);
  if (factor > 1) return say("mean_of", { n: short(value, 3), f: `${factor}×${factor}` });
  return maps.exact ? `= ${short(value, 6)}` : `≈ ${short(value, 3)}`;
}

function scaleOf(reach, layer, maps) {
  const strip = make("canvas", { "aria-hidden": "true" });
  const numbers = Float32Array.from({ length: 65 }, (_, i) => reach * (i - 32) / 32);
  paintPlane(strip, numbers, [1, 65], reach, 2);
  strip.setAttribute("style", "width:8rem;height:.8rem;border:1px solid var(--line)");
  const factor = factorOf(layer, maps);
  return make("div", { class: "scale" }, `−${short(reach, 3)}`, strip, short(reach, 3), factor > 1 ? make("span", { class: "quiet" }, say("averaged", { f: `${factor}×${factor}` })) : null);
}

function noteOf({ channels, rest, layer, op, settings }) {
  if (op === "conv" && rest !== 0) return say("window_some", { n: channels.length, channels: channels.join(", ") });
  if (op === "lrn") return say("window_across", { channels: channels.join(", ") });
  return layer.op === "linear" ? say("window_linear") : say("window_all", { channels: channels.join(", "), size: sizesOf(settings.input) });
}

/** Return the state of the explorer of operations that shows a window. */
function stateOf({ op, settings, operands, layer }, where) {
  const state = { op, settings, ...operands, note: `${layer.path || layer.op}, ${where}`, locked: true };
  if (state.dy && outputsOf(op, settings) !== state.dy.length) delete state.dy;
  return state;
}

function outputsOf(op, { input, kernel, stride, padding, dilation = [1, 1] }) {
  if (op === "lrn") return input[0];
  return [0, 1].reduce((n, axis) => n * (Math.floor((input[1 + axis] + padding[axis][0] + padding[axis][1] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis]) + 1), 1);
}

function indexOf({ op, settings, cell }) {
  if (op === "lrn") return cell[0];
  const { input, kernel, stride, padding, dilation = [1, 1] } = settings;
  const columns = Math.floor((input[2] + padding[1][0] + padding[1][1] - dilation[1] * (kernel[1] - 1) - 1) / stride[1]) + 1;
  return cell[1] * columns + cell[2];
}
