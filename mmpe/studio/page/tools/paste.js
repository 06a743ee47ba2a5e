// Paste a photograph, and let the picture's colors and textures take it in.
// Marks: {picture: the pasted one's file, opaque: file that is white where it is opaque, shape: its [height, width],
// box: [left, top, width, height], made: files or null}.

import * as api from '../api.js';
import { groundAddress } from '../base.js';
import { h } from '../dom.js';
import { clamp, shownPoint } from '../geometry.js';
import { corners } from '../overlay.js';
import { blank, canvasOf, decoded, pixels, png } from '../raster.js';

const SHARE = 0.4; // of the picture, that a pasted one takes at first
const HALF = 128; // of 255
const NOTHING = { picture: null, opaque: null, shape: null, box: null, made: null };

const upload = async (image) => api.uploadFile(await png(image));

/** Take a picture that the user gave, no larger than the model's. */
export async function pasted(file, marks, { size }) {
  const bitmap = await decoded(file);
  const reduced = Math.min(1, size[0] / bitmap.height, size[1] / bitmap.width);
  const shape = [bitmap.height, bitmap.width].map((side) => Math.max(1, Math.round(side * reduced)));
  const image = pixels(bitmap, shape);
  const [pastedFile, opaque] = await Promise.all([image, whereOpaque(image)].map(upload));
  const factor = Math.min(1, (SHARE * size[0]) / shape[0], (SHARE * size[1]) / shape[1]);
  const [height, width] = shape.map((side) => Math.max(2, Math.round(side * factor)));
  const box = [Math.round((size[1] - width) / 2), Math.round((size[0] - height) / 2), width, height];
  const next = { ...marks, picture: pastedFile, opaque, shape, box, made: null };
  await part(next);
  return next;
}

/** White where an image is opaque. */
function whereOpaque(image) {
  const mask = blank([image.height, image.width]);
  for (let i = 3; i < image.data.length; i += 4) if (image.data[i] >= HALF) mask.data.fill(255, i - 3, i);
  return mask;
}

const keyOf = ({ picture, opaque }) => `${picture?.file} ${opaque?.file}`;
const parts = new Map(); // by files: the pasted picture as a canvas, and as a URL for the overlay

/** The pasted picture with what is transparent. The server's files have no transparency, so it is in a second one. */
async function part(marks) {
  const key = keyOf(marks);
  if (parts.has(key)) return parts.get(key).canvas;
  const files = [marks.picture, marks.opaque].map(({ file }) => api.picture(api.filePicture(file)));
  const [image, mask] = (await Promise.all(files)).map(
    (bitmap) => pixels(bitmap),
  );
  for (let i = 0; i < image.data.length; i += 4) image.data[i + 3] = mask.data[i];
  const canvas = canvasOf([image.height, image.width]);
  canvas.getContext('2d').putImageData(image, 0, 0);
  parts.set(key, { canvas, url: canvas.toDataURL() });
  return canvas;
}

/** The model's picture with the pasted one on it, and the mask of that. */
function composed(base, above, [left, top, width, height], size) {
  const layer = canvasOf(size);
  layer.getContext('2d').drawImage(above, left, top, width, height);
  const [picture, pastedOn] = [pixels(base, size), pixels(layer)];
  for (let i = 0; i < picture.data.length; i += 4) {
    if (pastedOn.data[i + 3] >= HALF) picture.data.set(pastedOn.data.subarray(i, i + 3), i);
  }
  return [picture, whereOpaque(pastedOn)];
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
  onto: null,
  marks: () => NOTHING,

  operation: ({ made }) =>
    made && { task: 'harmonise', options: made },

  async settle(marks, model) {
    if (!marks.picture || marks.made) return marks;
    const [base, above] = await Promise.all([api.picture(groundAddress(model)), part(marks)]);
    const [picture, mask] = await Promise.all(composed(base, above, marks.box, model.size).map(upload));
    return { ...marks, made: { picture, mask } };
  },

  handles(marks, model) {
    if (!marks.picture) return [];
    const [left, top, width, height] = marks.box;
    return [
      {
        name: 'pasted',
        label: `Pasted picture, at ${shownPoint([left, top])}`,
        lines: [corners(marks.box)],
        kind: 'movable',
        move: (now, right, down) =>
          moved(now, [now.box[0] + Math.round(right), now.box[1] + Math.round(down), now.box[2], now.box[3]], model),
        remove: () => NOTHING,
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

  shapes(marks, model, drawing) {
    const known = parts.get(keyOf(marks));
    return known && drawing.shown.marks !== marks ? [{ picture: known.url, box: marks.box, kind: 'ghost' }] : [];
  },

  panel: (marks, set, model) => [
    h('label', { class: 'field file' }, h('span', { class: 'button' }, marks.picture ? 'Another photograph …' : 'Choose a photograph …'),
      h('input', {
        type: 'file',
        accept: 'image/*',
        class: 'unseen',
        onchange: (event) => event.target.files[0] && set(pasted(event.target.files[0], marks, model)),
      })),
    h('p', { class: 'note' }, 'Transparent parts of a PNG stay as they are.'),
  ],
};
