// share.js: the settings in the address, so that a state can be passed on; and the lines of Python that compute the same.

const flatText = (value) => (Array.isArray(value) ? value.flat().join(".") : String(value));

function toFragment(explorer) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(explorer.settings)) words.set(key, NUMBER_KEYS.includes(key) ? String(value) : flatText(value));
  words.set("view", explorer.viewName);
  const edits = Object.entries(explorer.edits).flatMap(([name, cells]) => Object.entries(cells).map(([at, value]) => `${name}~${at}~${value}`));
  if (edits.length) words.set("edits", edits.join("!"));
  return `#${words}`;
}

// Settings, edits and view of a fragment, or null where it is none of this operation's.
function fromFragment(fragment, settings) {
  const words = new URLSearchParams(fragment.replace(/^#/, ""));
  const read = copyOf(settings);
  let found = false;
  for (const [key, value] of Object.entries(settings)) {
    const text = words.get(key);
    if (text === null) continue;
    found = true;
    if (typeof value === "boolean") read[key] = text === "true";
    else if (typeof value === "string") read[key] = text;
    else if (typeof value === "number") read[key] = Number(text);
    else {
      const numbers = text.split(".").map(Number);
      if (numbers.length !== value.flat().length) return null;
      read[key] = Array.isArray(value[0]) ? [numbers.slice(0, 2), numbers.slice(2)] : numbers;
    }
    if (typeof read[key] === "number" && Number.isNaN(read[key])) return null;
  }
  const edits = {};
  for (const one of (words.get("edits") || "").split("!").filter(Boolean)) {
    const [name, at, value] = one.split("~");
    if (/^[a-z]+$/.test(name) && /^[\d.]*$/.test(at || "") && value && Number.isFinite(Number(value))) (edits[name] = edits[name] || {})[at] = Number(value);
  }
  return found ? { settings: read, edits, view: words.get("view") } : null;
}

// Numbers as nested lists of Python.
function nested(shape, data, first = 0) {
  if (shape.length === 0) return String(data[first]);
  const each = product(shape.slice(1));
  return `[${range(shape[0]).map((n) => nested(shape.slice(1), data, first + n * each)).join(", ")}]`;
}

function pythonCode(m) {
  const { operation, n } = m;
  const batch = operation.batched ? "" : "[None]";
  const lines = ["import numpy as np", "from minidl import Tensor, ops", ""];
  for (const [name, { shape, data }] of Object.entries(n)) {
    if (name === "labels") lines.push(`labels = np.array(${nested(shape, data)})`);
    else if (name === "dy") lines.push(`dy = np.array(${nested(shape, data)}, dtype="float64")${shape.length ? batch : ""}`);
    else lines.push(`${name} = Tensor(np.array(${nested(shape, data)}, dtype="float64")${name === "x" ? batch : ""}, requires_grad=True)`);
  }
  const gradients = ["x", "w", "b"].filter((name) => name in n).map((name) => `${name}.grad`);
  return [...lines, "", `y = ${operation.code(m.s)}`, "y.backward(dy)", `print(y, ${gradients.join(", ")}, sep="\\n")`, ""].join("\n");
}

class Share {
  constructor(explorer, linked) {
    this.explorer = explorer;
    this.element = document.createElement("section");
    this.element.className = "share card";
    this.element.innerHTML =
      (linked ? `<button type="button" data-what="link">${escaped(say("share.link"))}</button> ` : "") +
      `<button type="button" data-what="code">${escaped(say("share.code"))}</button> ` +
      `<button type="button" data-what="reset">${escaped(say("share.reset"))}</button>` +
      `<p role="status" class="quiet"></p><pre tabindex="0" hidden></pre>`;
    this.status = this.element.querySelector("p");
    this.pre = this.element.querySelector("pre");
    this.element.addEventListener("click", (event) => this[event.target.dataset.what]?.());
  }

  link() {
    this.copy(location.href.replace(/#.*/, "") + toFragment(this.explorer), "share.link_done");
  }

  code() {
    if (!this.explorer.m) return;
    const text = pythonCode(this.explorer.m);
    this.pre.textContent = text;
    this.pre.hidden = false;
    this.copy(text, "share.code_done");
  }

  reset() {
    this.status.textContent = "";
    this.pre.hidden = true;
    this.explorer.reset();
  }

  // Where the clipboard is closed to pages, the text is shown to be copied by hand.
  async copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      this.status.textContent = say(done);
    } catch {
      this.pre.textContent = text;
      this.pre.hidden = false;
      this.status.textContent = say("share.by_hand");
    }
  }
}
