// A larger picture, with detail such as it has elsewhere. Marks: {factor}.

import { h, slider } from '../dom.js';

const MOST = 8; // times

export default {
  name: 'enlarge',
  title: 'Enlarge',
  hint: 'The finest scale draws the picture larger, and adds detail such as it has elsewhere.',
  icon: 'enlarge',
  shared: [],
  onto: 'picture',
  keeps: () => false,
  other: 'The enlarged picture can be taken away, but not edited on: the other tools start from it as it was.',
  marks: () => ({ factor: 2 }),

  operation: ({ factor }) => ({ task: 'superres', options: { factor } }),

  size: ({ factor }, model) => model.size.map((side) => Math.round(factor * side)),

  panel: (marks, set, model) => [
    slider('Times', { min: 1.5, max: MOST, step: 0.5, value: marks.factor }, (factor, final) => final && set({ factor })),
    h('p', { class: 'note' }, `From ${model.size.join('x')} to ${model.size.map((side) => Math.round(marks.factor * side)).join('x')} pixels. Hold Before to compare.`),
    h('p', { class: 'note' }, 'It is best with a model that was trained with a singan_superresolution config.'),
  ],
};
