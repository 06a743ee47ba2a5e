// Seamless textures, shown three by three. Marks: {axes: 'both', 'x' or 'y', size: [height, width] or null, single}.

import { choice, number, toggle } from '../dom.js';
import { sizeText } from '../geometry.js';

const TILES = 3;

export default {
  name: 'texture',
  title: 'Texture',
  hint: 'A texture that continues itself, shown three by three as it tiles.',
  icon: 'texture',
  shared: ['num', 'seed', 'start_scale'],
  lowest: 0,
  onto: null,
  anew: true,
  keeps: () => false,
  marks: () => ({ axes: 'both', size: null, single: false }),

  operation: ({ axes, size }, model) => ({
    task: 'tile',
    options: { axes, ...(size ? { size: sizeText(size, model) } : {}) },
  }),

  tiles: ({ single }) => (single ? 1 : TILES),

  // the task chooses the size: as large as what it drew, in pixels of the finished picture
  size(marks, model, bitmap) {
    const tiles = marks.single ? 1 : TILES;
    const drawn = model.trained_size ?? model.size;
    const [height, width] = bitmap ? [bitmap.height, bitmap.width] : drawn;
    return [(tiles * height * model.size[0]) / drawn[0], (tiles * width * model.size[1]) / drawn[1]];
  },

  panel(marks, set, model) {
    const [height, width] = marks.size ?? model.size;
    const limits = { min: 8, max: 2048 };
    return [
      choice('Continues', { both: 'Both ways', x: 'Sideways', y: 'Vertically' }, marks.axes, (axes) => set({ axes })),
      number('Height', { ...limits, value: height }, (value) => set({ size: [value, width] })),
      number('Width', { ...limits, value: width }, (value) => set({ size: [height, value] })),
      toggle('One tile alone', marks.single, (single) => set({ single })),
    ];
  },
};
