// sum.js: how one number was made, in words and numbers.

const SIGNS = { add: " + ", subtract: " − ", multiply: " · ", divide: " / ", scale_channels: " · " };

/** Return elements that tell how the number of a window was made. */
function tellSum(window) {
  const y = short(window.y, 6);
  if (window.op === "conv") return tellProducts(window, y);
  if (window.op === "max-pool" || window.op === "avg-pool") return tellPooling(window, y);
  if (window.op === "lrn") return tellResponse(window, y);
  if (window.layer.op === "batch_norm_eval") return tellNorm(window, y);
  return [formula(`${tellPlain(window.layer, window.values)} = ${y}`)];
}

function formula(text) {
  return make("p", { class: "sum" }, make("code", {}, text));
}

/** Write a number inside of a product or a sum: what is below 0 in brackets. */
function inside(value) {
  return value < 0 ? `(${short(value)})` : short(value);
}

function tellProducts(window, y) {
  const { operands, channels, rest, layer } = window, parts = partsOf(window);
  const bias = operands.b[0] - rest;
  const rows = parts.map((part, i) => make("tr", {}, make("td", {}, say(layer.op === "linear" ? "input_n" : "channel_n", { n: channels[i] })), make("td", {}, short(part, 6))));
  if (rest !== 0) rows.push(make("tr", {}, make("td", {}, say("all_others")), make("td", {}, short(rest, 6))));
  if ((layer.weights || []).length > 1) rows.push(make("tr", {}, make("td", {}, say("bias")), make("td", {}, short(bias, 6))));
  rows.push(make("tr", { class: "chosen" }, make("td", {}, "y"), make("td", {}, y)));
  const head = make("tr", {}, make("th", { scope: "col" }, say("adds")), make("th", { scope: "col" }, "Σ x·w"));
  return [make("div", { class: "sum" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)))];
}

function tellPooling({ op, settings, operands, cell }, y) {
  const values = pairsOf(operands.x, settings, cell).map(([value]) => value);
  const listed = values.map((value) => short(value));
  if (op === "max-pool") return [formula(`max(${listed.join(", ")}) = ${y}`)];
  const count = settings.count_include_pad ? settings.kernel[0] * settings.kernel[1] : values.length;
  return [formula(`(${values.map(inside).join(" + ")}) / ${count} = ${y}`)];
}

function tellResponse({ settings, operands, cell }, y) {
  const { alpha, beta, k } = settings, x = operands.x;
  const squares = x.map((value) => `${inside(value)}²`).join(" + ");
  return [formula(`${inside(x[cell[0]])} / (${k} + ${short(alpha)} · (${squares}))^${beta} = ${y}`)];
}

function tellNorm({ values, layer }, y) {
  const [x, w, b, mean, rstd, residual] = values;
  const line = `${inside(w)} · (${short(x)} − ${inside(mean)}) · ${short(rstd)} + ${inside(b)}`;
  const joined = residual === undefined ? line : `${line} + ${inside(residual)}`;
  const { activation } = layer.settings || {};
  const names = ["w", "x", "mean", "1/σ", "b", ...(residual === undefined ? [] : [say("shortcut")])];
  return [
    make("p", { class: "quiet small" }, activation ? say("norm_then", { activation }) : say("norm_plain"), ` ${names.join(", ")}`),
    formula(`${activation ? `${activation}(${joined})` : joined} = ${y}`),
  ];
}

function tellPlain(layer, values) {
  const activation = layer.settings && layer.settings.activation;
  if (layer.op === "add_relu") return `relu(${values.map(inside).join(" + ")})`;
  if (layer.op in SIGNS && values.length > 1) {
    const text = values.map(inside).join(SIGNS[layer.op]);
    return activation ? `${activation}(${text})` : text;
  }
  if (layer.op === "relu") return `max(0, ${short(values[0])})`;
  return `${layer.op}(${values.map((value) => short(value)).join(", ")})`;
}
