// predict.js: results are hidden until the learner has typed a guess; what the difference means is said.

class Predict {
  constructor(explorer) {
    this.explorer = explorer;
    this.revealed = new Set();
    this.shape = false;
    this.element = document.createElement("section");
    this.element.className = "predict card";
    this.element.innerHTML =
      `<label class="switch"><input type="checkbox"> ${escaped(say("predict.title"))}</label>` +
      `<form hidden><p class="quiet">${escaped(say("predict.how"))}</p>` +
      `<p class="shape"><span>${escaped(say("predict.shape"))}</span> <span class="sizes"></span> <button type="button" data-what="shape">${escaped(say("predict.check"))}</button></p>` +
      `<p class="cell"><label><span></span> <input type="number" step="any" inputmode="decimal"></label> <button type="button" data-what="cell">${escaped(say("predict.check"))}</button></p>` +
      `<p class="verdict" role="status"></p></form>`;
    [this.on, this.form] = [this.element.querySelector("input"), this.element.querySelector("form")];
    this.verdict = this.element.querySelector(".verdict");
    this.guess = this.element.querySelector(".cell input");
    this.on.addEventListener("change", () => this.turn());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("click", (event) => event.target.dataset.what && this.judge(event.target.dataset.what));
    this.form.addEventListener("keydown", (event) => event.key === "Enter" && this.judge(event.target === this.guess ? "cell" : "shape"));
  }

  turn() {
    this.revealed.clear();
    this.shape = false;
    this.form.hidden = !this.on.checked;
    this.verdict.textContent = "";
    this.explorer.redraw();
  }

  // The cells that may be seen, or null where all may.
  get seen() {
    return this.on.checked ? this.revealed : null;
  }

  hides(cell, panels) {
    const result = cell && panels.some((panel) => panel.array === cell.array && panel.result);
    return Boolean(this.on.checked && result && !this.revealed.has(`${cell.array}:${cell.flat}`));
  }

  // Ask for the shape of the result and for the cell that is chosen.
  ask(m, cell, hidden) {
    const shape = m.g.y;
    const inputs = this.element.querySelector(".sizes");
    this.element.querySelector(".shape").hidden = shape.length === 0 || this.shape;
    if (inputs.childElementCount !== shape.length) {
      inputs.innerHTML = shape.map((_, axis) => `<input type="number" min="0" aria-label="${escaped(say("predict.size", { axis: axis + 1 }))}">`).join(" × ");
    }
    this.cell = hidden ? cell : null;
    this.element.querySelector(".cell").hidden = !hidden;
    if (!hidden) return;
    this.element.querySelector(".cell span").textContent = `${named(nameOf(cell.array), indexOf(m.a[cell.array].shape, cell.flat))} =`;
  }

  judge(what) {
    const { m } = this.explorer;
    if (what === "shape") {
      const guess = Array.from(this.element.querySelectorAll(".sizes input"), (input) => input.valueAsNumber);
      if (guess.some(Number.isNaN)) return;
      this.shape = true;
      this.say(guess.every((one, axis) => one === m.g.y[axis]), shapeMistake(m, guess));
      return this.explorer.redraw();
    }
    if (!this.cell || Number.isNaN(this.guess.valueAsNumber)) return;
    const { array, flat } = this.cell;
    const [guess, value] = [this.guess.valueAsNumber, m.a[array].data[flat]];
    const right = Math.abs(guess - value) <= 5e-3 * Math.max(1, Math.abs(value));
    this.revealed.add(`${array}:${flat}`);
    this.guess.value = "";
    this.say(right, valueMistake(m, array, flat, guess, this.explorer.trace({ array, flat })));
    this.explorer.redraw();
  }

  say(right, mistake) {
    this.verdict.className = `verdict ${right ? "right" : "wrong"}`;
    this.verdict.textContent = right ? `✓ ${say("predict.right")}` : `✗ ${mistake}`;
  }
}

const near = (one, other) => Math.abs(one - other) <= 5e-3 * Math.max(1, Math.abs(other));

// What a wrong shape has left out, if it is one of the usual things.
function shapeMistake(m, guess) {
  const { s, g } = m;
  const right = sizes(g.y);
  const answer = (key) => say("predict.shape_wrong", { right, why: say(`predict.${key}`) });
  if (g.y.length === 3 && guess[0] !== g.y[0]) return answer("channels");
  if (!s.kernel || m.op === "conv-transpose") return say("predict.shape_wrong", { right, why: "" });
  const like = (change, more = 0) => [0, 1].every((axis) => {
    const [front, back] = change.padding ? [0, 0] : s.padding[axis];
    const dilation = change.dilation ? 1 : (s.dilation || [1, 1])[axis];
    const stride = change.stride ? 1 : s.stride[axis];
    return outputSize(s.input[1 + axis], s.kernel[axis], stride, [front, back], dilation, change.ceil) + more === guess[1 + axis];
  });
  const tries = [["no_padding", { padding: true }], ["no_dilation", { dilation: true }], ["no_stride", { stride: true }], ["ceil", { ceil: true }]];
  const found = tries.find(([, change]) => like(change));
  if (found) return answer(found[0]);
  if (like({}, -1)) return answer("no_one");
  if (like({}, 1)) return answer("one_more");
  return say("predict.shape_wrong", { right, why: "" });
}

// What a wrong number has left out, read off the lines of its calculation.
function valueMistake(m, array, flat, guess, light) {
  const value = m.a[array].data[flat];
  const answer = (key, values = {}) => say("predict.wrong", { right: short(value), why: say(`predict.${key}`, values) });
  if (near(guess, -value)) return answer("sign");
  const last = light.lines[light.lines.length - 1];
  const parts = last ? last.terms.map((factors) => product(factors.map(valueOf))) : [];
  if (last && last.join === "max") {
    const seen = parts.filter((one) => near(one, guess)).length;
    return answer(near(guess, sum(parts) / parts.length) ? "average" : seen ? "not_largest" : "not_seen");
  }
  const bias = m.a.b && array === "y" && m.op !== "batch-norm" ? parts[parts.length - 1] : 0;
  if (bias && near(guess, value - bias)) return answer("no_bias", { bias: short(bias) });
  if (parts.length > 1) {
    const alone = parts.findIndex((one) => near(one, guess) || near(one + bias, guess));
    const missing = parts.findIndex((one) => near(value - one, guess));
    if (alone >= 0) return answer("only_part", { n: alone + 1, count: parts.length });
    if (missing >= 0) return answer("part_missing", { n: missing + 1, part: short(parts[missing]) });
  }
  const lines = light.lines.filter((line) => line !== last && line.terms.length && line.terms.every((factors) => factors.length === 2));
  if (lines.length) {
    const turned = (terms) => sum(terms.map((factors, n) => valueOf(factors[0]) * valueOf(terms[terms.length - 1 - n][1])));
    if (near(guess, sum(lines.map((line) => turned(line.terms))) + bias)) return answer("turned");
  }
  const total = light.lines.find((line) => near(line.value, guess));
  if (total && total !== last) return answer("not_divided", { label: total.label });
  const neighbour = m.a[array].data.findIndex((one, other) => other !== flat && near(one, guess));
  if (neighbour >= 0) return answer("neighbour", { cell: named(nameOf(array), indexOf(m.a[array].shape, neighbour)) });
  return answer("off", { by: short(guess - value) });
}
