// A picture drawn through a bent mesh, at once: per frame one lattice of the map, and one look-up per pixel.

import { whereShown } from './spline.js';

const CELLS = 32; // of the lattice, along the picture's longer side

/**
 * Draw `image` (ImageData of the picture as `before` bends it) as `after` bends it.
 * Both are inverse maps in pixels of the picture, of `size` [height, width]; `before` null: it is not bent.
 */
export function bend(image, size, before, after) {
  const { width, height } = image;
  const scale = [width / size[1], height / size[0]];
  const toPicture = (x, y) => [(x + 0.5) / scale[0] - 0.5, (y + 0.5) / scale[1] - 0.5];
  const step = Math.max(width, height) / CELLS;
  const columns = Math.ceil(width / step) + 1;
  const nodes = new Float32Array(columns * (Math.ceil(height / step) + 1) * 2);
  for (let i = 0; i < nodes.length / 2; i++) {
    const source = after(...toPicture((i % columns) * step, Math.floor(i / columns) * step));
    const [x, y] = before ? whereShown(before, source) : source;
    nodes[2 * i] = (x + 0.5) * scale[0] - 0.5;
    nodes[2 * i + 1] = (y + 0.5) * scale[1] - 0.5;
  }
  return lookUp(image, nodes, columns, step);
}

function lookUp(image, nodes, columns, step) {
  const { width, height } = image;
  const made = new ImageData(width, height);
  const [from, to] = [new Uint32Array(image.data.buffer), new Uint32Array(made.data.buffer)];
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / step);
    const down = y / step - row;
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / step);
      const right = x / step - column;
      const at = 2 * (row * columns + column);
      const below = at + 2 * columns;
      const u = mix(nodes, at, below, right, down);
      const v = mix(nodes, at + 1, below + 1, right, down);
      const i = Math.min(width - 1, Math.max(0, Math.round(u)));
      const j = Math.min(height - 1, Math.max(0, Math.round(v)));
      to[y * width + x] = from[j * width + i];
    }
  }
  return made;
}

function mix(nodes, above, below, right, down) {
  const upper = nodes[above] + right * (nodes[above + 2] - nodes[above]);
  const lower = nodes[below] + right * (nodes[below + 2] - nodes[below]);
  return upper + down * (lower - upper);
}

/** Lines of a grid over the picture as the map shows them: a list of lines of points. */
export function gridLines(size, map, cells) {
  const [height, width] = size;
  const along = (count, point) => Array.from({ length: count + 1 }, (_, i) => whereShown(map, point(i / count)));
  const share = (count, i, length) => (i / count) * length - 0.5;
  const [rows, columns] = cells;
  const lines = [];
  for (let i = 0; i <= rows; i++) lines.push(along(24, (t) => [t * width - 0.5, share(rows, i, height)]));
  for (let i = 0; i <= columns; i++) lines.push(along(24, (t) => [share(columns, i, width), t * height - 0.5]));
  return lines;
}
