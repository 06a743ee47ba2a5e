// Another size: the picture's edges are pulled, and each axis is stretched or extended.
// Marks: {size: [height, width] or null, rows, columns, anchor}; rows and columns are 'auto', 'stretch' or 'extend'.

import { choice, number } from '../dom.js';
import { clamp, sizeText } from '../geometry.js';

const MODES = { auto: 'As it likes', stretch: 'Stretch', extend: 'Extend' };
const LONGEST = 6; // times the picture
const SHORTEST = 8; // pixels

const sizeOf = (marks, model) => marks.size ?? model.size;

function resized(marks, model, [right, down]) {
  const [height, width] = sizeOf(marks, model);
  const limit = (value, side) => clamp(Math.round(value), SHORTEST, LONGEST * side);
  return { ...marks, size: [limit(height + down, model.size[0]), limit(width + right, model.size[1])] };
}

/** One mode per axis; an axis without a choice is stretched if the other has one. */
function modeOf({ rows, columns }) {
  if (rows === 'auto' && columns === 'auto') return {};
  return { mode: [rows, columns].map((mode) => (mode === 'auto' ? 'stretch' : mode)) };
}

export default {
  name: 'size',
  title: 'Size',
  hint: 'Pull the right or the lower edge, or the corner, to another size.',
  icon: 'size',
  shared: ['num', 'seed', 'start_scale'],
  keeps: () => false,
  other: 'Another size can be taken away, but not edited on: the other tools start from the picture as it was.',
  marks: () => ({ size: null, rows: 'auto', columns: 'auto', anchor: 'auto' }),

  operation(marks, model) {
    const size = sizeOf(marks, model);
    if (size[0] === model.size[0] && size[1] === model.size[1]) return null;
    const anchor = marks.anchor === 'auto' ? {} : { anchor: marks.anchor };
    return { task: 'retarget', options: { size: sizeText(size, model), ...modeOf(marks), ...anchor } };
  },

  size: sizeOf,

  handles(marks, model) {
    const [height, width] = sizeOf(marks, model);
    const edges = {
      right: ['Right edge', [width - 0.5, height / 2 - 0.5], [1, 0]],
      bottom: ['Lower edge', [width / 2 - 0.5, height - 0.5], [0, 1]],
      corner: ['Corner', [width - 0.5, height - 0.5], [1, 1]],
    };
    return Object.entries(edges).map(([name, [title, at, axes]]) => ({
      name: `edge-${name}`,
      label: `${title}, the picture is ${height} high and ${width} wide`,
      at,
      kind: `edge ${name}`,
      move: (now, right, down) => resized(now, model, [right * axes[0], down * axes[1]]),
    }));
  },

  panel(marks, set, model) {
    const [height, width] = sizeOf(marks, model);
    const most = (side) => ({ min: SHORTEST, max: LONGEST * side });
    return [
      number('Height', { ...most(model.size[0]), value: height }, (value) => set({ size: [value, width] })),
      number('Width', { ...most(model.size[1]), value: width }, (value) => set({ size: [height, value] })),
      choice('Rows', MODES, marks.rows, (rows) => set({ rows })),
      choice('Columns', MODES, marks.columns, (columns) => set({ columns })),
      choice('Where the picture stays', { auto: 'As it likes', center: 'Center', topleft: 'Top left' }, marks.anchor, (anchor) =>
        set({ anchor }),
      ),
    ];
  },
};
