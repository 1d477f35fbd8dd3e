// What stands beyond the window though nothing scrolls it into sight; what lies over something else; text that does not
// fit its cell; letters that are too small. The card of the calculation is meant to stay in sight over what scrolls by.
() => {
  const root = document.getElementById("explorer").shadowRoot;
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const boxes = (selector) => [...root.querySelectorAll(selector)].filter((one) => one.checkVisibility())
    .map((one) => [one, one.getBoundingClientRect()]);
  for (const [one, box] of boxes("header, .card, figure, button, input, select, .formula, .note, .headline, figcaption")) {
    if (box.left < -0.5 || box.right > innerWidth + 0.5) faults.push(`beyond the window: ${one.outerHTML.slice(0, 80)}`);
  }
  for (const one of root.querySelectorAll(".cells, .formula, .lines, pre")) {
    if (one.scrollWidth > one.clientWidth + 1 && !["auto", "scroll"].includes(getComputedStyle(one).overflowX)) {
      faults.push(`cut off: ${one.outerHTML.slice(0, 80)}`);
    }
  }
  const over = (one, other) => one.left < other.right - 1 && other.left < one.right - 1 && one.top < other.bottom - 1 &&
    other.top < one.bottom - 1;
  const apart = (selector) => {
    const all = boxes(selector);
    all.forEach(([one, box], n) => all.slice(n + 1).forEach(([other, second]) => {
      if (over(box, second)) faults.push(`${one.outerHTML.slice(0, 60)} over ${other.outerHTML.slice(0, 60)}`);
    }));
  };
  apart("figure");
  apart("header, .card, .bar, .formula, .drawn-area, .note");
  apart(".bar button, .bar input, .bar output, .bar select");
  apart(".controls label, .controls legend");
  apart(".plane > span");
  const text = document.createRange();
  for (const one of root.querySelectorAll("figure i, figure u, legend, label span")) {
    if (!one.firstChild || one.firstChild.nodeType !== 3) continue;
    text.selectNodeContents(one);
    const [inside, box] = [text.getBoundingClientRect(), one.getBoundingClientRect()];
    if (inside.width && (inside.width > box.width + 1 || inside.height > box.height + 6)) {
      faults.push(`"${one.textContent}" does not fit: ${inside.width} in ${box.width}`);
    }
    const size = parseFloat(getComputedStyle(one).fontSize);
    if (size < 10.5) faults.push(`"${one.textContent}" is ${size} px`);
  }
  return [...new Set(faults)].slice(0, 10);
}
