// Paint crudely, and the picture's own texture makes a photograph of it.
// Marks: {ground: what one paints on, 'picture', 'color' or the file of a painting, strokes, painting: its file or null,
// color, radius, showing}.

import * as api from '../api.js';
import { groundAddress } from '../base.js';
import { choice, h, slider } from '../dom.js';
import { blank, decoded, palette, pixels, png } from '../raster.js';
import { emit } from '../store.js';
import { colors, paintAll, painting } from './brush.js';

const GROUNDS = { picture: 'The picture', color: 'One color' };
const palettes = new WeakMap(); // by bitmap
const given = new Map(); // bitmaps of paintings, by file; null: on its way

function paletteOf(bitmap) {
  if (!palettes.has(bitmap)) palettes.set(bitmap, palette(pixels(bitmap), 8));
  return palettes.get(bitmap);
}

/** What one paints on, as ImageData; `bitmap` is the picture's. */
function groundOf({ ground }, bitmap, size) {
  if (ground === 'color') return blank(size, paletteOf(bitmap)[0]);
  return pixels(ground === 'picture' ? bitmap : given.get(ground.file), size);
}

async function fetchPainting({ file }) {
  if (!given.get(file)) given.set(file, await api.picture(api.filePicture(file)));
}

/** A painting that the user gave, at the picture's size. */
async function chosen(file, { size }) {
  const uploaded = await api.uploadFile(await png(pixels(await decoded(file), size)));
  await fetchPainting(uploaded);
  return { ground: uploaded, strokes: [], painting: null };
}

/** Whether the ground is at hand; if not, it is fetched. */
function isThere({ ground }) {
  if (!ground.file || given.get(ground.file)) return true;
  if (!given.has(ground.file)) {
    given.set(ground.file, null);
    fetchPainting(ground).then(() => emit('shown'), () => given.delete(ground.file));
  }
  return false;
}

export default {
  name: 'paint',
  title: 'Paint',
  hint: 'Paint crudely, or give a painting: the picture’s own textures make a photograph of it.',
  icon: 'paint',
  shared: ['num', 'seed', 'start_scale'],
  lowest: 1,
  onto: null,
  marks: () => ({ ground: 'picture', strokes: [], painting: null, color: [200, 60, 40, 255], radius: 5, showing: 'result' }),

  operation: ({ painting: file }) => file && { task: 'paint', options: { painting: file } },

  press: (marks, point) =>
    painting(marks, point, marks, (now, stroke) => ({ ...now, painting: null, strokes: [...now.strokes, stroke] })),

  async settle(marks, model) {
    if (marks.painting || !(marks.strokes.length || marks.ground.file)) return marks;
    if (marks.ground.file) await fetchPainting(marks.ground);
    const bitmap = await api.picture(groundAddress(model));
    const painted = paintAll(groundOf(marks, bitmap, model.size), marks.strokes);
    return { ...marks, painting: await api.uploadFile(await png(painted)) };
  },

  rest: (marks) => ({ ...marks, ground: 'picture', strokes: [], painting: null }),

  instant(drawing, marks, model) {
    const done = marks.showing === 'result' && (drawing.shown.marks === marks || !(marks.strokes.length || marks.ground.file));
    if (done || !drawing.ground || !isThere(marks)) return null;
    return paintAll(groundOf(marks, drawing.ground, model.size), marks.strokes);
  },

  panel: (marks, set, model, drawing) => [
    drawing.original &&
      colors('Color', paletteOf(drawing.original), marks.color, (color) => set({ color })),
    slider('Brush', { min: 1, max: 40, value: marks.radius, unit: ' px' }, (radius, final) => set({ radius }, final)),
    choice('Paint on', GROUNDS, marks.ground, (ground) => set({ ground, painting: null })),
    h('label', { class: 'field file' }, h('span', { class: 'button' }, marks.ground.file ? 'Another painting …' : 'Choose a painting …'),
      h('input', {
        type: 'file',
        accept: 'image/*',
        class: 'unseen',
        onchange: (event) => event.target.files[0] && set(chosen(event.target.files[0], model)),
      })),
    choice('Show', { painting: 'Painting', result: 'Result' }, marks.showing, (showing) => set({ showing })),
    h('p', { class: 'note' }, 'The lower the start scale, the more is made anew.'),
  ],
};
