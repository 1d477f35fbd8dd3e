// A convolution ties a big picture, with windows, to a small one that has a cell for each window:
//
//   gather      small = w · im2col(big)      forward of a convolution, dx of a transposed one
//   scatter     big = col2im(wᵀ · small)     dx of a convolution, forward of a transposed one
//   correlate   dw = small · im2col(big)ᵀ    dw of both
//
// `tie` holds what the three have in common: S channels of the small and B of the big picture in G groups, K rows of the
// columns of a group, P windows, and the taps. w is (S, B/G, KH, KW) for both operations, so w[o, k] has the index o·K + k.

function tied(bigShape, smallShape, kernel, stride, padding, dilation, groups) {
  const [windows, channels] = [product(smallShape.slice(1)), bigShape[0] / groups];
  return {
    bigShape, smallShape, kernel, padding, groups, channels,
    each: smallShape[0] / groups,
    K: channels * kernel[0] * kernel[1],
    P: windows,
    taps: tapsOf(bigShape, kernel, stride, padding, dilation, smallShape.slice(1)),
  };
}

const colsShape = (tie) => [tie.groups, tie.K, tie.P];

// small (S, P) = w · cols, group by group
function gathered(tie, w, cols, bias) {
  const small = zeros(tie.smallShape);
  for (let o = 0; o < tie.smallShape[0]; o++) {
    const first = Math.floor(o / tie.each) * tie.K;
    for (let k = 0; k < tie.K; k++) {
      const weight = w[o * tie.K + k];
      for (let p = 0; p < tie.P; p++) small.data[o * tie.P + p] += weight * cols[(first + k) * tie.P + p];
    }
    if (bias) for (let p = 0; p < tie.P; p++) small.data[o * tie.P + p] += bias[o];
  }
  return small;
}

// cols (G, K, P) = wᵀ · small, group by group
function scattered(tie, w, small) {
  const cols = zeros(colsShape(tie));
  for (let o = 0; o < tie.smallShape[0]; o++) {
    const first = Math.floor(o / tie.each) * tie.K;
    for (let k = 0; k < tie.K; k++) {
      const weight = w[o * tie.K + k];
      for (let p = 0; p < tie.P; p++) cols.data[(first + k) * tie.P + p] += weight * small[o * tie.P + p];
    }
  }
  return cols;
}

// dw (S, K) = small · colsᵀ, group by group
function correlated(tie, small, cols, shape) {
  const dw = zeros(shape);
  for (let o = 0; o < tie.smallShape[0]; o++) {
    const first = Math.floor(o / tie.each) * tie.K;
    for (let k = 0; k < tie.K; k++) {
      for (let p = 0; p < tie.P; p++) dw.data[o * tie.K + k] += small[o * tie.P + p] * cols[(first + k) * tie.P + p];
    }
  }
  return dw;
}

const channelSums = (picture) => {
  const [channels, each] = [picture.shape[0], product(picture.shape.slice(1))];
  return filled([channels], range(channels).map((c) => sum(picture.data.slice(c * each, (c + 1) * each))));
};

// Where an entry of the columns stands: group, row k of it, window p.
function entryAt(tie, entry) {
  const p = entry % tie.P;
  const row = (entry - p) / tie.P;
  return { p, k: row % tie.K, group: Math.floor(row / tie.K) };
}

const membersOf = (tie, group) => range(tie.each, group * tie.each);
const entriesFrom = (tie, flat) => {
  const found = [];
  const channel = Math.floor(flat / (tie.bigShape[1] * tie.bigShape[2]));
  const per = tie.kernel[0] * tie.kernel[1] * tie.P;
  for (let entry = channel * per; entry < (channel + 1) * per; entry++) if (tie.taps.from[entry] === flat) found.push(entry);
  return found;
};
const windowAt = (tie, p) => {
  const columns = tie.smallShape[2];
  return { row: Math.floor(p / columns), column: p % columns };
};

// small = w · im2col(big): names of the arrays are { big, small, cols, bias }
function traceGather(m, tie, names, array, flat) {
  const light = new Light(array, flat);
  const value = (name, at) => m.a[name].data[at];
  if (array === names.small) {
    const o = Math.floor(flat / tie.P);
    const p = flat % tie.P;
    const group = Math.floor(o / tie.each);
    const taps = tie.kernel[0] * tie.kernel[1];
    const parts = [];
    for (let c = 0; c < tie.channels; c++) {
      const terms = [];
      for (let k = c * taps; k < (c + 1) * taps; k++) {
        const entry = (group * tie.K + k) * tie.P + p;
        light.add(names.cols, entry, "from").source(names.big, tie.taps, entry, "from").add("w", o * tie.K + k, "from");
        terms.push([value(names.cols, entry), value("w", o * tie.K + k)]);
      }
      parts.push(sum(terms.map(([one, other]) => one * other)));
      light.line(`c = ${group * tie.channels + c}`, terms, parts[c]);
    }
    if (names.bias) light.add("b", o, "from");
    const terms = [...parts, ...(names.bias ? [value("b", o)] : [])].map((one) => [one]);
    const { row, column } = windowAt(tie, p);
    light.line(named(names.small, [o, row, column]), terms, value(names.small, flat));
    return light.say(names.bias ? "gather_b" : "gather", { row, column, o, big: names.big, count: tie.K });
  }
  if (array === names.big) {
    const entries = entriesFrom(tie, flat);
    for (const entry of entries) {
      const { p, group } = entryAt(tie, entry);
      light.add(names.cols, entry, "to");
      for (const o of membersOf(tie, group)) light.add(names.small, o * tie.P + p, "to");
    }
    return light.say("seen", { cell: named(array, indexOf(tie.bigShape, flat)), count: entries.length });
  }
  if (array === names.cols) {
    const { p, k, group } = entryAt(tie, flat);
    light.source(names.big, tie.taps, flat, "from");
    for (const o of membersOf(tie, group)) light.add(names.small, o * tie.P + p, "to").add("w", o * tie.K + k, "from");
    const from = tie.taps.from[flat];
    const where = from < 0 ? say("trace.border") : named(names.big, indexOf(tie.bigShape, from));
    return light.say("copied", { from: where, ...windowAt(tie, p) });
  }
  if (array === "w") {
    const [o, k] = [Math.floor(flat / tie.K), flat % tie.K];
    for (let p = 0; p < tie.P; p++) {
      const entry = (Math.floor(o / tie.each) * tie.K + k) * tie.P + p;
      light.add(names.cols, entry, "from").source(names.big, tie.taps, entry, "from").add(names.small, o * tie.P + p, "to");
    }
    return light.say("weight", { count: tie.P, o, small: names.small });
  }
  for (let p = 0; p < tie.P; p++) light.add(names.small, flat * tie.P + p, "to");
  return light.say("bias", { count: tie.P, o: flat, small: names.small });
}

// big = col2im(wᵀ · small): names are { big, small, cols, bias }
function traceScatter(m, tie, names, array, flat) {
  const light = new Light(array, flat);
  const value = (name, at) => m.a[name].data[at];
  if (array === names.cols) {
    const { p, k, group } = entryAt(tie, flat);
    const terms = membersOf(tie, group).map((o) => {
      light.add("w", o * tie.K + k, "from").add(names.small, o * tie.P + p, "from");
      return [value("w", o * tie.K + k), value(names.small, o * tie.P + p)];
    });
    light.source(names.big, tie.taps, flat, "to").line(named(names.cols, [group * tie.K + k, p]), terms, value(names.cols, flat));
    const at = tie.taps.from[flat];
    return light.say(at < 0 ? "lost" : "added", { to: at < 0 ? "" : named(names.big, indexOf(tie.bigShape, at)) });
  }
  if (array === names.big || array === "coverage") {
    const area = tie.bigShape[1] * tie.bigShape[2];
    const flats = array === "coverage" ? range(tie.bigShape[0]).map((c) => c * area + flat) : [flat];
    let count = 0;
    for (const one of flats) {
      const entries = entriesFrom(tie, one);
      count = entries.length;
      light.add(names.big, one, "to").add("coverage", one % area, "to");
      for (const entry of entries) {
        const { p, group } = entryAt(tie, entry);
        light.add(names.cols, entry, "from");
        for (const o of membersOf(tie, group)) light.add(names.small, o * tie.P + p, "from");
      }
      const terms = entries.map((entry) => [value(names.cols, entry)]);
      const bias = names.bias ? Math.floor(one / area) : -1;
      if (bias >= 0) light.add("b", bias, "from");
      const index = indexOf(tie.bigShape, one);
      light.line(named(names.big, index), bias >= 0 ? [...terms, [value("b", bias)]] : terms, value(names.big, one));
    }
    const cell = array === "coverage" ? `[·, ${indexOf(tie.bigShape.slice(1), flat).join(", ")}]` : named(array, indexOf(tie.bigShape, flat));
    return light.say("overlaps", { cell, count });
  }
  if (array === names.small) {
    const [o, p] = [Math.floor(flat / tie.P), flat % tie.P];
    for (let k = 0; k < tie.K; k++) {
      const entry = (Math.floor(o / tie.each) * tie.K + k) * tie.P + p;
      light.add(names.cols, entry, "to").source(names.big, tie.taps, entry, "to").add("w", o * tie.K + k, "from");
    }
    return light.say("paints", { cell: named(array, indexOf(tie.smallShape, flat)), count: tie.K, o, big: names.big });
  }
  if (array === "w") {
    const [o, k] = [Math.floor(flat / tie.K), flat % tie.K];
    for (let p = 0; p < tie.P; p++) {
      const entry = (Math.floor(o / tie.each) * tie.K + k) * tie.P + p;
      light.add(names.cols, entry, "to").add(names.small, o * tie.P + p, "from");
    }
    return light.say("weight_back", { count: tie.P, o, small: names.small });
  }
  const each = tie.bigShape[1] * tie.bigShape[2];
  for (let p = 0; p < each; p++) light.add(names.big, flat * each + p, "to");
  return light.say("bias", { count: each, o: flat, small: names.big });
}

// dw = small · im2col(big)ᵀ and db, the sums of dy: names are { big, small, cols, dy }
function traceCorrelate(m, tie, names, array, flat) {
  const light = new Light(array, flat);
  const value = (name, at) => m.a[name].data[at];
  if (array === "dw") {
    const [o, k] = [Math.floor(flat / tie.K), flat % tie.K];
    const terms = range(tie.P).map((p) => {
      const entry = (Math.floor(o / tie.each) * tie.K + k) * tie.P + p;
      light.add(names.cols, entry, "from").add(names.small, o * tie.P + p, "from").source(names.big, tie.taps, entry, "from");
      return [value(names.small, o * tie.P + p), value(names.cols, entry)];
    });
    light.line(named("dw", indexOf(m.a.dw.shape, flat)), terms, value("dw", flat));
    return light.say("dw", { count: tie.P, big: names.big, small: names.small });
  }
  if (array === "db") {
    const each = product(m.a.dy.shape.slice(1));
    const terms = range(each, flat * each).map((at) => {
      light.add("dy", at, "from");
      return [value("dy", at)];
    });
    return light.line(named("db", [flat]), terms, value("db", flat)).say("db", { count: each });
  }
  const entries = array === names.cols ? [flat] : array === names.big ? entriesFrom(tie, flat) : [];
  for (const entry of entries) {
    const { p, k, group } = entryAt(tie, entry);
    light.add(names.cols, entry, "to").source(names.big, tie.taps, entry, "from");
    for (const o of membersOf(tie, group)) light.add("dw", o * tie.K + k, "to").add(names.small, o * tie.P + p, "from");
  }
  if (array === names.small) {
    const [o, p] = [Math.floor(flat / tie.P), flat % tie.P];
    for (let k = 0; k < tie.K; k++) {
      const entry = (Math.floor(o / tie.each) * tie.K + k) * tie.P + p;
      light.add("dw", o * tie.K + k, "to").add(names.cols, entry, "from").source(names.big, tie.taps, entry, "from");
    }
  }
  if (array === "dy") light.add("db", Math.floor(flat / product(m.a.dy.shape.slice(1))), "to");
  return light.say("into_dw", { cell: named(array, indexOf(m.a[array].shape, flat)) });
}
