// data.js: what Python has embedded, decoded when it is looked at.

/** Return the bytes of base64 text. */
function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
  return bytes;
}

function floatsOf(text) {
  return new Float32Array(bytesOf(text).buffer);
}

const decoded = new WeakMap();

/** Return maps as { size: [h, w], count, exact, plane(i) }; numbers that are not finite are NaN. */
function mapsOf(packed) {
  if (!packed) return null;
  if (!decoded.has(packed)) decoded.set(packed, unpack(packed));
  return decoded.get(packed);
}

function unpack(packed) {
  const [h, w] = packed.size;
  const n = h * w;
  if (packed.t === "f") {
    const all = floatsOf(packed.d);
    return { size: [h, w], count: all.length / n, exact: true, plane: (i) => all.subarray(i * n, (i + 1) * n) };
  }
  const bytes = bytesOf(packed.d), ends = floatsOf(packed.ends);
  const count = bytes.length / n, planes = [];
  const plane = (i) => {
    if (!planes[i]) {
      const low = ends[i], high = ends[count + i], numbers = new Float32Array(n);
      for (let p = 0; p < n; p += 1) {
        const byte = bytes[i * n + p];
        numbers[p] = byte === 255 ? NaN : low + (high - low) * byte / 254;
      }
      planes[i] = numbers;
    }
    return planes[i];
  };
  return { size: [h, w], count, exact: false, plane };
}

/** Return the channel of each embedded map of a layer. */
function channelsOf(layer) {
  return layer.kept || Array.from({ length: layer.maps[0] }, (_, channel) => channel);
}

/** Return the largest size of a number in some maps. */
function reachOf(maps) {
  if (maps.reach === undefined) {
    let most = 0;
    for (let i = 0; i < maps.count; i += 1) {
      for (const value of maps.plane(i)) if (Math.abs(value) > most && Number.isFinite(value)) most = Math.abs(value);
    }
    maps.reach = most;
  }
  return maps.reach;
}

/** Write a number in few digits, as a reader would. */
function short(value, digits = 4) {
  if (value === null || !Number.isFinite(value)) return say("not_finite");
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(Math.max(0, digits - 2)) : String(Number(value.toPrecision(digits)));
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Write a count: 1,234 or 1.2 M. */
function many(count) {
  if (count < 100000) return count.toLocaleString("en");
  const [unit, name] = count < 1e6 ? [1e3, "k"] : count < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${Number((count / unit).toPrecision(3))} ${name}`;
}

function sizesOf(shape) {
  return shape.join("×") || "1";
}

/** Return a sentence of the language, with its {gaps} filled. */
function say(key, gaps = {}) {
  return WORDS[key].replace(/\{(\w+)\}/g, (_, name) => gaps[name]);
}

/** Make an element: properties that begin with "on" are listeners, the others attributes. */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && value !== null) element.setAttribute(name, String(value));
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}
