// Text: the strings of the reader's language, and how numbers are written.

function say(key, values = {}) {
  const text = LANGUAGE.strings[key];
  if (text === undefined) throw new Error(`no string ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => escapes[letter]);

// A number in the few digits that a cell has room for: 4 of them, whole numbers with all of theirs.
function short(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  if (Object.is(value, -0)) value = 0;
  const text = Number.isInteger(value) && Math.abs(value) < 1e6 ? String(value) : String(Number(value.toPrecision(4)));
  return text.replace("-", "−");
}

const signed = (value) => (value < 0 || Object.is(value, -0) ? `(${short(value)})` : short(value));

const sizes = (shape) => (shape.length ? shape.join("×") : "1");

const named = (name, index) => (index.length ? `${name}[${index.join(", ")}]` : name);
