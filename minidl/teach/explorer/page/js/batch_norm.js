// Batch normalisation in training: every channel gets mean 0 and variance 1, then a scale and a shift that are learnt.

const ofChannel = (m, flat) => Math.floor(flat / m.area) % m.s.input[0];
const cellsOf = (m, c) => range(product(m.n.x.shape)).filter((flat) => ofChannel(m, flat) === c);

OPERATIONS["batch-norm"] = {
  engine: "batch_norm",
  batched: true,
  controls: ["batch", "input", "eps"],
  ranges: { x: [0, 9], w: [1, 3], b: [-2, 2], dy: [-2, 2] },
  operands: (s) => ({ x: [s.batch, ...s.input], w: [s.input[0]], b: [s.input[0]] }),
  judge(s, shapes) {
    judgePositive("batch_norm", "eps", s.eps, true);
    const [n, , h, width] = shapes.x;
    if (n * h * width < 2) {
      throw new Refusal(
        `batch_norm: training needs more than one value per channel, there are N * H * W = ${n} * ${h} * ${width} = ` +
          `${n * h * width}; x.shape=${python(shapes.x)}; use a larger batch or picture, leave a last batch of one picture ` +
          `out (drop_last=True), or use training=False (eval())`,
      );
    }
    judgeCells("x", ...shapes.x);
    return { y: shapes.x };
  },
  formula: (m) => {
    const [n, , h, width] = m.n.x.shape;
    return [`x̂ = (x − mean) · rstd,  y = w · x̂ + b,  rstd = 1 / √(var + ${short(m.s.eps)}),  M = N · H · W = ${n} · ${h} · ${width} = ${m.M}`];
  },
  compute(m) {
    const { x, w, b, dy } = m.n;
    m.area = m.s.input[1] * m.s.input[2];
    m.M = x.data.length / m.s.input[0];
    const [mean, variance, rstd, dw, db] = range(5).map(() => zeros([m.s.input[0]]));
    const [x_hat, y, direct, shift, stretch, dx] = range(6).map(() => zeros(x.shape));
    for (let c = 0; c < m.s.input[0]; c++) {
      const cells = cellsOf(m, c);
      mean.data[c] = sum(cells.map((one) => x.data[one])) / m.M;
      variance.data[c] = sum(cells.map((one) => (x.data[one] - mean.data[c]) ** 2)) / m.M;
      rstd.data[c] = (variance.data[c] + m.s.eps) ** -0.5;
      for (const one of cells) {
        x_hat.data[one] = (x.data[one] - mean.data[c]) * rstd.data[c];
        y.data[one] = w.data[c] * x_hat.data[one] + b.data[c];
      }
      db.data[c] = sum(cells.map((one) => dy.data[one]));
      dw.data[c] = sum(cells.map((one) => dy.data[one] * x_hat.data[one]));
      for (const one of cells) {
        const scale = w.data[c] * rstd.data[c];
        direct.data[one] = scale * dy.data[one];
        shift.data[one] = (-scale * db.data[c]) / m.M;
        stretch.data[one] = (-scale * x_hat.data[one] * dw.data[c]) / m.M;
        dx.data[one] = direct.data[one] + shift.data[one] + stretch.data[one];
      }
    }
    return { x, w, b, dy, mean, variance, rstd, x_hat, y, direct, shift, stretch, dx, dw, db };
  },
  views: {
    forward: {
      panels: () => [
        [planes("x", { editable: true }), planes("x_hat", { before: "→" }), planes("y", { before: "→", result: true })],
        [planes("mean", { column: true }), planes("variance", { column: true }), planes("rstd", { column: true }), planes("w", { editable: true, column: true, title: "learnt_scale" }), planes("b", { editable: true, column: true, title: "learnt_shift" })],
      ],
      steps: throughCells("y"),
      trace: (m, array, flat) => traceBatchNorm(m, array, flat),
    },
    dx: {
      panels: () => [
        [planes("dy", { editable: true }), planes("x_hat"), planes("dw", { column: true, title: "of_scale" }), planes("db", { column: true, title: "of_shift" }), planes("w", { column: true, editable: true, title: "learnt_scale" }), planes("rstd", { column: true })],
        [planes("direct"), planes("shift", { before: "+" }), planes("stretch", { before: "+" }), planes("dx", { before: "=", result: true })],
      ],
      steps: throughCells("dx", "dw", "db"),
      trace: (m, array, flat) => traceBatchNormBack(m, array, flat),
    },
  },
  code: (s) => `ops.batch_norm(x, w, b, None, None, training=True, eps=${python(s.eps)})`,
};

const vectors = ["mean", "variance", "rstd", "w", "b", "dw", "db"];

function traceBatchNorm(m, array, flat) {
  const light = new Light(array, flat);
  const { x, w, b, mean, variance, rstd, x_hat, y } = m.a;
  const c = vectors.includes(array) ? flat : ofChannel(m, flat);
  const cells = cellsOf(m, c);
  if (array === "x_hat" || array === "y") {
    for (const one of ["mean", "rstd", ...(array === "y" ? ["w", "b"] : [])]) light.add(one, c, "from");
    light.add("x", flat, "from").add("x_hat", flat, "from");
    const centred = x.data[flat] - mean.data[c];
    const index = indexOf(x.shape, flat);
    light.line(named("x̂", index), [[whole(`(${short(x.data[flat])} − ${signed(mean.data[c])})`, centred), rstd.data[c]]], x_hat.data[flat]);
    if (array === "y") light.line(named("y", index), [[w.data[c], x_hat.data[flat]], [b.data[c]]], y.data[flat]);
    return light.say("norm", { c });
  }
  if (array === "mean") {
    for (const one of cells) light.add("x", one, "from");
    const total = sum(cells.map((one) => x.data[one]));
    light.line("Σ x", cells.map((one) => [x.data[one]]), total);
    light.line(named("mean", [c]), [[whole(`${short(total)} / ${m.M}`, total / m.M)]], mean.data[c]);
    return light.say("mean", { c, count: m.M });
  }
  if (array === "variance" || array === "rstd") {
    for (const one of cells) light.add("x", one, "from");
    light.add("mean", c, "from").add("variance", c, "from");
    const squares = cells.map((one) => [whole(`(${short(x.data[one])} − ${signed(mean.data[c])})²`, (x.data[one] - mean.data[c]) ** 2)]);
    const total = sum(squares.map(([one]) => one.value));
    light.line("Σ (x − mean)²", squares, total);
    light.line(named("var", [c]), [[whole(`${short(total)} / ${m.M}`, total / m.M)]], variance.data[c]);
    light.line(named("rstd", [c]), [[whole(`1 / √(${short(variance.data[c])} + ${short(m.s.eps)})`, (variance.data[c] + m.s.eps) ** -0.5)]], rstd.data[c]);
    return light.say("variance", { c, count: m.M });
  }
  if (array === "x") for (const one of ["mean", "variance", "rstd"]) light.add(one, c, "to");
  for (const one of cells) {
    if (array !== "w" && array !== "b") light.add("x_hat", one, "to");
    light.add("y", one, "to");
  }
  return light.say(array === "x" ? "moves_all" : "whole_channel", { c, count: cells.length });
}

function traceBatchNormBack(m, array, flat) {
  const light = new Light(array, flat);
  const { w, dy, rstd, x_hat, direct, shift, stretch, dx, dw, db } = m.a;
  const c = vectors.includes(array) ? flat : ofChannel(m, flat);
  const cells = cellsOf(m, c);
  if (array === "dw" || array === "db") {
    for (const one of cells) {
      light.add("dy", one, "from");
      if (array === "dw") light.add("x_hat", one, "from");
    }
    const terms = cells.map((one) => (array === "dw" ? [dy.data[one], x_hat.data[one]] : [dy.data[one]]));
    return light.line(named(array, [c]), terms, m.a[array].data[c]).say(array === "dw" ? "bn_dw" : "bn_db", { c, count: cells.length });
  }
  if (["direct", "shift", "stretch", "dx"].includes(array)) {
    for (const one of ["w", "rstd"]) light.add(one, c, "from");
    const is = (...names) => array === "dx" || names.includes(array);
    if (is("direct")) light.add("dy", flat, "from").line("w · rstd · dy", [[w.data[c], rstd.data[c], dy.data[flat]]], direct.data[flat]);
    const share = (name, total) => whole(`(${signed(total)} / ${m.M})`, total / m.M);
    const minus = whole("−", -1);
    if (is("shift")) light.add("db", c, "from").line("− w · rstd · db / M", [[minus, w.data[c], rstd.data[c], share("db", db.data[c])]], shift.data[flat]);
    if (is("stretch")) {
      light.add("dw", c, "from").add("x_hat", flat, "from");
      light.line("− w · rstd · x̂ · dw / M", [[minus, w.data[c], rstd.data[c], x_hat.data[flat], share("dw", dw.data[c])]], stretch.data[flat]);
    }
    if (array === "dx") {
      for (const one of ["direct", "shift", "stretch"]) light.add(one, flat, "from");
      light.line(named("dx", indexOf(dx.shape, flat)), [[direct.data[flat]], [shift.data[flat]], [stretch.data[flat]]], dx.data[flat]);
    }
    return light.say(`bn_${array}`, { c });
  }
  if (array === "dy" || array === "x_hat") light.add("dw", c, "to");
  if (array === "dy") light.add("db", c, "to").add("direct", flat, "to");
  for (const one of cells) {
    light.add("dx", one, "to");
    if (array === "w" || array === "rstd") for (const term of ["direct", "shift", "stretch"]) light.add(term, one, "to");
  }
  return light.say("bn_reaches", { c, count: cells.length });
}
