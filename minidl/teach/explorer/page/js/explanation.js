// explanation.js: the calculation of the cell that is pointed at, with its numbers; and the cell's value, to be changed.

class Explanation {
  constructor(explorer) {
    this.explorer = explorer;
    this.element = document.createElement("section");
    this.element.className = "explanation card";
    this.element.setAttribute("aria-label", say("explanation.title"));
    this.element.innerHTML =
      `<div class="said" aria-live="polite"><p class="headline"></p><div class="lines" tabindex="0" role="group"></div></div>` +
      `<label class="value" hidden><span></span> <input type="number" step="any" inputmode="decimal"></label>` +
      `<p class="legend quiet" aria-hidden="true">${PARTS.map((part) => `<span><i class="${part}">0</i> ${escaped(say(`legend.${part}`))}</span>`).join("")}</p>`;
    [this.headline, this.lines] = [this.element.querySelector(".headline"), this.element.querySelector(".lines")];
    this.lines.setAttribute("aria-label", say("explanation.lines"));
    [this.value, this.input] = [this.element.querySelector(".value"), this.element.querySelector("input")];
    this.input.addEventListener("input", () => {
      if (!Number.isNaN(this.input.valueAsNumber)) explorer.edit(this.input.valueAsNumber);
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") explorer.back();
    });
  }

  // Write out what a light says; `hidden` keeps the results to itself.
  show(light, cell, hidden) {
    this.headline.textContent = light ? (cell ? `${cell}: ` : "") + light.headline : say("explanation.empty");
    const lines = light && !hidden ? light.lines : [];
    this.lines.innerHTML = lines.map((line, n) => this.line(line, n === lines.length - 1)).join("");
    this.lines.hidden = lines.length === 0;
  }

  line({ label, terms, value, join }, last) {
    const written = terms.map((factors) => factors.map(factorText));
    const sums = written.map((factors, n) => {
      const text = factors.join(" · ").replace(/^− · /, "−");
      return n && join === "+" && text.startsWith("−") && factors.length === 1 ? `− ${text.slice(1)}` : n && join === "+" ? `+ ${text}` : text;
    });
    const body = join === "max" ? `max(${sums.join(", ")})` : sums.join(" ") || "0";
    return `<p${last ? ' class="last"' : ""}><span>${escaped(label)}:</span> ${escaped(body)} = <b>${short(value)}</b></p>`;
  }

  // Let the value of a cell be changed, where it is an operand's.
  offer(name, value) {
    this.value.hidden = name === null;
    if (name === null) return;
    this.value.firstElementChild.textContent = `${name} =`;
    if (this.input.valueAsNumber !== value) this.input.value = value;
  }
}

// A factor in a product: negative numbers in brackets, but for the first of a sum alone.
function factorText(factor, n, factors) {
  if (typeof factor !== "number") return factor.text;
  return factors.length > 1 ? signed(factor) : short(factor);
}
