// Convolution, depthwise convolution and transposed convolution.

// How arrays of a convolution are drawn: as pictures, and as matrices with a plane for each group.
const planes = (array, more) => ({ array, ...more });
const columnLabels = (tie) => ({
  rowLabels: range(tie.K).map((k) => indexOf([tie.channels, ...tie.kernel], k).join(" ")),
  columnLabels: range(tie.P).map((p) => indexOf(tie.smallShape.slice(1), p).join(" ")),
  every: tie.kernel[0] * tie.kernel[1],
  rowsAre: "c i j",
  columnsAre: "oh ow",
});
const colsPanel = (tie, array, more) => ({ array, id: `${array}-matrix`, shape: colsShape(tie), matrix: true, ...columnLabels(tie), ...more });
const weightRows = (tie, more) => ({ array: "w", id: "w-rows", shape: [tie.groups, tie.each, tie.K], matrix: true, every: 0, title: "w_rows", ...more });
const weightColumns = (tie, more) => ({
  array: "w", id: "w-columns", shape: [tie.groups, tie.K, tie.each], matrix: true, title: "w_columns",
  at: (group, k, o) => (group * tie.each + o) * tie.K + k,
  where: (flat) => [Math.floor(flat / (tie.each * tie.K)), flat % tie.K, Math.floor(flat / tie.K) % tie.each], columnLabels: range(tie.each).map((o) => `o ${o}`),
  rowLabels: columnLabels(tie).rowLabels, every: tie.kernel[0] * tie.kernel[1], rowsAre: "c i j", ...more,
});
const rowsOf = (tie, array, more) => ({
  array, id: `${array}-rows`, shape: [tie.groups, tie.each, tie.P], matrix: true, title: "rows",
  columnLabels: columnLabels(tie).columnLabels, rowLabels: range(tie.each).map((o) => `o ${o}`), rowsAre: "", ...more,
});

const gatherPanels = (m, tie, { big, small, cols, bias }, operands) => [
  [
    planes(big, { border: tie.padding, editable: true }),
    planes("w", { before: "∗", editable: true }),
    ...(bias ? [planes("b", { before: "+", editable: true, column: true })] : []),
    planes(small, { before: "=", result: true }),
  ],
  [weightRows(tie)],
  [colsPanel(tie, cols, { before: "·" })],
  [rowsOf(tie, small, { before: bias ? "+ b =" : "=", result: true })],
];
const scatterPanels = (m, tie, { big, small, cols, bias }) => [
  [
    planes(small, { editable: true }),
    ...(bias ? [planes("w", { editable: true }), planes("b", { editable: true, column: true })] : []),
    planes(big, { border: tie.padding, before: bias ? "col2im + b →" : "col2im →", result: true }),
    planes("coverage"),
  ],
  [rowsOf(tie, small)],
  [weightColumns(tie), colsPanel(tie, cols, { before: `· ${small} =`, result: true, title: "scattered" })],
];
const correlatePanels = (m, tie, { big, small, cols }) => [
  [
    planes(small, { editable: true }),
    planes(big, { border: tie.padding, editable: true }),
    planes("dw", { result: true, before: "→" }),
    planes("db", { result: true, column: true }),
  ],
  [rowsOf(tie, small)],
  [colsPanel(tie, cols, { before: "·", title: "turned" })],
];

// Steps of a view: a result cell after the other, or with `adds` a copy after the other that is added back.
const throughCells = (...arrays) => (m) => arrays.flatMap((array) => range(m.a[array].data.length).map((flat) => [array, flat]));
const throughCopies = (tieOf, cols) => (m) =>
  Array.from(tieOf(m).taps.from.keys()).filter((entry) => tieOf(m).taps.from[entry] >= 0).map((entry) => [cols, entry]);

function convolutionLike(engine, controls, operands, groupsOf) {
  const names = { big: "x", small: "y", cols: "cols", bias: true };
  const back = { big: "dx", small: "dy", cols: "dcols" };
  const tieOf = (m) => m.tie;
  return {
    engine, controls, operands,
    ranges: { x: [0, 9], w: [-2, 2], b: [-2, 2], dy: [-2, 2] },
    judge(s, shapes) {
      const groups = groupsOf(s);
      judgeCount(engine, "groups", groups, 1);
      judgePair(engine, "stride", s.stride, 1);
      judgePair(engine, "dilation", s.dilation, 1);
      judgePadding(engine, s.padding, true);
      judgeWeights(engine, shapes.w, "O, C/G, KH, KW");
      if (shapes.x[0] !== shapes.w[1] * groups) {
        throw new Refusal(
          `${engine}: x has ${shapes.x[0]} channels but w expects ${shapes.w[1] * groups} (w.shape[1] * groups = ` +
            `${shapes.w[1]} * ${groups}); x.shape=${python([1, ...shapes.x])}, w.shape=${python(shapes.w)}`,
        );
      }
      judgeDivides(engine, "groups", groups, "w.shape[0]", shapes.w[0]);
      const out = judgeWindows(engine, [1, ...shapes.x], s.kernel, s.stride, s.padding, s.dilation);
      judgeCells("y", shapes.w[0], ...out);
      const [[top, bottom], [left, right]] = s.padding;
      judgeCells("x with its padding", shapes.x[0], shapes.x[1] + top + bottom, shapes.x[2] + left + right);
      judgeCells("the matrix of columns", shapes.x[0] * product(s.kernel), product(out));
      return { y: [shapes.w[0], ...out] };
    },
    formula: (m) => ["H", "W"].map((letter, axis) =>
      sizeFormula(letter, m.s.input[1 + axis], m.s.kernel[axis], m.s.stride[axis], m.s.padding[axis], m.s.dilation[axis], m.g.y[1 + axis])),
    compute(m) {
      const { s, n } = m;
      const tie = (m.tie = tied(n.x.shape, m.g.y, s.kernel, s.stride, s.padding, s.dilation, groupsOf(s)));
      const cols = { shape: colsShape(tie), data: copied(n.x.data, tie.taps.from) };
      const dcols = scattered(tie, n.w.data, n.dy.data);
      const ones = addedBack(tie.bigShape, tie.taps.from, new Float64Array(tie.taps.from.length).fill(1));
      return {
        ...n, cols, dcols,
        y: gathered(tie, n.w.data, cols.data, n.b.data),
        dx: addedBack(n.x.shape, tie.taps.from, dcols.data),
        dw: correlated(tie, n.dy.data, cols.data, n.w.shape),
        db: channelSums(n.dy),
        coverage: filled(tie.bigShape.slice(1), ones.data.slice(0, tie.bigShape[1] * tie.bigShape[2])),
      };
    },
    views: {
      forward: {
        panels: (m) => gatherPanels(m, m.tie, names), steps: throughCells("y"),
        trace: (m, array, flat) => traceGather(m, m.tie, names, array, flat),
      },
      dx: {
        panels: (m) => scatterPanels(m, m.tie, back), steps: throughCopies(tieOf, "dcols"),
        partial: (m, entry) => ({ dx: addedBack(m.a.dx.shape, m.tie.taps.from, m.a.dcols.data, entry + 1) }),
        trace: (m, array, flat) => traceScatter(m, m.tie, back, array, flat),
      },
      dw: {
        panels: (m) => correlatePanels(m, m.tie, { ...names, small: "dy" }), steps: throughCells("dw", "db"),
        trace: (m, array, flat) => traceCorrelate(m, m.tie, { ...names, small: "dy" }, array, flat),
      },
    },
    facts(m) {
      const { tie } = m;
      const [all, dense] = [tie.smallShape[0] * tie.K * tie.P, tie.smallShape[0] * tie.K * tie.groups * tie.P];
      const values = { o: tie.smallShape[0], k: tie.K, p: tie.P, all: all.toLocaleString("en"), dense: dense.toLocaleString("en"), groups: tie.groups };
      const missed = m.a.coverage.data.filter((one) => one === 0).length;
      return [say(tie.groups > 1 ? "facts.grouped" : "facts.products", values), ...(missed ? [say("facts.missed", { missed })] : [])];
    },
    code: (s) => `ops.conv2d(x, w, b, stride=${python(s.stride)}, padding=${python(s.padding)}, dilation=${python(s.dilation)}, groups=${groupsOf(s)})`,
  };
}

const SLIDING = ["kernel", "stride", "padding", "dilation"];

OPERATIONS.conv = convolutionLike(
  "conv2d",
  ["input", "filters", ...SLIDING, "groups"],
  (s) => ({
    x: s.input,
    w: [s.filters, s.groups >= 1 ? Math.floor(s.input[0] / s.groups) : s.input[0], ...s.kernel],
    b: [s.filters],
  }),
  (s) => s.groups,
);

OPERATIONS.depthwise = convolutionLike(
  "conv2d",
  ["input", "multiplier", ...SLIDING],
  (s) => ({ x: s.input, w: [s.input[0] * s.multiplier, 1, ...s.kernel], b: [s.input[0] * s.multiplier] }),
  (s) => s.input[0],
);

OPERATIONS["conv-transpose"] = {
  engine: "conv_transpose2d",
  controls: ["input", "filters", ...SLIDING, "output_padding", "groups"],
  ranges: { x: [0, 9], w: [-2, 2], b: [-2, 2], dy: [-2, 2] },
  operands(s) {
    if (s.groups >= 1) judgeDivides("explore", "groups", s.groups, "filters", s.filters);
    return { x: s.input, w: [s.input[0], s.groups >= 1 ? s.filters / s.groups : s.filters, ...s.kernel], b: [s.filters] };
  },
  judge(s, shapes) {
    judgeWeights("conv_transpose2d", shapes.w, "C, O/G, KH, KW");
    judgeCount("conv_transpose2d", "groups", s.groups, 1);
    judgePair("conv_transpose2d", "stride", s.stride, 1);
    judgePair("conv_transpose2d", "dilation", s.dilation, 1);
    judgePair("conv_transpose2d", "output_padding", s.output_padding, 0);
    judgePadding("conv_transpose2d", s.padding, false);
    judgeDivides("conv_transpose2d", "groups", s.groups, "w.shape[0]", shapes.w[0]);
    const out = judgeTransposed("conv_transpose2d", [1, ...shapes.x], s.kernel, s.stride, s.padding, s.dilation, s.output_padding);
    judgeCells("y", s.filters, ...out);
    judgeCells("the matrix of columns", s.filters * product(s.kernel), product(s.input.slice(1)));
    return { y: [s.filters, ...out] };
  },
  formula: (m) => ["H", "W"].map((letter, axis) => {
    const [size, [front, back], { stride, dilation, kernel, output_padding: more }] = [m.s.input[1 + axis], m.s.padding[axis], m.s];
    return (
      `O${letter} = (${letter} − 1) · stride − padding + dilation · (K${letter} − 1) + output_padding + 1 = ` +
      `(${size} − 1) · ${stride[axis]} − (${front} + ${back}) + ${dilation[axis]} · (${kernel[axis]} − 1) + ${more[axis]} + 1 = ${m.g.y[1 + axis]}`
    );
  }),
  compute(m) {
    const { s, n } = m;
    const tie = (m.tie = tied(m.g.y, n.x.shape, s.kernel, s.stride, s.padding, s.dilation, s.groups));
    const cols = scattered(tie, n.w.data, n.x.data);
    const dycols = { shape: colsShape(tie), data: copied(n.dy.data, tie.taps.from) };
    const y = addedBack(m.g.y, tie.taps.from, cols.data);
    const area = m.g.y[1] * m.g.y[2];
    const ones = addedBack(tie.bigShape, tie.taps.from, new Float64Array(tie.taps.from.length).fill(1));
    y.data.forEach((one, flat) => (y.data[flat] = one + n.b.data[Math.floor(flat / area)]));
    return {
      ...n, cols, dycols, y,
      dx: gathered(tie, n.w.data, dycols.data),
      dw: correlated(tie, n.x.data, dycols.data, n.w.shape),
      db: channelSums(n.dy),
      coverage: filled(tie.bigShape.slice(1), ones.data.slice(0, area)),
    };
  },
  views: {
    forward: {
      panels: (m) => scatterPanels(m, m.tie, { big: "y", small: "x", cols: "cols", bias: true }),
      steps: throughCopies((m) => m.tie, "cols"),
      partial(m, entry) {
        const y = addedBack(m.g.y, m.tie.taps.from, m.a.cols.data, entry + 1);
        y.data.forEach((one, flat) => (y.data[flat] = one + m.a.b.data[Math.floor(flat / (m.g.y[1] * m.g.y[2]))]));
        return { y };
      },
      trace: (m, array, flat) => traceScatter(m, m.tie, { big: "y", small: "x", cols: "cols", bias: true }, array, flat),
    },
    dx: {
      panels: (m) => gatherPanels(m, m.tie, { big: "dy", small: "dx", cols: "dycols" }), steps: throughCells("dx"),
      trace: (m, array, flat) => traceGather(m, m.tie, { big: "dy", small: "dx", cols: "dycols" }, array, flat),
    },
    dw: {
      panels: (m) => correlatePanels(m, m.tie, { big: "dy", small: "x", cols: "dycols" }), steps: throughCells("dw", "db"),
      trace: (m, array, flat) => traceCorrelate(m, m.tie, { big: "dy", small: "x", cols: "dycols" }, array, flat),
    },
  },
  facts: (m) => {
    const values = { o: m.tie.smallShape[0], k: m.tie.K, p: m.tie.P, groups: m.tie.groups };
    const all = m.tie.smallShape[0] * m.tie.K * m.tie.P;
    return [say("facts.products", { ...values, all: all.toLocaleString("en") })];
  },
  code: (s) =>
    `ops.conv_transpose2d(x, w, b, stride=${python(s.stride)}, padding=${python(s.padding)}, ` +
    `output_padding=${python(s.output_padding)}, dilation=${python(s.dilation)}, groups=${s.groups})`,
};
