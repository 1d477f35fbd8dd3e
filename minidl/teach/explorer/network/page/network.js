// network.js: the page of a network: what is chosen, and who is told.

/** Make an element show a network; `tools` is the explorer of operations. */
function open(element, data, tools) {
  readColours();
  const chosen = { back: false, moment: data.moments.length - 1, label: data.moments.at(-1).backs[0].label, whole: true, head: "main", layer: 0, channel: 0, at: [0, 0], class: null };
  const on = {
    layer(number) {
      chosen.layer = number;
      firstMap();
      update(["layer", "bars"]);
      flow.select(number, true);
    },
    map(channel, at) {
      chosen.channel = channel;
      chosen.at = at || placeOf(channel);
      update(["layer"]);
    },
    point(channel, at) {
      [chosen.channel, chosen.at] = [channel, at];
    },
    answer(index, head) {
      Object.assign(chosen, { label: index, head });
      controls.refresh(viewOf());
      update(["flow", "answer", "bars", "layer"]);
      answer.element.scrollIntoView({ block: "nearest" });
    },
    change(next) {
      Object.assign(chosen, next);
      controls.refresh(viewOf());
      update(["flow", "bars", "layer", "answer", "head"]);
    },
  };

  function placeOf(channel) {
    const kept = keptWindow(data.moments[chosen.moment], chosen.layer, channel);
    return kept ? kept.at : [0, 0];
  }

  function firstMap() {
    const windows = data.moments[chosen.moment].windows[chosen.layer];
    const best = windows.reduce((a, b) => (a && Math.abs(a.y) >= Math.abs(b.y) ? a : b), null);
    chosen.channel = best ? best.c : channelsOf(data.layers[chosen.layer])[0];
    chosen.at = best ? best.at : [0, 0];
  }

  /** Return everything that is drawn now: the moment, the way back if it is looked at, and what is chosen. */
  function viewOf() {
    const moment = data.moments[chosen.moment];
    const back = chosen.back ? moment.backs.find((one) => one.label === chosen.label && one.all === chosen.whole) || moment.backs.find((one) => one.all === chosen.whole) : null;
    const logs = back ? back.norms.filter((norm) => norm > 0).map(Math.log10) : [];
    const low = Math.min(...logs), high = Math.max(...logs);
    const level = (norm) => (norm > 0 ? 0.04 + 0.96 * (high > low ? (Math.log10(norm) - low) / (high - low) : 1) : 0);
    return { ...chosen, moment, back, level };
  }

  const flow = makeFlow(data, on), layer = makeLayer(data, on, tools), answer = makeAnswer(data);
  const bars = makeGradients(data, on), controls = makeControls(data, on), head = makeHead(data);

  function update(parts) {
    const view = viewOf();
    if (parts.includes("head")) head.show(view);
    if (parts.includes("flow")) flow.paint(view);
    bars.element.hidden = !view.back;
    if (parts.includes("bars") && view.back) bars.show(view);
    if (parts.includes("layer")) layer.show(view);
    if (parts.includes("answer")) answer.show(view);
  }

  element.replaceChildren(
    head.element, controls.element, flow.element, legend(), bars.element, layer.element, answer.element,
    make("p", { class: "quiet small foot" }, ending(data)),
  );
  firstMap();
  controls.refresh(viewOf());
  update(["head", "flow", "bars", "layer", "answer"]);
  flow.select(0, false);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColours();
    update(["flow", "layer"]);
  });
  const show = (number, channel, at) => {
    on.layer(number);
    on.map(channel, at);
  };
  return { choose: on.change, layer: on.layer, show, answer: on.answer };
}

function legend() {
  return make("p", { class: "legend" }, make("span", {}, make("i"), say("legend_way")), make("span", {}, make("i", { class: "skip" }), say("legend_skip")), make("span", {}, say("legend_keys")));
}

function ending(data) {
  const count = data.layers.reduce((sum, layer) => sum + layer.maps[0], 0);
  if (!data.left_out) return data.exact ? say("all_exact", { n: many(count) }) : say("all_maps", { n: many(count) });
  const averaged = data.layers.some((layer) => Math.max(layer.maps[1], layer.maps[2]) > data.side);
  return say("left_out", { n: data.left_out.toLocaleString("en"), count: count.toLocaleString("en") }) + (averaged ? ` ${say("averaged_to", { side: data.side })}` : "");
}

/** Make the head of the page: the network, the picture, and what it is taken for. */
function makeHead(data) {
  const verdict = make("p", { class: "verdict" });
  const facts = [sizesOf(data.input), say("parameters", { n: many(data.parameters) }), say("macs", { n: many(data.macs) })].join(" · ");
  const words = make("div", { class: "words" }, make("h1", {}, say("title", { name: data.name })), verdict, make("p", { class: "quiet" }, facts));
  if (data.notes.length) words.append(make("ul", { class: "notes small quiet" }, ...data.notes.map((note) => make("li", {}, note))));
  const picture = make("figure", {}, make("img", { src: data.picture, alt: say("picture_alt", { title: data.title }) }), make("figcaption", { class: "small quiet" }, data.title));
  return {
    element: make("header", { class: "head" }, picture, words),
    show(view) {
      const p = softmax(view.moment.heads.main), best = p.indexOf(Math.max(...p));
      const told = Number.isFinite(p[best]) ? say("verdict", { name: data.classes[best], p: percent(p[best]) }) : say("verdict_none");
      const truth = data.truth === null ? "" : ` ${best === data.truth ? say("truth_right") : say("truth_wrong", { name: data.classes[data.truth] })}`;
      verdict.textContent = told + truth;
    },
  };
}

/** Make the controls: forward or backward, whose loss, which heads, and when in training. */
function makeControls(data, on) {
  const radio = (back, name) => make("label", {}, make("input", { type: "radio", name: "view", checked: !back, onchange: () => on.change({ back }) }), say(name));
  const tabs = make("fieldset", { class: "tabs" }, make("legend", { class: "sr" }, say("view_label")), radio(false, "forward"), radio(true, "backward"));
  const labels = [...new Set(data.moments.at(-1).backs.map((back) => back.label))];
  const select = make("select", { onchange: (event) => on.change({ label: Number(event.target.value), head: "main" }) }, ...labels.map((label) => make("option", { value: label }, data.classes[label])));
  const loss = make("label", {}, say("loss_of"), select);
  const element = make("div", { class: "controls" }, tabs, loss);
  const others = Object.keys(data.ends).length > 1;
  const heads = make("label", {}, make("input", { type: "checkbox", checked: true, onchange: (event) => on.change({ whole: event.target.checked }) }), say("with_heads"));
  if (others) element.append(heads);
  if (data.moments.length > 1) {
    const name = make("output", {}, data.moments.at(-1).name);
    element.append(make("label", {}, say("moment"), make("input", {
      type: "range", min: 0, max: data.moments.length - 1, value: data.moments.length - 1, step: 1,
      oninput: (event) => {
        name.textContent = data.moments[event.target.value].name;
        event.target.setAttribute("aria-valuetext", name.textContent);
        on.change({ moment: Number(event.target.value) });
      },
    }), name));
  }
  const other = make("span", { class: "small quiet" });
  element.append(other);
  return {
    element,
    refresh(view) {
      tabs.querySelectorAll("input").forEach((one, order) => (one.checked = Boolean(order) === Boolean(view.back)));
      loss.hidden = heads.hidden = !view.back;
      const known = labels.includes(view.label);
      select.value = known ? view.label : labels[0];
      other.textContent = view.back && !known ? say("no_back", { name: data.classes[view.label] }) : "";
    },
  };
}

return { open };
