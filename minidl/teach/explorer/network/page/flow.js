// flow.js: the layers as columns from left to right, and the ways between them.

const GAP = 34; // between columns
const LANE_GAP = 18;
const SKY = 9; // of a level of shortcuts above a lane
const PORT = 22; // where ways go into a cell, from its top
const PICTURE = -1;
const MOST_ANSWERS = 10;

/** Draw the flow into an element; returns { paint(view), select(layer) }. */
function makeFlow(data, on) {
  const heads = Object.entries(data.ends);
  const plans = data.layers.map((layer) => mosaic(layer));
  const place = layOut(data, plans, heads);
  const stage = make("div", { class: "stage", style: `width:${place.width}px;height:${place.height}px` });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("width", place.width);
  svg.setAttribute("height", place.height);
  svg.setAttribute("aria-hidden", "true");
  stage.append(svg);
  stage.append(pictureCell(data, place));
  const cells = data.layers.map((layer, number) => layerCell(layer, number, plans[number], place.cells[number], on));
  stage.append(...cells.map((cell) => cell.element));
  const answers = heads.map(([name], order) => answerCell(data, name, place.answers[order], on));
  stage.append(...answers.map((cell) => cell.element));
  const flow = make("div", { class: "flow", role: "group", "aria-label": say("flow_label"), tabindex: "-1" }, stage);
  const shown = new Set();
  let view = null;
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const number = Number(entry.target.dataset.layer);
      if (entry.isIntersecting) shown.add(number);
      else shown.delete(number);
      if (entry.isIntersecting && view) cells[number].paint(view);
    }
  }, { root: flow, rootMargin: "300px" });
  for (const cell of cells) watcher.observe(cell.element);
  arrowKeys(data, cells, on);
  return {
    element: flow,
    paint(next) {
      view = next;
      drawWays(svg, data, place, view);
      for (const cell of cells) cell.tell(view);
      for (const number of shown) cells[number].paint(view);
      for (const cell of answers) cell.tell(view);
    },
    select(number, scroll) {
      cells.forEach((cell, other) => {
        cell.element.setAttribute("aria-current", other === number);
        cell.element.tabIndex = other === number ? 0 : -1;
      });
      if (scroll) cells[number].element.scrollIntoView({ block: "nearest", inline: "center" });
    },
    focus: (number) => cells[number].element.focus(),
  };
}

/** Give every layer a rectangle: a column is as wide as its widest cell, a lane as high as its highest. */
function layOut(data, plans, heads) {
  const columns = [], lanes = [];
  const sizes = data.layers.map((layer, number) => {
    const width = Math.max(plans[number].width, 88, 8 * layer.op.length) + 16, height = plans[number].height + 104;
    columns[layer.column] = Math.max(columns[layer.column] || 0, width);
    lanes[layer.lane] = Math.max(lanes[layer.lane] || 0, height);
    return [width, height];
  });
  const skips = skipsOf(data);
  columns[0] = 110;
  lanes[0] = Math.max(lanes[0] || 0, 150);
  const left = [], top = [];
  let x = 14;
  for (let column = 0; column < columns.length; column += 1) {
    left[column] = x;
    x += (columns[column] || 0) + GAP;
  }
  let y = 12;
  for (let lane = 0; lane < lanes.length; lane += 1) {
    y += (skips.levels[lane] || 0) * SKY + ((skips.levels[lane] || 0) && 8);
    top[lane] = y;
    y += (lanes[lane] || 0) + LANE_GAP;
  }
  const cells = data.layers.map((layer, number) => ({
    x: left[layer.column], y: top[layer.lane], width: sizes[number][0], height: sizes[number][1], edge: columns[layer.column],
  }));
  const most = Math.min(MOST_ANSWERS, data.classes.length);
  const answers = heads.map(([, end]) => ({ x: cells[end].x + columns[data.layers[end].column] + GAP, y: cells[end].y, width: 190 }));
  const low = Math.max(...answers.map((cell) => cell.y + 40 + most * 25));
  return {
    cells, answers, left, top, skips,
    picture: { x: left[0], y: top[0], width: 110 },
    width: Math.max(x, ...answers.map((cell) => cell.x + cell.width + 14)),
    height: Math.max(y, low + 12),
  };
}

/** Find the ways that pass by other layers of their lane, and give each a level above it. */
function skipsOf(data) {
  const taken = {}; // lane -> columns with a layer
  for (const layer of data.layers) (taken[layer.lane] ||= []).push(layer.column);
  for (const lane of Object.keys(taken)) taken[lane].sort((a, b) => a - b);
  const found = new Map(), busy = {}, levels = {};
  const spans = [];
  data.layers.forEach((layer, number) => {
    layer.from.forEach((source, order) => {
      const from = source === PICTURE ? { column: 0, lane: 0 } : data.layers[source];
      const between = firstAbove(taken[from.lane] || [], from.column);
      if (between !== undefined && between < layer.column) spans.push([from.column, layer.column, from.lane, `${number}.${order}`]);
    });
  });
  spans.sort((a, b) => (a[1] - a[0]) - (b[1] - b[0]) || a[0] - b[0]);
  for (const [begin, end, lane, key] of spans) {
    const rows = (busy[lane] ||= []);
    let level = rows.findIndex((row) => row.every(([a, b]) => end <= a || b <= begin));
    if (level < 0) level = rows.push([]) - 1;
    rows[level].push([begin, end]);
    found.set(key, level);
    levels[lane] = Math.max(levels[lane] || 0, level + 1);
  }
  return { of: found, levels };
}

function firstAbove(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > value) high = middle;
    else low = middle + 1;
  }
  return sorted[low];
}

/** Draw all ways; in the backward view they are as wide as the gradient that comes back on them is large. */
function drawWays(svg, data, place, view) {
  const skip = [], plain = [];
  const back = view.back;
  const all = back ? back.shares.flat().filter((share) => share > 0).map(Math.log10) : [];
  const low = Math.min(...all), high = Math.max(...all);
  const width = (share) => !back ? 1.5 : share > 0 ? 1 + (high > low ? 4 * (Math.log10(share) - low) / (high - low) : 2) : 0.5;
  data.layers.forEach((layer, number) => {
    layer.from.forEach((source, order) => {
      const level = place.skips.of.get(`${number}.${order}`);
      const thick = width(back ? back.shares[number][order] : 0);
      (level === undefined ? plain : skip).push([wayOf(data, place, source, number, level), thick.toFixed(2)]);
    });
  });
  Object.entries(data.ends).forEach(([, end], order) => {
    const from = place.cells[end], to = place.answers[order];
    plain.push([`M${from.x + from.width} ${from.y + PORT}H${to.x}`, "1.50"]);
  });
  const lines = (name, ways) => ways.map(([path, thick]) => `<path class="edge ${name}" d="${path}" stroke-width="${thick}" style="stroke-width:${thick}"/>`);
  const tips = back ? [] : data.layers.map((layer, number) => {
    const { x, y } = place.cells[number];
    return `<path class="tip" d="M${x} ${y + PORT}l-7 -4v8z"/>`;
  });
  const backTips = back ? data.layers.map((layer, number) => {
    const { x, y, width: w } = place.cells[number];
    return `<path class="tip" d="M${x + w} ${y + PORT}l7 -4v8z"/>`;
  }) : [];
  svg.innerHTML = [...lines("", plain), ...lines("skip", skip), ...tips, ...backTips].join("");
}

function wayOf(data, place, source, number, level) {
  const from = source === PICTURE ? { ...place.picture, edge: 110 } : place.cells[source], to = place.cells[number];
  const y0 = from.y + PORT, y1 = to.y + PORT, x0 = from.x + from.width, x1 = to.x;
  if (level === undefined) return y0 === y1 ? `M${x0} ${y0}H${x1}` : `M${x0} ${y0}H${x1 - 18}${bend(x1 - 18, y0, y1)}H${x1}`;
  const lane = source === PICTURE ? 0 : data.layers[source].lane;
  const sky = place.top[lane] - 8 - level * SKY, out = from.x + from.edge + 8 + (level % 4) * 3, into = x1 - 12 - (level % 4) * 3;
  return `M${x0} ${y0}H${out - 4}Q${out} ${y0} ${out} ${y0 - 4}V${sky + 5}Q${out} ${sky} ${out + 5} ${sky}H${into - 5}` +
    `Q${into} ${sky} ${into} ${sky + 5}V${y1 - 4}Q${into} ${y1} ${into + 4} ${y1}H${x1}`;
}

function bend(x, y0, y1) {
  const turn = Math.sign(y1 - y0) * Math.min(6, Math.abs(y1 - y0) / 2);
  return `Q${x} ${y0} ${x} ${y0 + turn}V${y1 - turn}Q${x} ${y1} ${x + 6} ${y1}`;
}

function pictureCell(data, { picture }) {
  const [, h, w] = data.input;
  const side = 92;
  const image = make("img", { src: data.picture, alt: say("picture_alt", { title: data.title }), width: Math.round(side * Math.min(1, w / h)), height: Math.round(side * Math.min(1, h / w)) });
  return make("div", { class: "cell answers", style: `left:${picture.x}px;top:${picture.y}px;width:${picture.width}px` },
    make("span", { class: "op" }, say("picture")), image, make("span", { class: "facts" }, sizesOf(data.input)));
}

/** Make the cell of a layer: its name, its maps, its shape, what it costs, and in the backward view its gradient. */
function layerCell(layer, number, plan, box, on) {
  const canvas = make("canvas", { width: plan.width, height: plan.height });
  const costs = [layer.parameters ? say("parameters_short", { n: many(layer.parameters) }) : "", layer.macs ? say("macs_short", { n: many(layer.macs) }) : ""];
  const costLines = [0, 1].map(() => make("span", { class: "facts" }));
  const meter = make("div", { class: "meter" }, make("i"));
  const element = make("button", {
    class: "cell", type: "button", "data-layer": number, tabindex: number ? -1 : 0, onclick: () => on.layer(number),
    style: `left:${box.x}px;top:${box.y}px;width:${box.width}px;height:${box.height}px`,
  }, make("span", { class: "op" }, layer.op), make("span", { class: "path" }, endOf(layer.path, (box.width - 16) / 6.2)), canvas,
  make("span", { class: "facts" }, sizesOf(layer.shape)), ...costLines, meter);
  canvas.setAttribute("aria-hidden", "true");
  let painted = null;
  return {
    element,
    tell(view) {
      const norm = view.back ? view.back.norms[number] : null;
      const words = view.back ? [norm === 0 ? say("no_gradient") : say("norm_short", { n: short(norm, 3) })] : costs.filter(Boolean);
      costLines.forEach((line, order) => (line.textContent = words[order] || ""));
      meter.hidden = !view.back;
      if (view.back) meter.firstChild.style.width = `${100 * view.level(norm)}%`;
      element.setAttribute("aria-label", `${layer.op} ${layer.path}, ${sizesOf(layer.shape)}, ${words.join(", ")}`);
      element.title = `${layer.path} ${layer.op}`;
    },
    paint(view) {
      const maps = (view.back ? view.back.maps : view.moment.maps)[number];
      if (painted === maps && painted && canvas.dataset.ink === INK.zero.join()) return;
      painted = maps;
      canvas.dataset.ink = INK.zero.join();
      paintMosaic(canvas, plan, mapsOf(maps));
    },
  };
}

/** Return the end of a path that there is room for. */
function endOf(path, room) {
  return path.length <= room ? path || "\u00a0" : `…${path.slice(1 - Math.floor(room))}`;
}

/** Make the cell of an answer: the likeliest classes as bars. */
function answerCell(data, head, box, on) {
  const title = make("span", { class: "op" }, head === "main" ? say("answer") : say("answer_of", { head }));
  const list = make("div", { role: "group", "aria-label": title.textContent });
  const element = make("div", { class: "cell answers", style: `left:${box.x}px;top:${box.y}px;width:${box.width}px` }, title, list);
  return {
    element,
    tell(view) {
      const p = softmax(view.moment.heads[head]);
      const order = p.map((_, index) => index).sort((a, b) => p[b] - p[a]).slice(0, MOST_ANSWERS);
      list.replaceChildren(...order.map((index) => {
        const name = data.classes[index], share = percent(p[index]);
        return make("button", {
          type: "button", title: name, "aria-pressed": index === view.label && head === view.head, onclick: () => on.answer(index, head),
        }, make("span", {}, name), make("span", { class: "number" }, share),
        make("span", { class: "share" }, make("i", { style: `width:${100 * p[index]}%` })));
      }));
    },
  };
}

/** Let arrow keys walk from layer to layer, along the columns and between the lanes. */
function arrowKeys(data, cells, on) {
  const near = (number, columns, lanes) => {
    const { column, lane } = data.layers[number];
    let best = null, least = Infinity;
    data.layers.forEach((other, index) => {
      const across = (other.column - column) * columns, down = (other.lane - lane) * lanes;
      if ((columns && across <= 0) || (lanes && (down <= 0 || other.column !== column))) return;
      const far = columns ? across * 100 + Math.abs(other.lane - lane) : down;
      if (far < least) [best, least] = [index, far];
    });
    return best;
  };
  const moves = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  cells.forEach((cell, number) => cell.element.addEventListener("keydown", (event) => {
    let next = null;
    if (event.key in moves) next = near(number, ...moves[event.key]);
    else if (event.key === "Home") next = 0;
    else if (event.key === "End") next = cells.length - 1;
    else return;
    event.preventDefault();
    if (next === null) return;
    on.layer(next);
    cells[next].element.focus();
  }));
}

function softmax(logits) {
  const top = Math.max(...logits.filter((z) => z !== null));
  const powers = logits.map((z) => (z === null ? NaN : Math.exp(z - top)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function percent(share) {
  return Number.isFinite(share) ? `${share >= 0.0995 ? (100 * share).toFixed(0) : Number((100 * share).toPrecision(2))} %` : say("not_finite");
}
