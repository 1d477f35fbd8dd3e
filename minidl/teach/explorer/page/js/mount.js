// mount.js: an element becomes an explorer, which holds what is shown and tells the panels.

class Explorer {
  constructor(element, state, linked = false) {
    this.start = copyOf(state);
    this.op = state.op;
    this.operation = OPERATIONS[state.op];
    if (!this.operation) throw new Error(`minidlExplorer: there is no operation ${state.op}`);
    this.given = given(state);
    this.settings = copyOf(state.settings);
    this.edits = {};
    this.viewName = "forward";
    this.selected = null;
    this.hovered = null;
    this.linked = linked;
    this.grids = new Map();
    this.root = element.shadowRoot || element.attachShadow({ mode: "open" });
    this.scaffold(state);
    this.update();
  }

  scaffold(state) {
    const heading = this.linked ? "h1" : "h2";
    this.root.innerHTML =
      `<style>${STYLE}</style><div class="explorer" lang="${LANGUAGE.lang}"><header><${heading}>${escaped(say(`title.${this.op}`))} ` +
      `<code>${this.operation.engine}</code></${heading}><p class="quiet lead">${escaped(say(`lead.${this.op}`))}</p></header>` +
      `<div class="aside"></div><div class="stage"><div class="bar"><div class="views" role="group" aria-label="${escaped(say("view.title"))}"></div></div>` +
      `<div class="formula" tabindex="0" role="group" aria-label="${escaped(say("formula.title"))}"></div>` +
      `<p class="refusal" role="alert" hidden></p><div class="drawn-area"></div><p class="note quiet"></p></div><div class="end"></div></div>`;
    const find = (selector) => this.root.querySelector(selector);
    [this.stage, this.views, this.formula, this.refusal, this.area, this.note] =
      [".stage", ".views", ".formula", ".refusal", ".drawn-area", ".note"].map(find);
    this.controls = new Controls(this);
    this.predict = new Predict(this);
    this.steps = new Steps(this);
    this.explanation = new Explanation(this);
    this.share = new Share(this, this.linked);
    if (!state.locked) find(".aside").append(this.controls.element);
    find(".aside").append(this.predict.element);
    find(".end").append(this.share.element);
    find(".bar").append(this.steps.element);
    this.stage.insertBefore(this.explanation.element, this.area);
    for (const name of Object.keys(this.operation.views)) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.view = name;
      button.textContent = say(`view.${name === "dx" && !this.operation.views.dw ? "backward" : name}`);
      button.addEventListener("click", () => this.view(name));
      this.views.append(button);
    }
  }

  // Settings have changed: compute again, or say why not.
  update() {
    this.controls.show(this.settings);
    try {
      this.m = modelOf(this.op, this.settings, this.given, this.edits);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.m = null;
      this.refusal.textContent = error.message;
    }
    this.refusal.hidden = Boolean(this.m);
    this.area.hidden = this.formula.hidden = this.explanation.element.hidden = this.steps.element.hidden = !this.m;
    if (this.m) {
      this.predict.revealed.clear();
      this.predict.shape = false;
      if (this.selected && !this.exists(this.selected)) this.selected = null;
      this.steps.begin(this.operation.views[this.viewName].steps(this.m));
      this.redraw();
    }
    this.remember();
  }

  exists({ array, flat }) {
    return Boolean(this.m && this.panels().some((panel) => panel.array === array) && flat < this.m.a[array].data.length);
  }

  // What the view shows of this model; looked at for every cell that is pointed at.
  panels() {
    if (this.shownOf !== this.m || this.shownIn !== this.viewName) {
      this.rows = panelsOf(this.m, this.viewName);
      [this.shown, this.shownOf, this.shownIn] = [this.rows.flat(), this.m, this.viewName];
    }
    return this.shown;
  }

  // Draw all that is to be seen of the model.
  redraw() {
    if (!this.m) return;
    const { m } = this;
    const hides = this.predict.seen;
    this.formula.innerHTML = hides && !this.predict.shape
      ? `<p>${escaped(say("predict.hidden"))}</p>`
      : [...this.operation.formula(m), ...(this.operation.facts ? this.operation.facts(m) : [])].map((text) => `<p>${escaped(text)}</p>`).join("");
    for (const button of this.views.children) button.setAttribute("aria-pressed", String(button.dataset.view === this.viewName));
    this.panels();
    const { rows } = this;
    const used = new Set();
    rows.forEach((row, n) => {
      const line = this.area.children[n] || this.area.appendChild(Object.assign(document.createElement("div"), { className: "row" }));
      row.forEach((panel, at) => {
        const key = `${this.viewName}:${panel.id}`;
        used.add(key);
        if (!this.grids.has(key)) this.grids.set(key, new Grid(this));
        const grid = this.grids.get(key);
        grid.draw(panel, m, panel.result ? hides : null);
        if (line.children[at] !== grid.element) line.insertBefore(grid.element, line.children[at] || null);
      });
      while (line.childElementCount > row.length) line.lastElementChild.remove();
    });
    while (this.area.childElementCount > rows.length) this.area.lastElementChild.remove();
    for (const key of this.grids.keys()) if (!used.has(key)) this.grids.delete(key);
    this.note.textContent = [this.printed() ? say("note.lecture") : "", this.start.note || "", this.wrong()].filter(Boolean).join(" ");
    this.enlighten(true);
    this.complete();
  }

  // What is out of sight is made bit by bit, when there is nothing else to do; or all at once.
  complete(now = false) {
    clearTimeout(this.later);
    const more = () => [...this.grids.values()].some((grid) => grid.fillNext());
    if (now) while (more());
    else this.later = setTimeout(() => more() && this.complete(), 30);
  }

  // Numbers that the lecture prints stand upright; those that a seed has drawn are set in italics.
  printed() {
    const { printed = {} } = this.start;
    return Object.keys(printed).length > 0;
  }

  isDrawn(array, shape, flat) {
    const block = (this.start.printed || {})[array];
    if (!block || shape.length !== block.length) return false;
    return indexOf(shape, flat).some((one, axis) => one >= block[axis]);
  }

  // A page whose arithmetic is not the engine's says so.
  wrong() {
    const same = JSON.stringify(this.settings) === JSON.stringify(this.start.settings) && Object.keys(this.edits).length === 0;
    const found = same ? differences(this.m, this.start.engine) : [];
    return found.length ? say("note.wrong", { names: found.join(", ") }) : "";
  }

  borderOf() {
    return "0";
  }

  trace({ array, flat }) {
    return this.operation.views[this.viewName].trace(this.m, array, flat);
  }

  // Light the cell that is pointed at, else the one that was chosen.
  enlighten(follow = false) {
    const cell = this.hovered || this.selected;
    const light = cell && this.trace(cell);
    for (const grid of this.grids.values()) grid.light(light, follow);
    const hidden = this.predict.hides(cell, this.panels());
    const name = cell && named(nameOf(cell.array), indexOf(this.m.a[cell.array].shape, cell.flat));
    this.explanation.show(light, name, hidden);
    if (this.hovered) return;
    const editable = cell && cell.array in this.m.n && this.panels().some((panel) => panel.array === cell.array && panel.editable);
    this.explanation.offer(editable ? name : null, editable ? this.m.n[cell.array].data[cell.flat] : 0);
    this.predict.ask(this.m, cell, hidden);
  }

  point(cell) {
    if (cell && this.hovered && cell.array === this.hovered.array && cell.flat === this.hovered.flat) return;
    if (!cell && !this.hovered) return;
    this.hovered = cell;
    this.enlighten();
  }

  pick(cell) {
    this.hovered = null;
    this.selected = cell;
    this.partly(null);
    this.enlighten(true);
  }

  step(cell) {
    this.hovered = null;
    this.selected = cell;
    this.partly(cell);
    this.enlighten(true);
  }

  // While copies are added one at a time, the sum shows only those that have come.
  partly(cell) {
    const { partial } = this.operation.views[this.viewName];
    const override = cell && partial && !this.predict.seen ? partial(this.m, cell.flat) : {};
    for (const grid of this.grids.values()) {
      const data = override[grid.panel.array];
      if (data || grid.partial) grid.override(data && data.data);
      grid.partial = Boolean(data);
    }
  }

  startEditing(first) {
    const { input, value } = this.explanation;
    if (value.hidden) return;
    input.focus();
    input.value = /\d/.test(first) ? first : "";
    input.dispatchEvent(new Event("input"));
  }

  // Back from the value to the cell it belongs to.
  back() {
    const grid = [...this.grids.values()].find((one) => one.panel.array === this.selected.array);
    if (grid) grid.cells.focus();
  }

  edit(value) {
    const { array, flat } = this.selected;
    const key = indexOf(this.m.n[array].shape, flat).join(".");
    this.edits[array] = { ...this.edits[array], [key]: value };
    this.refresh();
  }

  // Numbers have changed, shapes have not.
  refresh() {
    try {
      this.m = modelOf(this.op, this.settings, this.given, this.edits);
      this.refusal.hidden = true;
      this.redraw();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.refusal.textContent = error.message;
      this.refusal.hidden = false;
    }
    this.remember();
  }

  change(settings) {
    this.settings = settings;
    this.update();
  }

  reset() {
    this.edits = {};
    this.change(copyOf(this.start.settings));
  }

  view(name) {
    this.hovered = null;
    if (name === this.viewName) return;
    this.viewName = name;
    if (!this.m) return;
    if (this.selected && !this.exists(this.selected)) this.selected = null;
    this.steps.begin(this.operation.views[name].steps(this.m));
    this.grids.clear();
    this.area.replaceChildren();
    this.redraw();
    this.remember();
  }

  remember() {
    if (!this.linked || !this.ready) return;
    clearTimeout(this.writing); // the address need not follow every keystroke
    this.writing = setTimeout(() => history.replaceState(null, "", toFragment(this)), 150);
  }

  recall() {
    const found = fromFragment(location.hash, this.start.settings);
    if (!found) return;
    this.edits = found.edits;
    if (found.view && found.view in this.operation.views) this.viewName = found.view;
    this.change(found.settings);
  }
}

function handle(explorer) {
  return {
    select: (array, flat) => explorer.pick({ array, flat }),
    view: (name) => explorer.view(name),
    change: (settings) => explorer.change({ ...explorer.settings, ...settings }),
    state() {
      const numbers = explorer.m ? Object.entries(explorer.m.n).map(([name, { data }]) => [name, Array.from(data)]) : [];
      return { op: explorer.op, settings: copyOf(explorer.settings), ...Object.fromEntries(numbers) };
    },
    arrays: () => Object.fromEntries(Object.entries(explorer.m.a).map(([name, { data }]) => [name, Array.from(data)])),
    lines: (array, flat) => explorer.trace({ array, flat }).lines,
    code: () => pythonCode(explorer.m),
    complete: () => explorer.complete(true),
    remove: () => {
      explorer.steps.stop();
      clearTimeout(explorer.later);
      clearTimeout(explorer.writing);
      explorer.root.replaceChildren();
    },
  };
}

const mount = (element, state) => handle(new Explorer(element, state));

// The page of one operation: the state is in the address, and a frame that holds the page is made as high as it is.
function open(element, state) {
  const explorer = new Explorer(element, state, true);
  explorer.recall();
  explorer.ready = window === window.parent;
  window.addEventListener("hashchange", () => location.hash !== toFragment(explorer) && explorer.recall());
  window.addEventListener("beforeprint", () => explorer.complete(true));
  const frame = window.frameElement;
  if (frame) new ResizeObserver(() => (frame.style.height = `${document.documentElement.scrollHeight + 4}px`)).observe(document.body);
  return handle(explorer);
}

return { mount, open };
