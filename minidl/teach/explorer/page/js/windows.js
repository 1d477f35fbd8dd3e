// Windows: where a kernel looks. The arithmetic of minidl/kernels/textbook/windows.py, with the places kept.

function outputSize(size, kernel, stride, [front, back], dilation, ceil = false) {
  const room = size + front + back - dilation * (kernel - 1) - 1;
  let windows = Math.floor((room + (ceil ? stride - 1 : 0)) / stride) + 1;
  if (ceil && (windows - 1) * stride >= size + front) windows -= 1;
  return windows;
}

// The border around a picture that windows may see, with as much at the end as the last window needs.
function coveringPadding(size, kernel, stride, padding, dilation, out) {
  return padding.map(([front, back], axis) => {
    const reach = (out[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1;
    return [front, Math.max(back, reach - size[axis] - front)];
  });
}

// Which cell of a picture of C×H×W each entry of its columns is copied from.
//   from[entry]    index into the picture, or -1 where the window sees its border
//   border[entry]  index into the picture with its border: what is drawn
// Entries are ordered as the engine's columns: channel, tap row, tap column, window row, window column.
function tapsOf([c, h, width], kernel, stride, padding, dilation, out) {
  const [[top, bottom], [left, right]] = padding;
  const [kh, kw] = kernel;
  const [rows, columns] = [h + top + bottom, width + left + right];
  const from = new Int32Array(c * kh * kw * out[0] * out[1]);
  const border = new Int32Array(from.length);
  let entry = 0;
  for (let channel = 0; channel < c; channel++) {
    for (let i = 0; i < kh; i++) {
      for (let j = 0; j < kw; j++) {
        for (let y = 0; y < out[0]; y++) {
          const row = y * stride[0] + i * dilation[0];
          for (let x = 0; x < out[1]; x++, entry++) {
            const column = x * stride[1] + j * dilation[1];
            const inside = row >= top && row < top + h && column >= left && column < left + width;
            from[entry] = inside ? (channel * h + row - top) * width + column - left : -1;
            border[entry] = (channel * rows + row) * columns + column;
          }
        }
      }
    }
  }
  return { from, border };
}

// The numbers of a picture, copied into columns; `outside` is what the border holds.
function copied(picture, from, outside = 0) {
  return Float64Array.from(from, (one) => (one < 0 ? outside : picture[one]));
}

// Every entry added back to the cell it was copied from: the first `count` of them, in order.
function addedBack(size, from, entries, count = entries.length) {
  const picture = zeros(size);
  for (let entry = 0; entry < count; entry++) if (from[entry] >= 0) picture.data[from[entry]] += entries[entry];
  return picture;
}

// The formula of one side of the output, in letters and with its numbers.
function sizeFormula(letter, size, kernel, stride, [front, back], dilation, out, ceil = false) {
  const letters = `(${letter} + padding − dilation · (K${letter} − 1) − 1)`;
  const numbers = `(${size} + ${front} + ${back} − ${dilation} · (${kernel} − 1) − 1)`;
  if (!ceil) return `O${letter} = ${letters} // stride + 1 = ${numbers} // ${stride} + 1 = ${out}`;
  const more = Math.ceil((size + front + back - dilation * (kernel - 1) - 1) / stride) + 1 - out;
  const whole = `⌈${numbers} / ${stride}⌉ + 1${more ? ` − ${more}` : ""}`;
  return `O${letter} = ⌈${letters} / stride⌉ + 1 = ${whole} = ${out}`;
}
