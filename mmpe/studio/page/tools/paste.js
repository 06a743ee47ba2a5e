// Paste a photograph, and let the picture's colors and textures take it in.
// Marks: {file of the pasted picture, shape: its [height, width], box: [left, top, width, height], made: files or null}.

import * as api from '../api.js';
import { h } from '../dom.js';
import { clamp, shownPoint } from '../geometry.js';
import { corners } from '../overlay.js';
import { BLACK, WHITE, blank, canvasOf, pixels, png } from '../raster.js';

const SHARE = 0.4; // of the picture, that a pasted one takes at first
const OPAQUE = 128; // of 255

/** Take a picture that the user gave, no larger than the model's. */
export async function pasted(file, marks, { size }) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser can read: give a PNG, JPEG or WebP.`);
  });
  const reduced = Math.min(1, size[0] / bitmap.height, size[1] / bitmap.width);
  const shape = [bitmap.height, bitmap.width].map((side) => Math.max(1, Math.round(side * reduced)));
  const { file: name } = await api.uploadFile(await png(pixels(bitmap, shape)));
  const factor = Math.min(1, (SHARE * size[0]) / shape[0], (SHARE * size[1]) / shape[1]);
  const [height, width] = shape.map((side) => Math.max(2, Math.round(side * factor)));
  const box = [Math.round((size[1] - width) / 2), Math.round((size[0] - height) / 2), width, height];
  return { ...marks, file: name, shape, box, made: null };
}

/** The model's picture with the pasted one on it, and the mask of that. */
function composed(base, part, [left, top, width, height], size) {
  const layer = canvasOf(size);
  layer.getContext('2d').drawImage(part, left, top, width, height);
  const above = pixels(layer);
  const [picture, mask] = [pixels(base, size), blank(size, BLACK)];
  const [from, to, white] = [above, picture, mask].map((image) => new Uint32Array(image.data.buffer));
  const opaque = new Uint32Array(new Uint8ClampedArray(WHITE).buffer)[0];
  for (let i = 0; i < from.length; i++) {
    if (above.data[4 * i + 3] < OPAQUE) continue;
    to[i] = from[i];
    to[i] |= 0xff000000;
    white[i] = opaque;
  }
  return [picture, mask];
}

const moved = (marks, [left, top, width, height], { size }) => ({
  ...marks,
  made: null,
  box: [clamp(left, 1 - width, size[1] - 1), clamp(top, 1 - height, size[0] - 1), width, height],
});

export default {
  name: 'paste',
  title: 'Paste',
  hint: 'Drop a photograph on the picture, or choose one. It takes on the picture’s colors and textures.',
  icon: 'paste',
  shared: ['num', 'seed', 'start_scale'],
  lowest: 1,
  marks: () => ({ file: null, shape: null, box: null, made: null }),

  operation: ({ made }) =>
    made && { task: 'harmonise', options: { picture: { file: made.picture }, mask: { file: made.mask } } },

  async settle(marks, model) {
    if (!marks.file || marks.made) return marks;
    const urls = [api.modelPicture(model, 'original.png'), api.filePicture(marks.file)];
    const [base, part] = await Promise.all(urls.map(api.picture));
    const files = composed(base, part, marks.box, model.size).map(async (image) => api.uploadFile(await png(image)));
    const [picture, mask] = await Promise.all(files);
    return { ...marks, made: { picture: picture.file, mask: mask.file } };
  },

  handles(marks, model) {
    if (!marks.file) return [];
    const [left, top, width, height] = marks.box;
    return [
      {
        name: 'pasted',
        label: `Pasted picture, at ${shownPoint([left, top])}`,
        lines: [corners(marks.box)],
        kind: 'movable',
        move: (now, right, down) =>
          moved(now, [now.box[0] + Math.round(right), now.box[1] + Math.round(down), now.box[2], now.box[3]], model),
        remove: () => ({ file: null, shape: null, box: null, made: null }),
      },
      {
        name: 'pasted-size',
        label: `Size of the pasted picture, ${height} high and ${width} wide`,
        at: corners(marks.box)[2],
        kind: 'corner',
        move(now, right, down) {
          const [x, y, across] = now.box;
          const longer = Math.max(across + right, ((now.box[3] + down) * now.shape[1]) / now.shape[0]);
          const wide = Math.round(clamp(longer, 2, 2 * model.size[1]));
          return moved(now, [x, y, wide, Math.max(1, Math.round((wide * now.shape[0]) / now.shape[1]))], model);
        },
      },
    ];
  },

  shapes: (marks, model, drawing) =>
    marks.file && drawing.shown.marks !== marks
      ? [{ picture: api.filePicture(marks.file), box: marks.box, kind: 'ghost' }]
      : [],

  panel: (marks, set, model) => [
    h('label', { class: 'field file' }, h('span', { class: 'button' }, marks.file ? 'Another photograph …' : 'Choose a photograph …'),
      h('input', {
        type: 'file',
        accept: 'image/*',
        class: 'unseen',
        onchange: (event) => event.target.files[0] && set(pasted(event.target.files[0], marks, model)),
      })),
    h('p', { class: 'note' }, 'Transparent parts of a PNG stay as they are.'),
  ],
};
