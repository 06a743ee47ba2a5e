// Random pictures of any size. Marks: {size: [height, width] or null}.

import { h, number } from '../dom.js';
import { sizeText } from '../geometry.js';

const MOST = 4096; // pixels

export default {
  name: 'samples',
  title: 'Samples',
  hint: 'New pictures of the same kind, of any size. Lock the good ones, and draw the others anew.',
  icon: 'samples',
  shared: ['num', 'seed', 'start_scale'],
  lowest: 0,
  num: 4,
  onto: null,
  anew: true,
  keeps: ({ size }, model) => !size || size.join() === model.size.join(),
  marks: () => ({ size: null }),

  operation: ({ size }, model) => ({ task: 'samples', options: size ? { size: sizeText(size, model) } : {} }),

  size: ({ size }, model) => size ?? model.size,

  panel(marks, set, model) {
    const [height, width] = marks.size ?? model.size;
    const limits = { min: 8, max: MOST };
    return [
      number('Height', { ...limits, value: height }, (value) => set({ size: [value, width] })),
      number('Width', { ...limits, value: width }, (value) => set({ size: [height, value] })),
      h('button', { type: 'button', onclick: () => set({ size: null }) }, 'The picture’s size'),
    ];
  },
};
