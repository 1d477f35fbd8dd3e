// What the engine refuses, in the engine's words; a test holds both against each other. What cannot be drawn is refused
// here as it is by the command line.

class Refusal extends Error {}

const MOST = { side: 16, channels: 8, filters: 8, kernel: 16, batch: 8, classes: 16, step: 16, cells: 9216 };

// A value as Python writes it.
function python(value) {
  if (Array.isArray(value)) return `(${value.map(python).join(", ")}${value.length === 1 ? "," : ""})`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return `'${value}'`;
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

const isCount = (value, least) => Number.isInteger(value) && value >= least;

function judgeCount(op, name, value, least) {
  if (!isCount(value, least)) throw new Refusal(`${op}: ${name} must be an int >= ${least}; received ${name}=${python(value)}`);
}

function judgePair(op, name, pair, least) {
  if (!pair.every((one) => isCount(one, least))) {
    throw new Refusal(`${op}: ${name} must be an int or a pair of ints >= ${least}; received ${name}=${python(pair)}`);
  }
}

function judgePadding(op, padding, same) {
  if (padding.flat().every((one) => isCount(one, 0))) return;
  const forms = `an int, (ph, pw)${same ? ", " : " or "}((top, bottom), (left, right))${same ? ' or "same"' : ""}`;
  throw new Refusal(`${op}: padding must be ${forms} with ints >= 0; received padding=${python(padding)}`);
}

function judgePositive(op, name, value, zero) {
  if (zero ? value >= 0 : value > 0) return;
  throw new Refusal(`${op}: ${name} must be ${zero ? ">= 0" : "> 0"}; received ${name}=${python(value)}`);
}

function judgeDivides(op, name, divisor, other, number) {
  if (number % divisor === 0) return;
  throw new Refusal(
    `${op}: ${other} must be divisible by ${name}; received ${other}=${number}, ${name}=${divisor} ` +
      `(${number} % ${divisor} = ${number % divisor})`,
  );
}

function judgeWeights(op, shape, axes) {
  if (shape.includes(0)) {
    throw new Refusal(`${op}: w must have at least one weight along each axis (${axes}); w.shape=${python(shape)}`);
  }
}

// How many windows fit, or why none does.
function judgeWindows(op, shape, kernel, stride, padding, dilation, ceil = false) {
  return ["H", "W"].map((letter, axis) => {
    const [size, [front, back]] = [shape[2 + axis], padding[axis]];
    const count = outputSize(size, kernel[axis], stride[axis], padding[axis], dilation[axis], ceil);
    if (count >= 1) return count;
    const span = dilation[axis] * (kernel[axis] - 1) + 1;
    throw new Refusal(
      `${op}: the kernel is larger than the padded input: dilation * (K${letter} - 1) + 1 = ${dilation[axis]} * ` +
        `(${kernel[axis]} - 1) + 1 = ${span}, but ${letter} + padding = ${size} + ${front} + ${back} = ` +
        `${size + front + back}; x.shape=${python(shape)}, kernel_size=${python(kernel)}; enlarge the input or the padding`,
    );
  });
}

// How large a transposed convolution's output is, or why nothing is left of it.
function judgeTransposed(op, shape, kernel, stride, padding, dilation, more) {
  return ["H", "W"].map((letter, axis) => {
    const [size, [front, back]] = [shape[2 + axis], padding[axis]];
    if (more[axis] >= Math.max(stride[axis], dilation[axis])) {
      throw new Refusal(
        `${op}: output_padding must be less than stride or dilation; received output_padding=${python(more)}, ` +
          `stride=${python(stride)}, dilation=${python(dilation)}`,
      );
    }
    const left = (size - 1) * stride[axis] - front - back + dilation[axis] * (kernel[axis] - 1) + more[axis] + 1;
    if (left >= 1) return left;
    throw new Refusal(
      `${op}: nothing is left of the output: O${letter} = (${letter} - 1) * stride - padding + dilation * (K${letter} - 1) ` +
        `+ output_padding + 1 = (${size} - 1) * ${stride[axis]} - (${front} + ${back}) + ${dilation[axis]} * ` +
        `(${kernel[axis]} - 1) + ${more[axis]} + 1 = ${left}; x.shape=${python(shape)}, kernel_size=${python(kernel)}; ` +
        `take less padding`,
    );
  });
}

// What there is too much of to be drawn, before anything is computed.
function judgeDrawable(s) {
  const [c, h, width] = s.input || [];
  const sides = s.input ? { C: c, H: h, W: width } : {};
  const counted = {};
  for (const name of ["filters", "multiplier", "batch", "classes"]) if (name in s) counted[name] = s[name];
  for (const [name, size] of Object.entries({ ...sides, ...counted })) judgeCount("explore", name, size, 1);
  (s.kernel || []).forEach((size, axis) => {
    const name = ["KH", "KW"][axis];
    if (!isCount(size, 0) || size > MOST.kernel) {
      throw new Refusal(`explore: ${name} must be an int from 0 to ${MOST.kernel}; received ${name}=${python(size)}`);
    }
  });
  for (const name of ["stride", "dilation", "output_padding", "padding"]) {
    const most = Math.max(0, ...(s[name] || []).flat());
    if (most > MOST.step) throw new Refusal(`explore: ${name}=${python(most)} is too much to draw; the most is ${MOST.step}`);
  }
  if (s.input && (c > MOST.channels || Math.max(h, width) > MOST.side)) {
    const limits = [MOST.channels, MOST.side, MOST.side];
    const crop = s.input.map((size, axis) => Math.min(size, limits[axis]));
    throw new Refusal(
      `explore: an input of ${s.input.join("x")} is too large to draw; the most is ${limits.join("x")}; ` +
        `take a crop: input ${crop.join("x")}`,
    );
  }
  for (const name of ["filters", "batch", "classes"]) {
    if (counted[name] > MOST[name]) {
      throw new Refusal(`explore: ${name}=${counted[name]} is too many to draw; the most is ${MOST[name]}`);
    }
  }
  if (counted.multiplier * c > MOST.filters) {
    throw new Refusal(
      `explore: C * multiplier = ${c} * ${s.multiplier} = ${c * s.multiplier} filters are too many to draw; ` +
        `the most is ${MOST.filters}`,
    );
  }
}

function judgeCells(what, ...shape) {
  if (product(shape) <= MOST.cells) return;
  throw new Refusal(
    `explore: ${what} has ${shape.join(" * ")} = ${product(shape)} cells, too many to draw; the most is ${MOST.cells}; ` +
      `take a smaller input, a smaller kernel or a larger stride`,
  );
}
