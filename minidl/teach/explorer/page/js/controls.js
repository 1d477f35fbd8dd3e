// controls.js: the settings, live. What cannot be is said in the engine's words instead of drawn.

const PAIR_KEYS = ["kernel", "stride", "dilation", "output_padding"];
const NUMBER_KEYS = ["alpha", "beta", "k", "eps", "label_smoothing"];
const FLAG_KEYS = ["ceil_mode", "count_include_pad"];

// The numbers of a setting, each with the key of its name and its place in the setting.
function fieldsOf(key) {
  if (key === "input") return [["C", [0]], ["H", [1]], ["W", [2]]];
  if (PAIR_KEYS.includes(key)) return [["rows", [0]], ["columns", [1]]];
  if (key === "padding") return [["top", [0, 0]], ["bottom", [0, 1]], ["left", [1, 0]], ["right", [1, 1]]];
  return [["", []]];
}

class Controls {
  constructor(explorer) {
    this.explorer = explorer;
    this.inputs = [];
    this.element = document.createElement("details");
    this.element.className = "controls card";
    this.element.open = !matchMedia("(max-width: 40rem)").matches;
    this.element.innerHTML = `<summary>${escaped(say("controls.title"))}</summary><form></form>`;
    this.form = this.element.querySelector("form");
    this.form.addEventListener("submit", (event) => event.preventDefault());
    for (const key of explorer.operation.controls) this.form.append(this.fieldset(key));
    this.form.addEventListener("input", () => this.read());
  }

  fieldset(key) {
    const set = document.createElement("fieldset");
    set.dataset.key = key;
    set.innerHTML = `<legend>${escaped(say(`controls.${key}`))}</legend>`;
    for (const [name, path] of fieldsOf(key)) set.append(this.field(key, name, path));
    return set;
  }

  field(key, name, path) {
    const label = document.createElement("label");
    const title = name ? say(`controls.side_${name}`) : "";
    let input = document.createElement("input");
    if (key === "convention") {
      input = document.createElement("select");
      input.append(new Option("paper"), new Option("torch"));
    } else if (FLAG_KEYS.includes(key)) {
      input.type = "checkbox";
    } else {
      input.type = "number";
      input.inputMode = NUMBER_KEYS.includes(key) ? "decimal" : "numeric";
      input.step = NUMBER_KEYS.includes(key) ? "any" : "1";
    }
    input.setAttribute("aria-label", `${say(`controls.${key}`)}${title ? `, ${title}` : ""}`);
    if (title) label.innerHTML = `<span>${escaped(title)}</span>`;
    label.append(input);
    this.inputs.push({ key, path, input });
    return label;
  }

  // Show the settings as they are.
  show(settings) {
    for (const { key, path, input } of this.inputs) {
      const value = path.reduce((all, one) => all[one], settings[key]);
      if (input.type === "checkbox") input.checked = value;
      else if (input.type !== "number" || Number(input.value) !== value || input.value === "") input.value = value;
    }
  }

  read() {
    const settings = copyOf(this.explorer.settings);
    let whole = true;
    for (const { key, path, input } of this.inputs) {
      const value = input.type === "checkbox" ? input.checked : input.type === "number" ? input.valueAsNumber : input.value;
      const empty = Number.isNaN(value);
      input.toggleAttribute("aria-invalid", empty);
      whole = whole && !empty;
      if (path.length === 0) settings[key] = value;
      else path.reduce((all, one, n) => (n === path.length - 1 ? (all[one] = value) : all[one]), settings[key]);
    }
    if (whole) this.explorer.change(settings);
  }
}
