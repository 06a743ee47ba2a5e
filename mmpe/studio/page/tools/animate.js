// Let the picture move. Marks: {frames, fps, alpha, beta}.

import { slider } from '../dom.js';

const percent = (value) => Math.round(value * 100);

export default {
  name: 'animate',
  title: 'Animate',
  hint: 'A random walk around the picture. A higher start scale moves detail alone.',
  icon: 'animate',
  shared: ['seed', 'start_scale'],
  lowest: 0,
  keeps: () => false,
  marks: () => ({ frames: 24, fps: 10, alpha: 0.1, beta: 0.9 }),

  operation: (marks) => ({ task: 'animate', options: { ...marks } }),

  panel(marks, set) {
    const part = (label, name, limits) =>
      slider(label, { ...limits, value: marks[name] }, (value, final) => final && set({ [name]: value }));
    const share = (label, name) =>
      slider(label, { min: 0, max: 100, value: percent(marks[name]), unit: ' %' }, (value, final) =>
        final && set({ [name]: value / 100 }),
      );
    return [
      part('Frames', 'frames', { min: 2, max: 120 }),
      part('Frames per second', 'fps', { min: 1, max: 30 }),
      share('Back to the picture', 'alpha'),
      share('Smoothness', 'beta'),
    ];
  },
};
