// Local response normalisation: every number divided by the activity of its neighbouring channels.

const lrnWindow = (m, c) => {
  const { size, input } = m.s;
  const [first, last] = [Math.max(0, c - Math.floor(size / 2)), Math.min(input[0] - 1, c + Math.floor((size - 1) / 2))];
  return range(last - first + 1, first);
};
const lrnSeenBy = (m, c) => range(m.s.input[0]).filter((other) => lrnWindow(m, other).includes(c));

OPERATIONS.lrn = {
  engine: "local_response_norm",
  controls: ["input", "size", "alpha", "beta", "k", "convention"],
  ranges: { x: [0, 99], dy: [-2, 2] },
  operands: (s) => ({ x: s.input }),
  judge(s) {
    judgeCount("local_response_norm", "size", s.size, 1);
    judgePositive("local_response_norm", "alpha", s.alpha, true);
    judgePositive("local_response_norm", "beta", s.beta, true);
    judgePositive("local_response_norm", "k", s.k, false);
    return { y: s.input };
  },
  formula: (m) => [
    `y = x / scale^β,  scale = k + α · Σ x²  =  ${short(m.s.k)} + ${short(m.alpha)} · Σ x²` +
      (m.s.convention === "torch" ? `  (α = ${short(m.s.alpha)} / ${m.s.size})` : ""),
  ],
  compute(m) {
    const { x, dy } = m.n;
    const { beta, k, size, alpha, convention } = m.s;
    m.alpha = convention === "torch" ? alpha / size : alpha;
    m.area = m.s.input[1] * m.s.input[2];
    const [scale, y, ratio, dx] = range(4).map(() => zeros(m.s.input));
    const around = (data, flat, channels) => channels.map((c) => data[c * m.area + (flat % m.area)]);
    x.data.forEach((value, flat) => {
      const window = around(x.data, flat, lrnWindow(m, Math.floor(flat / m.area)));
      scale.data[flat] = k + m.alpha * sum(window.map((one) => one * one));
      y.data[flat] = value * scale.data[flat] ** -beta;
      ratio.data[flat] = dy.data[flat] * value * scale.data[flat] ** (-beta - 1);
    });
    x.data.forEach((value, flat) => {
      const gathered = sum(around(ratio.data, flat, lrnSeenBy(m, Math.floor(flat / m.area))));
      dx.data[flat] = dy.data[flat] * scale.data[flat] ** -beta - 2 * m.alpha * beta * value * gathered;
    });
    return { x, dy, scale, y, ratio, dx };
  },
  views: {
    forward: {
      panels: () => [[planes("x", { editable: true }), planes("scale", { before: "→" }), planes("y", { before: "→", result: true })]],
      steps: throughCells("y"),
      trace(m, array, flat) {
        const light = new Light(array, flat);
        const [c, at] = [Math.floor(flat / m.area), flat % m.area];
        if (array === "x") {
          const seen = lrnSeenBy(m, c);
          for (const one of seen) light.add("scale", one * m.area + at, "to").add("y", one * m.area + at, "to");
          return light.say("lrn_seen", { cell: named("x", indexOf(m.s.input, flat)), count: seen.length });
        }
        const window = lrnWindow(m, c).map((one) => one * m.area + at);
        for (const one of window) light.add("x", one, "from");
        light.add("scale", flat, "from").add("y", flat, "to");
        const total = sum(window.map((one) => m.a.x.data[one] ** 2));
        light.line("Σ x²", window.map((one) => [m.a.x.data[one], m.a.x.data[one]]), total);
        light.line("scale", [[m.s.k], [m.alpha, total]], m.a.scale.data[flat]);
        const power = whole(`${short(m.a.scale.data[flat])}^−${short(m.s.beta)}`, m.a.scale.data[flat] ** -m.s.beta);
        light.line(named("y", indexOf(m.s.input, flat)), [[m.a.x.data[flat], power]], m.a.y.data[flat]);
        return light.say("lrn", { c, count: window.length });
      },
    },
    dx: {
      panels: () => [[
        planes("dy", { editable: true }), planes("x", { editable: true }), planes("scale"), planes("ratio", { before: "→" }),
        planes("dx", { before: "→", result: true }),
      ]],
      steps: throughCells("dx"),
      trace(m, array, flat) {
        const light = new Light(array, flat);
        const [c, at] = [Math.floor(flat / m.area), flat % m.area];
        const { x, dy, scale, ratio, dx } = m.a;
        if (array === "dx") {
          const seen = lrnSeenBy(m, c).map((one) => one * m.area + at);
          for (const one of seen) light.add("ratio", one, "from");
          for (const one of ["dy", "x", "scale"]) light.add(one, flat, "from");
          const gathered = sum(seen.map((one) => ratio.data[one]));
          light.line("Σ", seen.map((one) => [ratio.data[one]]), gathered);
          const power = whole(`${short(scale.data[flat])}^−${short(m.s.beta)}`, scale.data[flat] ** -m.s.beta);
          const factor = whole(`(−2 · ${short(m.alpha)} · ${short(m.s.beta)})`, -2 * m.alpha * m.s.beta);
          light.line(named("dx", indexOf(m.s.input, flat)), [[dy.data[flat], power], [factor, x.data[flat], gathered]], dx.data[flat]);
          return light.say("lrn_back", { count: seen.length });
        }
        const window = lrnWindow(m, c);
        for (const one of ["dy", "x", "scale"]) light.add(one, flat, "from");
        light.add("ratio", flat, array === "ratio" ? "self" : "to");
        for (const one of window) light.add("dx", one * m.area + at, "to");
        const power = whole(`${short(scale.data[flat])}^−${short(m.s.beta + 1)}`, scale.data[flat] ** (-m.s.beta - 1));
        light.line(named("ratio", indexOf(m.s.input, flat)), [[dy.data[flat], x.data[flat], power]], ratio.data[flat]);
        return light.say("lrn_ratio", { c, count: window.length });
      },
    },
  },
  code: (s) =>
    `ops.local_response_norm(x, ${s.size}, alpha=${python(s.alpha)}, beta=${python(s.beta)}, k=${python(s.k)}, convention="${s.convention}")`,
};
