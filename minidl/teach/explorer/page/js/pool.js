// Max and average pooling: windows within each channel. Entries of a window's taps are ordered as columns are: channel,
// tap row, tap column, window row, window column.

function judgePooling(engine, s, dilation) {
  judgePair(engine, "kernel_size", s.kernel, 1);
  judgePair(engine, "stride", s.stride, 1);
  judgePair(engine, "dilation", dilation, 1);
  judgePadding(engine, s.padding, false);
  s.padding.forEach(([front, back], axis) => {
    const half = Math.floor(s.kernel[axis] / 2);
    if (Math.max(front, back) > half) {
      throw new Refusal(
        `${engine}: padding must be at most half the kernel, ${s.kernel[axis]} // 2 = ${half}; ` +
          `received padding=${Math.max(front, back)}, kernel_size=${python(s.kernel)}`,
      );
    }
  });
  const [c, h, width] = s.input;
  const out = judgeWindows(engine, [1, c, h, width], s.kernel, s.stride, s.padding, dilation, s.ceil_mode);
  const [[top, bottom], [left, right]] = s.padding;
  judgeCells("y", c, ...out);
  judgeCells("x with its padding", c, h + top + bottom, width + left + right);
  judgeCells("the matrix of columns", c * product(s.kernel), product(out));
  return { y: [c, ...out] };
}

function pooled(m, dilation) {
  const { s, n, g } = m;
  const out = g.y.slice(1);
  m.border = coveringPadding(s.input.slice(1), s.kernel, s.stride, s.padding, dilation, out);
  m.taps = tapsOf(s.input, s.kernel, s.stride, m.border, dilation, out);
  m.pool = { K: product(s.kernel), P: product(out), C: s.input[0] };
}

const entryOf = ({ K, P }, c, k, p) => (c * K + k) * P + p;
const poolLabels = (m) => ({
  rowLabels: range(m.pool.K).map((k) => indexOf(m.s.kernel, k).join(" ")), every: 0, rowsAre: "i j", columnsAre: "oh ow",
  columnLabels: range(m.pool.P).map((p) => indexOf(m.g.y.slice(1), p).join(" ")),
});
const poolColumns = (m, array, more) => ({ array, id: `${array}-matrix`, shape: [m.pool.C, m.pool.K, m.pool.P], matrix: true, planesAre: "c", title: "windows", ...poolLabels(m), ...more });

// The tap that wins where none is larger: the first one inside the picture, in reading order.
const firstTap = (m, row, column) => place(m.s.kernel, ...[row, column].map((at, axis) => {
  const outside = m.border[axis][0] - at * m.s.stride[axis];
  return Math.min(Math.max(Math.ceil(outside / m.s.dilation[axis]), 0), m.s.kernel[axis] - 1);
}));

// Light the taps of window p of channel c.
function lightWindow(m, light, c, p, part, columns, picture = "x") {
  for (let k = 0; k < m.pool.K; k++) {
    const entry = entryOf(m.pool, c, k, p);
    light.source(picture, m.taps, entry, part);
    if (columns) light.add(columns, entry, part);
  }
  return light;
}

const windowOf = (m, flat) => {
  const [c, row, column] = indexOf(m.g.y, flat);
  return { c, p: flat % m.pool.P, row, column };
};
const windowsAround = (m, flat) => {
  const per = m.pool.K * m.pool.P;
  const first = Math.floor(flat / (m.s.input[1] * m.s.input[2])) * per;
  return range(per, first).filter((entry) => m.taps.from[entry] === flat);
};
const windowAtEntry = (m, entry) => Math.floor(entry / (m.pool.K * m.pool.P)) * m.pool.P + (entry % m.pool.P);

const poolFormula = (m, dilation) => ["H", "W"].map((letter, axis) =>
  sizeFormula(letter, m.s.input[1 + axis], m.s.kernel[axis], m.s.stride[axis], m.s.padding[axis], dilation[axis], m.g.y[1 + axis], m.s.ceil_mode));

// A pixel, or a tap: which windows it belongs to.
function traceSeen(m, array, flat, columns) {
  const light = new Light(array, flat);
  const entries = array === "x" ? windowsAround(m, flat) : [flat];
  for (const entry of entries) {
    light.add("y", windowAtEntry(m, entry), "to").add(columns, entry, "to");
    if (array !== "x") light.source("x", m.taps, entry, "from");
  }
  return light.say("seen", { cell: named(array, indexOf(m.a[array].shape, flat)), count: entries.length });
}

OPERATIONS["max-pool"] = {
  engine: "max_pool2d",
  controls: ["input", "kernel", "stride", "padding", "dilation", "ceil_mode"],
  ranges: { x: [0, 9], dy: [-2, 2] },
  operands: (s) => ({ x: s.input }),
  judge: (s) => judgePooling("max_pool2d", s, s.dilation),
  formula: (m) => poolFormula(m, m.s.dilation),
  compute(m) {
    pooled(m, m.s.dilation);
    const { K, P, C } = m.pool;
    const [y, winners, dx] = [zeros(m.g.y), zeros(m.g.y), zeros(m.s.input)];
    const cols = { shape: [C, K, P], data: copied(m.n.x.data, m.taps.from, -Infinity) };
    for (let flat = 0; flat < y.data.length; flat++) {
      const { c, p, row, column } = windowOf(m, flat);
      let best = firstTap(m, row, column);
      for (let k = 0; k < K; k++) {
        if (cols.data[entryOf(m.pool, c, k, p)] > cols.data[entryOf(m.pool, c, best, p)]) best = k;
      }
      winners.data[flat] = best;
      y.data[flat] = cols.data[entryOf(m.pool, c, best, p)];
      const at = m.taps.from[entryOf(m.pool, c, best, p)];
      if (at >= 0) dx.data[at] += m.n.dy.data[flat];
    }
    return { ...m.n, cols, y, winners, dx };
  },
  views: {
    forward: {
      panels: (m) => [
        [planes("x", { border: m.border, editable: true }), planes("y", { before: "max →", result: true }), planes("winners", { result: true })],
        [poolColumns(m, "cols", { borderIs: "−∞" })],
      ],
      steps: throughCells("y"),
      trace(m, array, flat) {
        if (array !== "y" && array !== "winners") return traceSeen(m, array, flat, "cols");
        const light = new Light(array, flat);
        const { c, p, row, column } = windowOf(m, flat);
        lightWindow(m, light, c, p, "from", "cols").add("y", flat, "to").add("winners", flat, "to");
        const entries = range(m.pool.K).map((k) => entryOf(m.pool, c, k, p));
        const ties = entries.filter((entry) => m.a.cols.data[entry] === m.a.y.data[flat]);
        const won = entries[m.a.winners.data[flat]];
        light.source("x", m.taps, won, "won").add("cols", won, "won");
        const seen = entries.filter((entry) => m.taps.from[entry] >= 0).map((entry) => [m.a.cols.data[entry]]);
        light.line(named("y", [c, row, column]), seen, m.a.y.data[flat], "max");
        const [i, j] = indexOf(m.s.kernel, m.a.winners.data[flat]);
        return light.say(ties.length > 1 ? "max_tie" : "max", { row, column, i, j, count: ties.length });
      },
    },
    dx: {
      panels: (m) => [
        [planes("dy", { editable: true }), planes("winners"), planes("dx", { before: "→", border: m.border, result: true }), planes("x", { border: m.border, editable: true })],
      ],
      steps: throughCells("dy"),
      partial: (m, flat) => {
        const dx = zeros(m.s.input);
        for (let one = 0; one <= flat; one++) {
          const entry = entryOf(m.pool, Math.floor(one / m.pool.P), m.a.winners.data[one], one % m.pool.P);
          if (m.taps.from[entry] >= 0) dx.data[m.taps.from[entry]] += m.a.dy.data[one];
        }
        return { dx };
      },
      trace(m, array, flat) {
        const light = new Light(array, flat);
        const wonBy = (window) => entryOf(m.pool, Math.floor(window / m.pool.P), m.a.winners.data[window], window % m.pool.P);
        if (array === "dy" || array === "winners") {
          const { c, p, row, column } = windowOf(m, flat);
          lightWindow(m, light, c, p, "from");
          light.source("dx", m.taps, wonBy(flat), "to").source("x", m.taps, wonBy(flat), "won");
          light.add("winners", flat, "from").add("dy", flat, "from");
          const at = m.taps.from[wonBy(flat)];
          const to = at < 0 ? say("trace.border") : named("dx", indexOf(m.s.input, at));
          return light.say("max_back", { row, column, value: short(m.a.dy.data[flat]), to });
        }
        const windows = windowsAround(m, flat).map((entry) => windowAtEntry(m, entry));
        const won = windows.filter((window) => m.taps.from[wonBy(window)] === flat);
        for (const window of won) light.add("dy", window, "from").add("winners", window, "from");
        light.add("dx", flat, "to").add("x", flat, "from");
        light.line(named("dx", indexOf(m.s.input, flat)), won.map((window) => [m.a.dy.data[window]]), m.a.dx.data[flat]);
        return light.say("max_won", { cell: named("x", indexOf(m.s.input, flat)), seen: windows.length, won: won.length });
      },
    },
  },
  code: (s) =>
    `ops.max_pool2d(x, ${python(s.kernel)}, stride=${python(s.stride)}, padding=${python(s.padding)}, ` +
    `dilation=${python(s.dilation)}, ceil_mode=${python(s.ceil_mode)})`,
};

OPERATIONS["avg-pool"] = {
  engine: "avg_pool2d",
  controls: ["input", "kernel", "stride", "padding", "ceil_mode", "count_include_pad"],
  ranges: { x: [0, 9], dy: [-2, 2] },
  operands: (s) => ({ x: s.input }),
  judge: (s) => judgePooling("avg_pool2d", s, [1, 1]),
  formula: (m) => poolFormula(m, [1, 1]),
  compute(m) {
    pooled(m, [1, 1]);
    const { K, P, C } = m.pool;
    const { s } = m;
    const [y, share, counts, dx] = [zeros(m.g.y), zeros(m.g.y), zeros(m.g.y), zeros(s.input)];
    const cols = { shape: [C, K, P], data: copied(m.n.x.data, m.taps.from) };
    for (let flat = 0; flat < y.data.length; flat++) {
      const { c, p, row, column } = windowOf(m, flat);
      const spans = [row, column].map((at, axis) => {
        const [size, [front, back]] = [s.input[1 + axis], s.padding[axis]];
        const start = at * s.stride[axis] - front;
        const end = Math.min(start + s.kernel[axis], size + back);
        return s.count_include_pad ? end - start : Math.min(end, size) - Math.max(start, 0);
      });
      counts.data[flat] = product(spans);
      y.data[flat] = sum(range(K).map((k) => cols.data[entryOf(m.pool, c, k, p)])) / counts.data[flat];
      share.data[flat] = m.n.dy.data[flat] / counts.data[flat];
      for (let k = 0; k < K; k++) {
        const at = m.taps.from[entryOf(m.pool, c, k, p)];
        if (at >= 0) dx.data[at] += share.data[flat];
      }
    }
    return { ...m.n, cols, y, counts, share, dx };
  },
  views: {
    forward: {
      panels: (m) => [
        [planes("x", { border: m.border, editable: true }), planes("y", { before: "→", result: true }), planes("counts")],
        [poolColumns(m, "cols")],
      ],
      steps: throughCells("y"),
      trace(m, array, flat) {
        if (array !== "y" && array !== "counts") return traceSeen(m, array, flat, "cols");
        const light = new Light(array, flat);
        const { c, p, row, column } = windowOf(m, flat);
        lightWindow(m, light, c, p, "from", "cols").add("counts", flat, "from").add("y", flat, "to");
        const terms = range(m.pool.K).map((k) => entryOf(m.pool, c, k, p)).filter((entry) => m.taps.from[entry] >= 0).map((entry) => [m.a.cols.data[entry]]);
        const total = sum(terms.map(([one]) => one));
        light.line("Σ", terms, total);
        light.line(named("y", [c, row, column]), [[whole(`${short(total)} / ${m.a.counts.data[flat]}`, total / m.a.counts.data[flat])]], m.a.y.data[flat]);
        return light.say("average", { row, column, count: m.a.counts.data[flat] });
      },
    },
    dx: {
      panels: (m) => [
        [planes("dy", { editable: true }), planes("counts", { before: "÷" }), planes("share", { before: "=" }), planes("dx", { before: "→", border: m.border, result: true })],
      ],
      steps: throughCells("dx"),
      trace(m, array, flat) {
        const light = new Light(array, flat);
        if (array !== "dx") {
          const { c, p } = windowOf(m, flat);
          lightWindow(m, light, c, p, "to", null, "dx").add("dy", flat, "from").add("counts", flat, "from").add("share", flat, "from");
          const [dy, count] = [m.a.dy.data[flat], m.a.counts.data[flat]];
          light.line(named("share", indexOf(m.g.y, flat)), [[whole(`${signed(dy)} / ${count}`, dy / count)]], m.a.share.data[flat]);
          return light.say("share", { count });
        }
        const windows = windowsAround(m, flat).map((entry) => windowAtEntry(m, entry));
        for (const window of windows) light.add("share", window, "from").add("dy", window, "from").add("counts", window, "from");
        light.line(named("dx", indexOf(m.s.input, flat)), windows.map((window) => [m.a.share.data[window]]), m.a.dx.data[flat]);
        return light.say("shares", { cell: named("dx", indexOf(m.s.input, flat)), count: windows.length });
      },
    },
  },
  code: (s) =>
    `ops.avg_pool2d(x, ${python(s.kernel)}, stride=${python(s.stride)}, padding=${python(s.padding)}, ` +
    `ceil_mode=${python(s.ceil_mode)}, count_include_pad=${python(s.count_include_pad)})`,
};
