// The model of a page: settings, operands, and all arrays that follow from them.

const copyOf = (value) => JSON.parse(JSON.stringify(value));

// What a state gives: operands with their shapes, from which pages with other settings take what they can.
function given(state) {
  const operation = OPERATIONS[state.op];
  const shapes = operation.operands(state.settings);
  const arrays = {};
  for (const [name, shape] of Object.entries(shapes)) if (state[name]) arrays[name] = { shape, data: state[name] };
  if (state.dy) {
    try {
      arrays.dy = { shape: operation.judge(state.settings, shapes).y, data: state.dy };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
    }
  }
  return arrays;
}

// The model for some settings; a Refusal is thrown for those that the engine refuses.
function modelOf(op, settings, start, edits = {}) {
  const operation = OPERATIONS[op];
  judgeDrawable(settings);
  const shapes = operation.operands(settings);
  const m = { op, operation, s: settings, g: operation.judge(settings, shapes), n: {} };
  for (const [name, shape] of Object.entries({ ...shapes, dy: m.g.y })) {
    const [low, high] = name === "labels" ? [0, settings.classes - 1] : operation.ranges[name];
    const from = start[name] || {};
    m.n[name] = resized(from.data, from.shape, shape, name, low, high, operation.tenths && name === "x");
    for (const [key, value] of Object.entries(edits[name] || {})) {
      const index = key === "" ? [] : key.split(".").map(Number);
      if (index.length === shape.length && index.every((one, axis) => one < shape[axis])) m.n[name].data[place(shape, ...index)] = value;
    }
  }
  if (operation.judgeNumbers) operation.judgeNumbers(m);
  m.a = operation.compute(m);
  return m;
}

// The panels of a view, with all that is needed to draw them.
function panelsOf(m, view) {
  const rows = m.operation.views[view].panels(m);
  return rows.map((row) => row.map((panel) => {
    const array = m.a[panel.array];
    const shape = panel.shape || asPlanes(array.shape, panel.column);
    return { id: panel.array, before: "", border: [[0, 0], [0, 0]], ...panel, shape, own: array.shape };
  }));
}

// Any array as planes of rows and columns; a vector is one row, or one column.
function asPlanes(shape, column) {
  if (shape.length === 0) return [1, 1, 1];
  if (shape.length === 1) return column ? [1, shape[0], 1] : [1, 1, shape[0]];
  return [product(shape.slice(0, -2)), ...shape.slice(-2)];
}

// Where numbers of the engine differ from those of the page, if they do.
function differences(m, engine) {
  const found = [];
  for (const [name, numbers] of Object.entries(engine || {})) {
    const own = m.a[name] && m.a[name].data;
    if (!own || own.length !== numbers.length) continue;
    const most = Math.max(1, largest(own.filter(Number.isFinite)));
    if (own.some((one, flat) => numbers[flat] !== null && Math.abs(one - numbers[flat]) > 1e-6 * most)) found.push(name);
  }
  return found;
}
