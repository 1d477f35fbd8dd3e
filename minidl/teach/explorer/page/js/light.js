// What lights up when a cell is pointed at, and the calculation that is written out for it.

const OPERATIONS = {};

// Cells by array and index, each with its part in the calculation: "self", "from", "to" or "won". Cells of the border
// around a picture have a list of their own, `border`, with their places in the picture as it is drawn.
class Light {
  constructor(array, flat) {
    this.cells = {};
    this.border = {};
    this.lines = [];
    this.headline = "";
    this.add(array, flat, "self");
  }

  add(array, flat, part) {
    const cells = (this.cells[array] = this.cells[array] || new Map());
    if (cells.get(flat) !== "self") cells.set(flat, part);
    return this;
  }

  // An entry of columns: the cell that it was copied from, or the border there.
  source(array, taps, entry, part) {
    if (taps.from[entry] >= 0) return this.add(array, taps.from[entry], part);
    const border = (this.border[array] = this.border[array] || new Map());
    border.set(taps.border[entry], part);
    return this;
  }

  // A line of the calculation: terms are added (or compared, with join "max"), factors of a term multiplied. A factor
  // is a number, or { text, value }.
  line(label, terms, value, join = "+") {
    this.lines.push({ label, terms, value, join });
    return this;
  }

  say(key, values) {
    this.headline = say(`trace.${key}`, values);
    return this;
  }
}

const whole = (text, value) => ({ text, value });
const valueOf = (factor) => (typeof factor === "number" ? factor : factor.value);
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
