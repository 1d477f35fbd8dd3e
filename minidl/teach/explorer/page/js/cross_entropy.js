// Softmax and cross-entropy, in one piece as in the engine.

OPERATIONS["softmax-cross-entropy"] = {
  engine: "cross_entropy",
  batched: true,
  controls: ["batch", "classes", "label_smoothing"],
  ranges: { x: [-3, 3], labels: [0, 0], dy: [1, 1] },
  tenths: true,
  operands: (s) => ({ x: [s.batch, s.classes], labels: [s.batch] }),
  judge(s) {
    if (!(s.label_smoothing >= 0 && s.label_smoothing <= 1)) {
      throw new Refusal(`cross_entropy: label_smoothing must be from 0 to 1; received label_smoothing=${python(s.label_smoothing)}`);
    }
    return { y: [] };
  },
  judgeNumbers(m) {
    const { labels } = m.n;
    const [low, high] = [Math.min(...labels.data), Math.max(...labels.data)];
    if (low >= 0 && high < m.s.classes) return;
    throw new Refusal(
      `cross_entropy: labels must be from 0 to ${m.s.classes - 1} (logits have ${m.s.classes} classes); ` +
        `received labels from ${low} to ${high}`,
    );
  },
  formula: (m) => [
    `p = exp(x) / Σ exp(x),  loss = −Σ t · log p,  dx = (p − t) · dy / N,  N = ${m.s.batch}` +
      (m.s.label_smoothing ? `,  t = (1 − ${short(m.s.label_smoothing)}) · [j = label] + ${short(m.s.label_smoothing)} / ${m.s.classes}` : ""),
  ],
  compute(m) {
    const { x, labels, dy } = m.n;
    const [rows, classes] = x.shape;
    const [powers, p, log_p, t, dx] = range(5).map(() => zeros(x.shape));
    const [totals, losses] = [zeros([rows]), zeros([rows])];
    m.highest = range(rows).map((row) => Math.max(...x.data.slice(row * classes, (row + 1) * classes)));
    for (let row = 0; row < rows; row++) {
      const cells = range(classes, row * classes);
      for (const one of cells) powers.data[one] = Math.exp(x.data[one] - m.highest[row]);
      totals.data[row] = sum(cells.map((one) => powers.data[one]));
      cells.forEach((one, j) => {
        p.data[one] = powers.data[one] / totals.data[row];
        log_p.data[one] = x.data[one] - m.highest[row] - Math.log(totals.data[row]);
        t.data[one] = m.s.label_smoothing / classes + (labels.data[row] === j ? 1 - m.s.label_smoothing : 0);
        dx.data[one] = ((p.data[one] - t.data[one]) * dy.data[0]) / rows;
      });
      losses.data[row] = -sum(cells.map((one) => (t.data[one] ? t.data[one] * log_p.data[one] : 0)));
    }
    const y = filled([], [sum(Array.from(losses.data)) / rows]);
    return { x, labels, dy, powers, totals, p, log_p, t, losses, y, dx };
  },
  views: {
    forward: {
      panels: () => [
        [planes("x", { editable: true }), planes("labels", { editable: true, column: true }), planes("powers", { before: "→" }), planes("totals", { column: true }), planes("p", { before: "→", result: true })],
        [planes("log_p"), planes("t"), planes("losses", { column: true, before: "→" }), planes("y", { before: "→", result: true })],
      ],
      steps: throughCells("p", "losses", "y"),
      trace: (m, array, flat) => traceCrossEntropy(m, array, flat),
    },
    dx: {
      panels: () => [[planes("p"), planes("t", { before: "−" }), planes("dy", { before: "·", editable: true }), planes("dx", { before: "/ N =", result: true })]],
      steps: throughCells("dx"),
      trace(m, array, flat) {
        const light = new Light(array, flat);
        const { p, t, dy, dx } = m.a;
        if (array === "dy") {
          range(dx.data.length).forEach((one) => light.add("dx", one, "to"));
          return light.say("ce_dy", {});
        }
        for (const one of ["p", "t", "dx"]) light.add(one, flat, one === "dx" ? "to" : "from");
        light.add("dy", 0, "from");
        const index = indexOf(dx.shape, flat);
        const difference = whole(`(${short(p.data[flat])} − ${short(t.data[flat])})`, p.data[flat] - t.data[flat]);
        light.line(named("dx", index), [[difference, whole(`${signed(dy.data[0])} / ${m.s.batch}`, dy.data[0] / m.s.batch)]], dx.data[flat]);
        return light.say("ce_dx", { row: index[0] });
      },
    },
  },
  code: (s) => `ops.cross_entropy(x, labels, label_smoothing=${python(s.label_smoothing)})`,
};

function traceCrossEntropy(m, array, flat) {
  const light = new Light(array, flat);
  const { x, powers, totals, p, log_p, t, losses, y } = m.a;
  const classes = m.s.classes;
  if (array === "y") {
    range(m.s.batch).forEach((row) => light.add("losses", row, "from"));
    const total = sum(Array.from(losses.data));
    light.line("Σ", range(m.s.batch).map((row) => [losses.data[row]]), total);
    return light.line("loss", [[whole(`${signed(total)} / ${m.s.batch}`, total / m.s.batch)]], y.data[0]).say("ce_loss", { count: m.s.batch });
  }
  const row = ["labels", "totals", "losses"].includes(array) ? flat : Math.floor(flat / classes);
  const cells = range(classes, row * classes);
  const index = array === "losses" || array === "totals" ? [row] : [row, flat % classes];
  const high = m.highest[row];
  const power = (one) => whole(`exp(${short(x.data[one])} − ${signed(high)})`, powers.data[one]);
  if (array === "losses" || array === "labels") {
    for (const one of cells) light.add("t", one, "from").add("log_p", one, "from");
    light.add("losses", row, "to").add("labels", row, "from");
    const counted = cells.filter((one) => t.data[one] !== 0);
    const terms = counted.map((one) => [whole("−", -1), t.data[one], log_p.data[one]]);
    return light.line(named("loss", [row]), terms, losses.data[row]).say("ce_row", { row });
  }
  if (array === "totals") {
    for (const one of cells) light.add("powers", one, "from");
    return light.line(named("Σ", [row]), cells.map((one) => [powers.data[one]]), totals.data[row]).say("ce_total", { row });
  }
  if (array === "powers") {
    light.add("x", flat, "from").add("totals", row, "to").add("p", flat, "to");
    return light.line(named("exp", index), [[power(flat)]], powers.data[flat]).say("ce_power", { row, high: short(high) });
  }
  if (array === "p") {
    for (const one of cells) light.add("x", one, "from").add("powers", one, "from");
    light.add("totals", row, "from").add("log_p", flat, "to");
    light.line(named("Σ", [row]), cells.map((one) => [powers.data[one]]), totals.data[row]);
    const share = whole(`${short(powers.data[flat])} / ${short(totals.data[row])}`, powers.data[flat] / totals.data[row]);
    return light.line(named("p", index), [[share]], p.data[flat]).say("ce_p", { row });
  }
  if (array === "log_p") {
    light.add("x", flat, "from").add("totals", row, "from").add("p", flat, "from").add("losses", row, "to");
    const log = whole(`log ${short(totals.data[row])}`, Math.log(totals.data[row]));
    light.line(named("log p", index), [[x.data[flat]], [whole("−", -1), high], [whole("−", -1), log]], log_p.data[flat]);
    return light.say("ce_log", { row });
  }
  if (array === "t") {
    light.add("labels", row, "from").add("log_p", flat, "from").add("losses", row, "to");
    return light.say("ce_t", { row });
  }
  for (const one of cells) light.add("p", one, "to");
  light.add("powers", flat, "to").add("totals", row, "to").add("losses", row, "to").add("y", 0, "to");
  return light.say("ce_x", { row, count: classes });
}
