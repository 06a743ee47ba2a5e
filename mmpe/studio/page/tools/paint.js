// Paint crudely, and the picture's own texture makes a photograph of it.
// Marks: {strokes, painting: its file or null, plain: whether one paints on one color, color, radius, showing}.

import * as api from '../api.js';
import { choice, h, slider, toggle } from '../dom.js';
import { blank, palette, pixels, png } from '../raster.js';
import { colors, paintAll, painting } from './brush.js';

const palettes = new WeakMap(); // by bitmap

function paletteOf(bitmap) {
  if (!palettes.has(bitmap)) palettes.set(bitmap, palette(pixels(bitmap), 8));
  return palettes.get(bitmap);
}

function painted(marks, base, size) {
  const ground = marks.plain ? blank(size, paletteOf(base)[0]) : pixels(base, size);
  return paintAll(ground, marks.strokes);
}

export default {
  name: 'paint',
  title: 'Paint',
  hint: 'Paint crudely: the picture’s own textures make a photograph of it.',
  icon: 'paint',
  shared: ['num', 'seed', 'start_scale'],
  lowest: 1,
  marks: () => ({ strokes: [], painting: null, plain: false, color: [200, 60, 40, 255], radius: 5, showing: 'result' }),

  operation: ({ painting: file }) => file && { task: 'paint', options: { painting: file } },

  press: (marks, point) =>
    painting(marks, point, marks, (now, stroke) => ({ ...now, painting: null, strokes: [...now.strokes, stroke] })),

  async settle(marks, model) {
    if (marks.painting || !marks.strokes.length) return marks;
    const base = await api.picture(api.modelPicture(model, 'original.png'));
    return { ...marks, painting: await api.uploadFile(await png(painted(marks, base, model.size))) };
  },

  instant(drawing, marks, model) {
    const done = marks.showing === 'result' && (drawing.shown.marks === marks || !marks.strokes.length);
    return done || !drawing.original ? null : painted(marks, drawing.original, model.size);
  },

  panel: (marks, set, model, drawing) => [
    drawing.original &&
      colors('Color', paletteOf(drawing.original), marks.color, (color) => set({ color })),
    slider('Brush', { min: 1, max: 40, value: marks.radius, unit: ' px' }, (radius, final) => set({ radius }, final)),
    toggle('Paint on one color', marks.plain, (plain) => set({ plain, painting: null })),
    choice('Show', { painting: 'Painting', result: 'Result' }, marks.showing, (showing) => set({ showing })),
    h('p', { class: 'note' }, 'The lower the start scale, the more is made anew.'),
  ],
};
