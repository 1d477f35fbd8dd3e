// paint.js: numbers as colours on a canvas. Above 0 is blue, below orange, 0 the ground, in light and in dark.

const INK = {};

/** Read the colours of the page; they differ in light and in dark. */
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const triple = (name) => style.getPropertyValue(name).split(",").map(Number);
  INK.above = triple("--above");
  INK.below = triple("--below");
  const hex = style.getPropertyValue("--ground").trim().slice(1);
  INK.zero = [0, 2, 4].map((place) => parseInt(hex.slice(place, place + 2), 16));
  INK.none = [214, 39, 190];
}

/** Put the colour of a number into pixels; reach is the number that is drawn in full colour. */
function colour(pixels, place, value, reach) {
  const finite = Number.isFinite(value);
  const part = finite && reach > 0 ? Math.min(1, Math.abs(value) / reach) : 0;
  const strength = finite ? Math.pow(part, 0.8) : 1;
  const end = !finite ? INK.none : value < 0 ? INK.below : INK.above;
  for (let c = 0; c < 3; c += 1) pixels[place + c] = INK.zero[c] + (end[c] - INK.zero[c]) * strength;
  pixels[place + 3] = 255;
}

/** Draw a plane of numbers into a canvas of its size, `times` pixels a number. */
function paintPlane(canvas, plane, [h, w], reach, times = 1) {
  canvas.width = w * times;
  canvas.height = h * times;
  const context = canvas.getContext("2d");
  const image = context.createImageData(w * times, h * times);
  for (let r = 0; r < h * times; r += 1) {
    for (let c = 0; c < w * times; c += 1) {
      colour(image.data, 4 * (r * w * times + c), plane[Math.floor(r / times) * w + Math.floor(c / times)], reach);
    }
  }
  context.putImageData(image, 0, 0);
  return context;
}

const TILE = 36; // pixels of a map in the flow
const MOST_TILES = 16;
const DOT = 6; // of a single number

/** Return how maps are laid out in a cell of the flow: tiles of maps, or dots of single numbers. */
function mosaic(layer) {
  const count = layer.kept ? layer.kept.length : layer.maps[0];
  const [, h, w] = layer.maps;
  if (h * w === 1) {
    const rows = Math.min(count, 20), columns = Math.min(Math.ceil(count / rows), 30);
    return { dots: true, shown: Math.min(count, rows * columns), rows, columns, width: columns * DOT, height: rows * DOT };
  }
  const shown = Math.min(count, MOST_TILES);
  const columns = shown < 4 ? 1 : shown < 9 ? 2 : shown < 13 ? 3 : 4, rows = Math.ceil(shown / columns);
  const tall = Math.max(4, Math.round(TILE * Math.min(1, h / w))), wide = Math.max(4, Math.round(TILE * Math.min(1, w / h)));
  return { shown, rows, columns, tall, wide, width: columns * (wide + 3) - 3, height: rows * (tall + 3) - 3 };
}

/** Draw the maps of a layer into the canvas of its cell. */
function paintMosaic(canvas, plan, maps) {
  canvas.width = plan.width;
  canvas.height = plan.height;
  const context = canvas.getContext("2d");
  if (!maps) return;
  const reach = reachOf(maps), [h, w] = maps.size;
  const tall = plan.dots ? DOT - 1 : plan.tall, wide = plan.dots ? DOT - 1 : plan.wide;
  const stepDown = plan.dots ? DOT : tall + 3, stepAcross = plan.dots ? DOT : wide + 3;
  for (let i = 0; i < plan.shown; i += 1) {
    const plane = maps.plane(i);
    const image = context.createImageData(wide, tall);
    for (let r = 0; r < tall; r += 1) {
      for (let c = 0; c < wide; c += 1) {
        colour(image.data, 4 * (r * wide + c), plane[Math.floor(r * h / tall) * w + Math.floor(c * w / wide)], reach);
      }
    }
    const row = plan.dots ? i % plan.rows : Math.floor(i / plan.columns);
    const column = plan.dots ? Math.floor(i / plan.rows) : i % plan.columns;
    context.putImageData(image, column * stepAcross, row * stepDown);
  }
}
