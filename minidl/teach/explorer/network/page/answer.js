// answer.js: the softmax of the answer with its arithmetic, and the loss of a class.

const MOST_ROWS = 12;

/** Make the panel of the softmax. */
function makeAnswer(data) {
  const section = make("section", { "aria-labelledby": "answer-title" });
  return {
    element: section,
    show(view) {
      const logits = view.moment.heads[view.head], p = softmax(logits), top = Math.max(...logits.filter((z) => z !== null));
      const powers = logits.map((z) => Math.exp(z - top)), sum = total(powers);
      const order = logits.map((_, index) => index).sort((a, b) => logits[b] - logits[a]);
      const shown = order.slice(0, MOST_ROWS);
      if (!shown.includes(view.label)) shown.push(view.label);
      const head = ["class", "z", "z_max", "exp", "p", "dz"].map((key) => make("th", { scope: "col" }, say(`column_${key}`)));
      const rows = shown.map((index) => make("tr", { class: index === view.label ? "chosen" : null },
        ...[data.classes[index], short(logits[index], 5), short(logits[index] - top, 5), short(powers[index], 5), short(p[index], 5),
          short(p[index] - (index === view.label ? 1 : 0), 5)].map((text) => make("td", {}, text))));
      const others = order.filter((index) => !shown.includes(index));
      if (others.length) {
        const rest = total(others.map((index) => powers[index]));
        rows.push(make("tr", { class: "quiet" }, ...[say("other_classes", { n: others.length }), "", "", short(rest, 5), short(rest / sum, 5), ""].map((text) => make("td", {}, text))));
      }
      rows.push(make("tr", { class: "chosen" }, ...[say("sum"), "", "", short(sum, 5), "1", ""].map((text) => make("td", {}, text))));
      const z = logits[view.label], name = data.classes[view.label];
      section.replaceChildren(
        make("h2", { id: "answer-title", tabindex: -1 }, say("softmax_title", { name })),
        make("p", {}, say("softmax_about")),
        formula(`p = exp(${short(z, 5)} − ${inside(top)}) / ${short(sum, 5)} = ${short(powers[view.label], 5)} / ${short(sum, 5)} = ${short(p[view.label], 5)}`),
        formula(`L = −log p = −log ${short(p[view.label], 5)} = ${short(-Math.log(p[view.label]), 5)}`),
        make("div", { class: "sum" }, make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))),
      );
    },
  };
}
