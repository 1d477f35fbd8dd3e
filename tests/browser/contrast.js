// The contrast of the text of every kind of cell with its ground, as it is blended.
() => {
  const root = document.getElementById("explorer").shadowRoot;
  const parse = (text) => { const n = text.match(/[\d.]+/g).map(Number); return n.length === 3 ? [...n, 1] : n; };
  const blend = (top, under) => top.slice(0, 3).map((one, n) => one * top[3] + under[n] * (1 - top[3]));
  const light = (colour) => colour.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0);
  const ratio = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
  const found = {};
  const probe = root.querySelector("figure .grid").appendChild(document.createElement("i"));
  const ground = parse(getComputedStyle(document.body).backgroundColor);
  for (const kind of ["", "border", "unknown", ...[1, 2, 3, 4, 5, 6].flatMap((n) => [`p${n}`, `n${n}`])]) {
    probe.className = kind;
    const style = getComputedStyle(probe);
    found[kind] = ratio(parse(style.color), blend(parse(style.backgroundColor), ground));
  }
  for (const part of ["self", "from", "to", "won"]) {
    probe.className = `p6 ${part}`;
    const style = getComputedStyle(probe);
    found[part] = 1.5 * ratio(parse(style.outlineColor), blend(parse(style.backgroundColor), ground)); // 3 : 1 is enough
  }
  probe.remove();
  return found;
}
