// Shapes as pixels, without smooth edges: masks and flat colors must be exact.
// Points are [x, y] with pixel centers at whole numbers; sizes are [height, width].

export const BLACK = [0, 0, 0, 255];
export const WHITE = [255, 255, 255, 255];

export function canvasOf([height, width]) {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  return canvas;
}

export function blank([height, width], color = BLACK) {
  const image = new ImageData(width, height);
  new Uint32Array(image.data.buffer).fill(packed(color));
  return image;
}

/** A picture as ImageData, at `size` if that is given. */
export function pixels(bitmap, size = [bitmap.height, bitmap.width]) {
  const context = canvasOf(size).getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0, size[1], size[0]);
  return context.getImageData(0, 0, size[1], size[0]);
}

/** A picture that the user gave, decoded by the browser. */
export const decoded = (file) =>
  createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is no picture that this browser can read: give a PNG, JPEG or WebP.`);
  });

/** A line of a round brush. */
export function stroke(image, points, radius, color) {
  const value = packed(color);
  const target = new Uint32Array(image.data.buffer);
  let last = points[0];
  for (const point of points) {
    const steps = Math.max(1, Math.ceil(Math.hypot(point[0] - last[0], point[1] - last[1])));
    for (let i = 1; i <= steps; i++) {
      disc(image, target, mixed(last, point, i / steps), radius, value);
    }
    last = point;
  }
}

const mixed = ([x, y], [u, v], t) => [x + t * (u - x), y + t * (v - y)];

function disc(image, target, [x, y], radius, value) {
  for (let j = Math.ceil(y - radius); j <= y + radius; j++) {
    for (let i = Math.ceil(x - radius); i <= x + radius; i++) {
      const inside = i >= 0 && j >= 0 && i < image.width && j < image.height;
      if (inside && (i - x) ** 2 + (j - y) ** 2 <= radius ** 2) target[j * image.width + i] = value;
    }
  }
}

/** Fill a closed line: the pixels whose centers lie inside, by the even-odd rule. */
export function fillOutline(image, points, color) {
  const value = packed(color);
  const target = new Uint32Array(image.data.buffer);
  for (let y = 0; y < image.height; y++) {
    const crossings = points
      .map((point, i) => [point, points[(i + 1) % points.length]])
      .filter(([[, a], [, b]]) => a <= y !== b <= y)
      .map(([[x, a], [u, b]]) => x + ((y - a) / (b - a)) * (u - x))
      .sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const first = Math.max(0, Math.ceil(crossings[k]));
      const last = Math.min(image.width - 1, Math.floor(crossings[k + 1]));
      for (let x = first; x <= last; x++) target[y * image.width + x] = value;
    }
  }
}

/** The smallest box around the pixels that are not black: [left, top, width, height], or null. */
export function boxAround(image) {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  const values = new Uint32Array(image.data.buffer);
  const black = packed(BLACK);
  values.forEach((value, i) => {
    if (value === black) return;
    const [x, y] = [i % image.width, Math.floor(i / image.width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  });
  return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}

/** The outlines of the pixels that are not black: closed lines along the edges of pixels. */
export function outlines(image) {
  const values = new Uint32Array(image.data.buffer);
  const black = packed(BLACK);
  const { width, height } = image;
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] !== black;
  const next = new Map(); // from a corner to those that follow it, the inside on the right
  const edge = (x, y, u, v) => next.set(y * (width + 1) + x, [...(next.get(y * (width + 1) + x) ?? []), [u, v]]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (!at(x, y)) continue;
      if (!at(x, y - 1)) edge(x, y, x + 1, y);
      if (!at(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
      if (!at(x, y + 1)) edge(x + 1, y + 1, x, y + 1);
      if (!at(x - 1, y)) edge(x, y + 1, x, y);
    }
  }
  const lines = [];
  for (const start of next.keys()) {
    const line = [];
    for (let corner = start, ends; (ends = next.get(corner))?.length; ) {
      const [u, v] = ends.pop();
      line.push([u - 0.5, v - 0.5]);
      corner = v * (width + 1) + u;
    }
    if (line.length) lines.push(withoutStraight(line));
  }
  return lines;
}

const withoutStraight = (line) =>
  line.filter(([x, y], i) => {
    const [before, after] = [line.at(i - 1), line[(i + 1) % line.length]];
    return (x - before[0]) * (after[1] - y) !== (y - before[1]) * (after[0] - x);
  });

/** As a PNG file. */
export function png(image) {
  const canvas = canvasOf([image.height, image.width]);
  canvas.getContext('2d').putImageData(image, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be encoded'))));
  });
}

/** The few colors that a picture has most of, as [r, g, b, 255], by halving the widest box of colors. */
export function palette(image, count = 8) {
  let boxes = [Array.from({ length: image.data.length / 4 }, (_, i) => [...image.data.subarray(4 * i, 4 * i + 3)])];
  while (boxes.length < count) {
    const [box, channel, extent] = boxes.map(widest).reduce((best, other) => (other[2] > best[2] ? other : best));
    if (!extent) break;
    box.sort((a, b) => a[channel] - b[channel]);
    const half = box.length >> 1;
    boxes = boxes.filter((other) => other !== box).concat([box.slice(0, half), box.slice(half)]);
  }
  return boxes.map((box) => [0, 1, 2].map((c) => Math.round(box.reduce((sum, rgb) => sum + rgb[c], 0) / box.length)))
    .map((rgb) => [...rgb, 255]);
}

function widest(box) {
  const extents = [0, 1, 2].map((c) => {
    const [low, high] = box.reduce(([a, b], rgb) => [Math.min(a, rgb[c]), Math.max(b, rgb[c])], [255, 0]);
    return high - low;
  });
  const channel = extents.indexOf(Math.max(...extents));
  return [box, channel, extents[channel] * Math.sqrt(box.length)];
}

const packed = ([r, g, b, a]) => new Uint32Array(new Uint8ClampedArray([r, g, b, a]).buffer)[0];
