// grid.js: one array as a grid of numbers. Cells are pointed at, stepped through with the arrow keys, and lit.

const LEVELS = 6;
const CHUNK = 16; // columns of a matrix that are made together: those in sight at once, the others when there is time
const AT_ONCE = 3; // chunks

const PARTS = ["self", "from", "to", "won"];

function tintOf(value, most) {
  if (!value || !most || !Number.isFinite(value)) return "";
  const level = Math.max(1, Math.round((Math.abs(value) / most) * LEVELS));
  return ` ${value > 0 ? "p" : "n"}${level}`;
}

class Grid {
  constructor(explorer) {
    this.explorer = explorer;
    this.element = document.createElement("figure");
    this.caption = document.createElement("figcaption");
    this.cells = document.createElement("div");
    this.cells.className = "cells";
    this.cells.tabIndex = 0;
    this.cells.setAttribute("role", "application");
    this.element.append(this.caption, this.cells);
    this.lit = [];
    this.cells.addEventListener("pointerover", (event) => this.point(event, "point"));
    this.cells.addEventListener("click", (event) => this.point(event, "pick"));
    this.cells.addEventListener("pointerleave", () => explorer.point(null));
    this.cells.addEventListener("keydown", (event) => this.key(event));
    this.cells.addEventListener("focus", () => this.focused());
  }

  point(event, what) {
    const flat = event.target.flat;
    if (flat === undefined || (what === "point" && event.pointerType === "touch")) return;
    this.explorer[what]({ array: this.panel.array, flat });
  }

  focused() {
    const { selected } = this.explorer;
    if (!this.cells.matches(":focus-visible")) return;
    if (!selected || selected.array !== this.panel.array) this.explorer.pick({ array: this.panel.array, flat: this.at(0, 0, 0) });
  }

  // The flat index of a cell of a plane.
  at(plane, row, column) {
    return this.panel.at ? this.panel.at(plane, row, column) : place(this.panel.shape, plane, row, column);
  }

  key(event) {
    const [planes, rows, columns] = this.panel.shape;
    const { selected } = this.explorer;
    let [plane, row, column] = this.spotOf(selected && selected.array === this.panel.array ? selected.flat : 0);
    const moves = {
      ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
      PageUp: [-1, 0, 0], PageDown: [1, 0, 0], Home: [0, 0, -columns], End: [0, 0, columns],
    };
    const move = moves[event.key];
    if (!move) {
      if (/^[-0-9.]$/.test(event.key) && this.panel.editable && !event.ctrlKey && !event.metaKey) {
        this.explorer.startEditing(event.key);
        event.preventDefault();
      }
      return;
    }
    event.preventDefault();
    const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
    plane = within(plane + move[0], planes);
    row = within(row + move[1], rows);
    column = within(column + move[2], columns);
    this.explorer.pick({ array: this.panel.array, flat: this.at(plane, row, column) });
  }

  // Draw a panel anew, or only its numbers where nothing else has changed.
  draw(panel, m, hidden) {
    const signature = JSON.stringify([panel.array, panel.shape, panel.border, panel.every, panel.before, panel.own, hidden]);
    const array = m.a[panel.array];
    this.panel = panel;
    this.texts = Array.from(array.data, panel.array === "cols" && panel.borderIs ? (one) => (one === -Infinity ? panel.borderIs : short(one)) : short);
    this.most = largest(array.data.filter(Number.isFinite));
    this.data = array.data;
    this.hidden = hidden;
    if (signature === this.signature) this.rewrite();
    else this.build(m);
    this.signature = signature;
  }

  text(flat) {
    if (this.overriding) return short(this.overriding[flat]);
    return this.hidden && !this.hidden.has(`${this.panel.array}:${flat}`) ? "?" : this.texts[flat];
  }

  classOf(flat) {
    const { hidden, panel, explorer } = this;
    const tint = hidden && !hidden.has(`${panel.array}:${flat}`) ? " unknown" : tintOf(this.data[flat], this.most);
    return (explorer.isDrawn(panel.array, panel.own, flat) ? "drawn" : "") + tint;
  }

  build(m) {
    const { panel } = this;
    const widest = this.texts.reduce((most, text) => Math.max(most, text.length), 2);
    const labels = panel.matrix && panel.columnLabels ? Math.max(...panel.columnLabels.map((one) => one.length)) : 0;
    this.cells.style.setProperty("--width", `${Math.max(widest * 0.62 + 0.7, labels * 0.56 + 0.8, 2).toFixed(2)}em`);
    this.cells.style.setProperty("--planes", panel.own.length === 4 && !panel.matrix ? panel.own[1] : 0);
    this.cells.classList.toggle("lattice", panel.own.length === 4 && !panel.matrix);
    this.places = new Map();
    this.borders = new Map();
    this.pending = new Map();
    this.overriding = null;
    this.lit = [];
    this.order = [];
    this.cells.innerHTML = panel.matrix ? this.matrix() : this.planes();
    if (panel.matrix) this.shells();
    else this.place(this.cells);
    const title = say(`array.${panel.title || panel.array}`);
    const shape = sizes(panel.matrix ? panel.shape.filter((one, axis) => axis > 0 || one > 1) : panel.own);
    this.element.className = `panel${panel.matrix ? " wide" : ""}`;
    this.element.dataset.id = panel.id;
    this.element.dataset.array = panel.array;
    const before = panel.before ? `<em>${escaped(panel.before)}</em>` : "";
    this.caption.innerHTML = `${before}<b>${escaped(nameOf(panel.array))}</b> <span>${escaped(shape)}</span> ${escaped(title)}`;
    this.cells.setAttribute("aria-label", say("grid.label", { name: nameOf(panel.array), shape, title }));
  }

  // Remember the elements of cells that have just been made, in the order in which they were written.
  place(parent) {
    const elements = parent.getElementsByTagName("i");
    this.order.forEach((flat, n) => {
      if (flat < 0) return this.borders.set(-1 - flat, elements[n]);
      elements[n].flat = flat;
      this.places.set(flat, elements[n]);
    });
  }

  // Make the chunks of a matrix that are in sight; the others wait.
  shells() {
    const per = Math.ceil(this.panel.shape[2] / CHUNK);
    [...this.cells.getElementsByClassName("chunk")].forEach((element, n) => this.pending.set(n, element));
    for (const n of [...this.pending.keys()]) if (n % per < AT_ONCE) this.fill(n);
  }

  fill(n) {
    const { panel } = this;
    const [, rows, columns] = panel.shape;
    const per = Math.ceil(columns / CHUNK);
    const [plane, first] = [Math.floor(n / per), (n % per) * CHUNK];
    const last = Math.min(columns, first + CHUNK);
    let html = "";
    this.order = [];
    for (let column = first; panel.columnLabels && column < last; column++) html += `<u>${panel.columnLabels[column]}</u>`;
    for (let row = 0; row < rows; row++) {
      const ruled = this.ruled(row);
      for (let column = first; column < last; column++) {
        const flat = this.at(plane, row, column);
        this.order.push(flat);
        html += `<i class="${ruled}${this.classOf(flat)}">${this.text(flat)}</i>`;
      }
    }
    const element = this.pending.get(n);
    this.pending.delete(n);
    element.innerHTML = html;
    this.place(element);
  }

  // Make one more chunk; returns whether any is left.
  fillNext() {
    const [next] = this.pending ? this.pending.keys() : [];
    if (next !== undefined) this.fill(next);
    return Boolean(this.pending && this.pending.size);
  }

  // The element of a cell, made now if it has not been.
  elementOf(flat) {
    if (!this.places.has(flat) && this.pending.size) {
      const [plane, , column] = this.spotOf(flat);
      const n = plane * Math.ceil(this.panel.shape[2] / CHUNK) + Math.floor(column / CHUNK);
      if (this.pending.has(n)) this.fill(n);
    }
    return this.places.get(flat);
  }

  // Where a cell stands: plane, row, column.
  spotOf(flat) {
    const { shape, where } = this.panel;
    return where ? where(flat) : indexOf(shape, flat);
  }

  cell(flat) {
    this.order.push(flat);
    return `<i class="${this.classOf(flat)}">${this.text(flat)}</i>`;
  }

  planes() {
    const { panel } = this;
    const [count, rows, columns] = panel.shape;
    const [[top, bottom], [left, right]] = panel.border;
    const wide = left + columns + right;
    const names = planeNames(panel, this.explorer.m.n);
    let html = "";
    for (let plane = 0; plane < count; plane++) {
      html += `<div class="plane">${names ? `<span>${names[plane]}</span>` : ""}<div class="grid" style="--columns:${wide}">`;
      for (let row = 0; row < top + rows + bottom; row++) {
        for (let column = 0; column < wide; column++) {
          const inside = row >= top && row < top + rows && column >= left && column < left + columns;
          if (inside) html += this.cell(this.at(plane, row - top, column - left));
          else {
            this.order.push(-1 - ((plane * (top + rows + bottom) + row) * wide + column));
            html += `<i class="border">${panel.borderIs || (panel.array[0] === "d" || panel.array === "y" ? "" : this.explorer.borderOf())}</i>`;
          }
        }
      }
      html += "</div></div>";
    }
    return html;
  }

  matrix() {
    const { panel } = this;
    const [count, rows, columns] = panel.shape;
    let html = "";
    for (let plane = 0; plane < count; plane++) {
      const name = count > 1 ? `<span>${panel.planesAre ? `${panel.planesAre} = ${plane}` : say("grid.group", { g: plane })}</span>` : "";
      html += `<div class="plane">${name}<div class="matrix">`;
      if (panel.rowLabels) {
        const labels = panel.rowLabels.map((label, row) => `<u class="${this.ruled(row)}">${label}</u>`).join("");
        html += `<div class="labels">${panel.columnLabels ? `<u>${panel.rowsAre}</u>` : ""}${labels}</div>`;
      }
      for (let first = 0; first < columns; first += CHUNK) {
        const here = Math.min(CHUNK, columns - first);
        html += `<div class="grid chunk" style="--columns:${here};--rows:${rows + (panel.columnLabels ? 1 : 0)}"></div>`;
      }
      html += "</div></div>";
    }
    return html;
  }

  ruled(row) {
    return this.panel.every && row && row % this.panel.every === 0 ? "ruled " : "";
  }

  rewrite() {
    this.overriding = null;
    for (const [flat, element] of this.places) {
      const text = this.text(flat);
      if (element.firstChild.data !== text) element.firstChild.data = text;
      const ruled = element.classList.contains("ruled") ? "ruled " : "";
      const name = ruled + this.classOf(flat);
      if (element.className !== name) element.className = name;
    }
    this.lit = [];
  }

  // Light what belongs to a cell that is pointed at, and bring it into sight.
  light(light, follow) {
    for (const element of this.lit) element.classList.remove(...PARTS);
    this.lit = [];
    if (!light) return;
    const add = (element, part) => {
      if (!element) return;
      element.classList.add(part);
      this.lit.push(element);
    };
    for (const [flat, part] of light.cells[this.panel.array] || []) add(this.elementOf(flat), part);
    for (const [spot, part] of light.border[this.panel.array] || []) add(this.borders.get(spot), part);
    if (follow) this.follow();
  }

  follow() {
    const target = this.lit.find((element) => element.classList.contains("self")) || this.lit[0];
    if (!target || this.cells.scrollWidth <= this.cells.clientWidth) return;
    const [box, cell] = [this.cells.getBoundingClientRect(), target.getBoundingClientRect()];
    const labels = this.panel.rowLabels ? 64 : 0;
    if (cell.left < box.left + labels || cell.right > box.right) {
      this.cells.scrollLeft += cell.left - box.left - (box.width + labels - cell.width) / 2;
    }
  }

  // Numbers that stand in for the right ones while copies are added one after the other.
  override(data) {
    this.overriding = data || null;
    for (const [flat, element] of this.places) {
      const text = this.text(flat);
      if (element.firstChild.data !== text) element.firstChild.data = text;
    }
  }
}

const nameOf = (array) => LANGUAGE.strings[`name.${array}`] || array;

// What stands above the planes of an array: its channel, or kernel and channel.
function planeNames({ own, shape, array }, operands) {
  if (shape[0] === 1) return null;
  const kernels = operands.w && operands.w.shape.length === 4;
  const letters = own.length === 4 ? (array === "w" || array === "dw" ? ["o", "c"] : ["n", "c"]) : ["c"];
  if (kernels && (array === "y" || array === "dy")) letters[0] = "o";
  if (own.length === 4 && letters[0] === "o" && own[0] === operands.x.shape[0] && operands.b.shape[0] !== own[0]) letters.reverse();
  const lead = own.slice(0, -2);
  return range(shape[0]).map((plane) => indexOf(lead, plane).map((one, axis) => `${letters[axis]} = ${one}`).join(", "));
}
