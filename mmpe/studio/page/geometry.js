// Numbers of pictures: between pixels of the finished picture, in which all marks are, and those that are trained so far.

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

const tidy = (value) => Number(value.toFixed(2));

/** A point inside a picture of size [height, width]. */
export const inside = ([x, y], [height, width]) => [clamp(x, 0, width - 1), clamp(y, 0, height - 1)];

/** How many pixels the model draws per pixel of the finished picture, [across, down]; 1 when it is trained. */
export function drawnPerPixel({ size, trained_size: trained }) {
  return trained ? [trained[1] / size[1], trained[0] / size[0]] : [1, 1];
}

/** A point in pixels that the model draws. */
export function inModel([x, y], model) {
  const [across, down] = drawnPerPixel(model);
  return [tidy((x + 0.5) * across - 0.5), tidy((y + 0.5) * down - 0.5)];
}

/** The same as text of the command line. */
export const pointText = (point, model) => inModel(point, model).join();

/** A distance, likewise. */
export function distanceText([right, down], model) {
  const [across, along] = drawnPerPixel(model);
  return `${tidy(right * across)},${tidy(down * along)}`;
}

/** A box, likewise: at least one pixel, and inside. */
export function boxText(box, model) {
  const [across, down] = drawnPerPixel(model);
  const [height, width] = model.trained_size ?? model.size;
  const left = clamp(Math.round(box[0] * across), 0, width - 1);
  const top = clamp(Math.round(box[1] * down), 0, height - 1);
  const right = clamp(Math.round((box[0] + box[2]) * across), left + 1, width);
  const bottom = clamp(Math.round((box[1] + box[3]) * down), top + 1, height);
  return `${left},${top},${right - left},${bottom - top}`;
}

/** A size [height, width], likewise. */
export function sizeText(size, model) {
  const [across, down] = drawnPerPixel(model);
  return `${Math.max(1, Math.round(size[0] * down))}x${Math.max(1, Math.round(size[1] * across))}`;
}

/** For people. */
export const shownPoint = ([x, y]) => `${Math.round(x)}, ${Math.round(y)}`;
