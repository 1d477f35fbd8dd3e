// gradients.js: the norm of the gradient of each weight, as bars from the first layer to the last.

/** Make the bars; heights are logarithms, because a gradient that vanishes does so by factors. */
function makeGradients(data, on) {
  const section = make("section", { "aria-labelledby": "bars-title" });
  let current = 0;
  return {
    element: section,
    show(view) {
      const norms = view.back.dw, positive = norms.filter((norm) => norm > 0);
      const high = Math.ceil(Math.log10(Math.max(...positive, 1e-30))), low = Math.min(high - 1, Math.floor(Math.log10(Math.min(...positive, 10 ** high))));
      const part = (norm) => Math.max(0, (Math.log10(norm) - low) / (high - low));
      const readout = make("p", { class: "readout number", "aria-live": "polite" });
      const tell = (order) => {
        const { name, shape } = data.weights[order];
        readout.textContent = `${name} (${sizesOf(shape)}): ${norms[order] === 0 ? say("no_gradient") : `‖dw‖ = ${short(norms[order], 5)}`}`;
      };
      const bars = norms.map((norm, order) => make("button", {
        type: "button", class: norm > 0 ? (data.weights[order].shape.length === 1 ? "bias" : null) : "none", tabindex: order === current ? 0 : -1,
        style: norm > 0 ? `height:${Math.max(2, 100 * part(norm))}%` : null, "aria-label": `${data.weights[order].name} ${short(norm, 3)}`,
        title: `${data.weights[order].name}: ${short(norm, 3)}`, "aria-current": data.weights[order].layer === view.layer,
        onfocus: () => tell(order), onclick: () => on.layer(data.weights[order].layer),
        onkeydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step || !bars[order + step]) return;
          event.preventDefault();
          bars[order].tabIndex = -1;
          current = order + step;
          bars[current].tabIndex = 0;
          bars[current].focus();
        },
      }));
      const step = Math.max(1, Math.ceil((high - low) / 6)), lines = [];
      for (let power = low; power <= high; power += step) {
        lines.push(make("div", { class: "decade", style: `bottom:${100 * (power - low) / (high - low)}%` }, make("span", { class: "number" }, powerOf(power))));
      }
      const plot = make("div", { class: "plot", role: "group", "aria-label": say("bars_label") }, ...lines, ...bars);
      section.replaceChildren(
        make("h2", { id: "bars-title" }, say("bars_title")), make("p", {}, say("bars_about", { loss: short(view.back.loss, 5), name: data.classes[view.back.label] })),
        make("div", { class: "bars", tabindex: norms.length > 60 ? 0 : null, role: norms.length > 60 ? "group" : null, "aria-label": norms.length > 60 ? say("bars_label") : null }, plot), readout,
      );
      tell(Math.min(current, norms.length - 1));
    },
  };
}

function powerOf(power) {
  const raised = String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  return `10${raised}`;
}
