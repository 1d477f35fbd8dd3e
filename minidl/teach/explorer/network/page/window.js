// window.js: the window behind one number. Python has cut out one for every map; of a small network, which is embedded
// whole, any other is cut out here, in the same way: few channels with some neighbours, of many those that weigh most.

const MOST_CHANNELS = 8, MOST_SIDE = 16, MOST_OUTPUTS = 4;

/** Return the window of a number of a layer: the one that was kept, or one that is cut out; null where there is none. */
function windowAt(data, moment, number, channel, at) {
  const kept = moment.windows[number].find((one) => one.c === channel && one.at[0] === at[0] && one.at[1] === at[1]);
  if (kept) return readWindow(kept, data.layers[number]);
  return data.exact ? cutOut(data, moment, number, channel, at) : null;
}

/** Return the window that was kept of a map, wherever it is. */
function keptWindow(moment, number, channel) {
  return moment.windows[number].find((one) => one.c === channel) || null;
}

function readWindow(kept, layer) {
  const operands = {};
  for (const [name, text] of Object.entries(kept.d || {})) operands[name] = Array.from(floatsOf(text));
  return { ...kept, layer, channels: kept.in || [], values: kept.v || [], settings: kept.set, operands };
}

/** Return what a layer reads, as { data, shape [C, H, W] }. */
function inputOf(data, moment, layer, order = 0) {
  const source = layer.from[order];
  if (source === PICTURE) {
    moment.picture ||= floatsOf(moment.x);
    return { data: moment.picture, shape: data.input };
  }
  const maps = mapsOf(moment.maps[source]);
  const shape = data.layers[source].maps;
  const whole = new Float32Array(shape[0] * shape[1] * shape[2]);
  for (let i = 0; i < shape[0]; i += 1) whole.set(maps.plane(i), i * shape[1] * shape[2]);
  return { data: whole, shape };
}

function cutOut(data, moment, number, channel, at) {
  const layer = data.layers[number];
  const [, , width] = layer.maps;
  const y = mapsOf(moment.maps[number]).plane(channel)[at[0] * width + at[1]];
  const base = { c: channel, at, y, layer, values: [], operands: {}, channels: [], rest: 0, cell: [0, 0, 0] };
  if (layer.op === "conv2d") return cutConvolution(data, moment, base);
  if (layer.op === "linear") return cutLinear(data, moment, base);
  if (layer.op === "max_pool2d" || layer.op === "avg_pool2d") return cutPooling(data, moment, base);
  if (layer.op === "batch_norm_eval") return cutNorm(data, moment, number, base);
  return cutPlain(data, moment, base);
}

function parameterOf(moment, name) {
  moment.read ||= {};
  return (moment.read[name] ||= floatsOf(moment.parameters[name]));
}

function weightShape(data, name) {
  return data.weights.find((weight) => weight.name === name).shape;
}

function sideAt(at, n, stride, padding, span, few) {
  const whole = Math.floor((n + padding[0] + padding[1] - span) / stride) + 1;
  const outputs = few ? Math.max(1, Math.min(MOST_OUTPUTS, Math.floor((MOST_SIDE - span) / stride) + 1, whole)) : 1;
  const first = Math.max(0, Math.min(at - Math.floor(outputs / 2), whole - outputs));
  const begin = first * stride - padding[0], end = begin + (outputs - 1) * stride + span;
  return { first, begin: Math.max(0, begin), end: Math.min(n, end), padding: [Math.max(0, -begin), Math.max(0, end - n)], inside: at < whole };
}

function sidesAt(layer, at, shape, kernel, few) {
  const { stride, padding } = layer.settings, dilation = layer.settings.dilation || [1, 1];
  const spans = kernel.map((k, axis) => dilation[axis] * (k - 1) + 1);
  if (Math.max(...spans) > MOST_SIDE) return null;
  const sides = [0, 1].map((axis) => sideAt(at[axis], shape[1 + axis], stride[axis], padding[axis], spans[axis], few));
  return sides.every((side) => side.inside) ? { sides, stride, dilation, padding: sides.map((side) => side.padding) } : null;
}

function cropOf({ data, shape }, channels, [rows, columns]) {
  const [, h, w] = shape, numbers = [];
  for (const channel of channels) {
    for (let r = rows.begin; r < rows.end; r += 1) {
      for (let c = columns.begin; c < columns.end; c += 1) numbers.push(data[(channel * h + r) * w + c]);
    }
  }
  return numbers;
}

function cutConvolution(data, moment, base) {
  const { layer, c: channel, at } = base;
  const [outputs, perGroup, kh, kw] = weightShape(data, layer.weights[0]);
  const w = parameterOf(moment, layer.weights[0]), x = inputOf(data, moment, layer);
  const few = perGroup <= MOST_CHANNELS, found = sidesAt(layer, at, x.shape, [kh, kw], few);
  if (!found) return null;
  const first = Math.floor(channel / (outputs / layer.settings.groups)) * perGroup;
  const kernelOf = (i) => w.subarray((channel * perGroup + i) * kh * kw, (channel * perGroup + i + 1) * kh * kw);
  const shape = [found.sides[0].end - found.sides[0].begin, found.sides[1].end - found.sides[1].begin];
  const all = Array.from({ length: perGroup }, (_, i) => i);
  const settings = (n) => ({
    input: [n, ...shape], filters: 1, kernel: [kh, kw], stride: found.stride, padding: found.padding, dilation: found.dilation, groups: 1,
  });
  const cell = [0, at[0] - found.sides[0].first, at[1] - found.sides[1].first];
  let kept = all;
  if (!few) {
    const parts = all.map((i) => productOf(cropOf(x, [first + i], found.sides), kernelOf(i), settings(1), cell));
    kept = heaviest(parts);
    base.rest = total(parts) - total(kept.map((i) => parts[i]));
  }
  const bias = layer.weights[1] ? parameterOf(moment, layer.weights[1])[channel] : 0;
  const channels = kept.map((i) => first + i);
  const operands = { x: cropOf(x, channels, found.sides), w: kept.flatMap((i) => Array.from(kernelOf(i))), b: [bias + base.rest] };
  return { ...base, op: "conv", settings: settings(kept.length), channels, operands, cell };
}

function cutLinear(data, moment, base) {
  const { layer, c: unit } = base;
  const w = parameterOf(moment, layer.weights[0]), x = inputOf(data, moment, layer).data;
  const row = w.subarray(unit * x.length, (unit + 1) * x.length), parts = Array.from(x, (value, i) => value * row[i]);
  const kept = heaviest(parts), rest = total(parts) - total(kept.map((i) => parts[i]));
  const bias = layer.weights[1] ? parameterOf(moment, layer.weights[1])[unit] : 0;
  return {
    ...base, op: "conv", rest, channels: kept, cell: [0, 0, 0],
    settings: { input: [kept.length, 1, 1], filters: 1, kernel: [1, 1], stride: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], groups: 1 },
    operands: { x: kept.map((i) => x[i]), w: kept.map((i) => row[i]), b: [bias + rest] },
  };
}

function cutPooling(data, moment, base) {
  const { layer, c: channel, at } = base, x = inputOf(data, moment, layer), kernel = layer.settings.kernel_size;
  const found = sidesAt(layer, at, x.shape, kernel, true);
  if (!found) return null;
  const shape = found.sides.map((side) => side.end - side.begin);
  const settings = { input: [1, ...shape], kernel, stride: found.stride, padding: found.padding, ceil_mode: false };
  if (layer.op === "max_pool2d") settings.dilation = found.dilation;
  else settings.count_include_pad = layer.settings.count_include_pad;
  return {
    ...base, op: layer.op === "max_pool2d" ? "max-pool" : "avg-pool", settings, channels: [channel],
    operands: { x: cropOf(x, [channel], found.sides) }, cell: [0, at[0] - found.sides[0].first, at[1] - found.sides[1].first],
  };
}

function cutNorm(data, moment, number, base) {
  const { layer, c: channel, at } = base, [mean, rstd] = moment.statistics[number].map(floatsOf);
  const [, h, w] = layer.maps, place = (channel * h + at[0]) * w + at[1];
  const read = (order) => inputOf(data, moment, layer, order).data[place];
  const values = [read(0), parameterOf(moment, layer.weights[0])[channel], parameterOf(moment, layer.weights[1])[channel], mean[channel], rstd[channel]];
  if (layer.from.length > 1) values.push(read(1));
  return { ...base, values };
}

/** A step that makes each number of the one in the same place of its inputs. */
function cutPlain(data, moment, base) {
  const { layer, c: channel, at } = base, [c, h, w] = layer.maps;
  const inputs = layer.from.map((_, order) => inputOf(data, moment, layer, order));
  if (inputs.some(({ data: { length } }) => length !== c * h * w) || MOVES.includes(layer.op)) return null;
  if ((layer.weights || []).length || (inputs.length < 2 && layer.op in SIGNS)) return null; // the other is a constant
  return { ...base, values: inputs.map(({ data: numbers }) => numbers[(channel * h + at[0]) * w + at[1]]) };
}

const MOVES = ["concat", "append", "index", "channel_shuffle", "pad", "transpose"];

const MOST_PRODUCTS = 54; // rows of the im2col matrix that is drawn

/** Return the window as it is drawn: of a convolution with very many products the one window alone, with fewer channels. */
function drawable(window) {
  if (window.op !== "conv") return window;
  const { settings, operands, cell } = window, [n, h, w] = settings.input, k = settings.kernel[0] * settings.kernel[1];
  const most = Math.max(1, Math.floor(MOST_PRODUCTS / k));
  if (n <= most) return window;
  const parts = partsOf(window), kept = heaviest(parts, most), others = total(parts) - total(kept.map((i) => parts[i]));
  const sides = [0, 1].map((axis) => {
    const begin = cell[1 + axis] * settings.stride[axis] - settings.padding[axis][0], size = settings.input[1 + axis];
    const end = begin + settings.dilation[axis] * (settings.kernel[axis] - 1) + 1;
    return { begin: Math.max(0, begin), end: Math.min(size, end), padding: [Math.max(0, -begin), Math.max(0, end - size)] };
  });
  const shape = sides.map((side) => side.end - side.begin);
  return {
    ...window, cell: [0, 0, 0], rest: window.rest + others, channels: kept.map((i) => window.channels[i]),
    settings: { ...settings, input: [kept.length, ...shape], padding: sides.map((side) => side.padding) },
    operands: {
      ...operands, x: cropOf({ data: operands.x, shape: [n, h, w] }, kept, sides),
      w: kept.flatMap((i) => operands.w.slice(i * k, (i + 1) * k)), b: [operands.b[0] + others],
    },
  };
}

/** Return what each channel of a crop adds to the number. */
function partsOf({ settings, operands, channels, cell }) {
  const [, h, w] = settings.input, k = settings.kernel[0] * settings.kernel[1];
  return channels.map((_, i) => productOf(operands.x.slice(i * h * w, (i + 1) * h * w), operands.w.slice(i * k, (i + 1) * k), settings, cell));
}

function heaviest(parts, most = MOST_CHANNELS) {
  return parts.map((_, i) => i).sort((a, b) => Math.abs(parts[b]) - Math.abs(parts[a]) || a - b).slice(0, most).sort((a, b) => a - b);
}

function total(numbers) {
  return numbers.reduce((sum, one) => sum + one, 0);
}

/** Return Σ x·w of one channel under one window of a crop. */
function productOf(x, w, settings, cell) {
  return total(pairsOf(x, settings, cell).map(([value, place]) => value * w[place]));
}

/** Return the numbers of one channel that lie under one window, each with its place in the kernel. */
function pairsOf(x, { input, kernel, stride, padding, dilation = [1, 1] }, cell) {
  const [, h, w] = input, found = [];
  for (let i = 0; i < kernel[0]; i += 1) {
    for (let j = 0; j < kernel[1]; j += 1) {
      const r = cell[1] * stride[0] - padding[0][0] + i * dilation[0], c = cell[2] * stride[1] - padding[1][0] + j * dilation[1];
      if (r >= 0 && r < h && c >= 0 && c < w) found.push([x[r * w + c], i * kernel[1] + j]);
    }
  }
  return found;
}
