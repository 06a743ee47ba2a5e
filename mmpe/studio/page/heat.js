// A map of numbers as a translucent layer: clear where they are 0, ever stronger where they are large.

import { canvasOf } from './raster.js';

const COLOR = [255, 70, 40];
const STRONGEST = 200; // of 255

/** A canvas of the rows of a map, which a style stretches over the picture. */
export function heat(rows) {
  const canvas = canvasOf([rows.length, rows[0].length]);
  canvas.setAttribute('aria-hidden', 'true');
  const image = new ImageData(canvas.width, canvas.height);
  const most = Math.max(1e-6, ...rows.flat());
  rows.flat().forEach((value, i) => image.data.set([...COLOR, (STRONGEST * value) / most], 4 * i));
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas;
}
