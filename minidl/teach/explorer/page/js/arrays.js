// Arrays as the page knows them: { shape, data }, row by row, numbers of 64 bits as the engine's float64.

const product = (sizes) => sizes.reduce((all, one) => all * one, 1);

const zeros = (shape) => ({ shape, data: new Float64Array(product(shape)) });

const filled = (shape, data) => ({ shape, data: Float64Array.from(data) });

// place([2, 3, 4], 1, 2, 3) is the index of [1, 2, 3] in the flat data.
function place(shape, ...index) {
  let flat = 0;
  for (let axis = 0; axis < shape.length; axis++) flat = flat * shape[axis] + index[axis];
  return flat;
}

// The other way round: where in the shape a flat index stands.
function indexOf(shape, flat) {
  const index = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = flat % shape[axis];
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

const range = (count, first = 0) => Array.from({ length: count }, (_, i) => first + i);

const largest = (data) => data.reduce((most, one) => Math.max(most, Math.abs(one)), 0);

// What stood at a place of an array of another size; cells that were not there come from a fixed seed, so that the
// same settings always show the same numbers.
function resized(given, givenShape, shape, name, low, high, tenths) {
  const array = zeros(shape);
  for (let flat = 0; flat < array.data.length; flat++) {
    const index = indexOf(shape, flat);
    const known = given && index.every((one, axis) => one < givenShape[axis]);
    array.data[flat] = known ? given[place(givenShape, ...index)] : seeded(name, index, low, high, tenths);
  }
  return array;
}

// A whole number (or tenths) from low to high that depends on nothing but the name and the place.
function seeded(name, index, low, high, tenths) {
  let hash = 2166136261;
  for (const one of `${name}:${index.join(",")}`) hash = Math.imul(hash ^ one.charCodeAt(0), 16777619);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822507);
  hash = Math.imul(hash ^ (hash >>> 13), 3266489909);
  hash = (hash ^ (hash >>> 16)) >>> 0;
  const scale = tenths ? 10 : 1;
  return (low * scale + (hash % ((high - low) * scale + 1))) / scale;
}
