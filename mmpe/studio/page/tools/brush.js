// Painting strokes: {color: [r, g, b, 255], radius, points}.

import { h } from '../dom.js';
import { stroke } from '../raster.js';

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** A drag that paints: `put(marks, stroke)` gives the marks with the stroke as the last one. */
export function painting(marks, start, { color, radius }, put) {
  const points = [start];
  const painted = (now) => put(now, { color, radius, points: [...points] });
  return {
    marks: painted(marks),
    move(now, right, down, point) {
      points.push(point);
      // from the marks before the stroke: what follows is one stroke, not many
      return painted(marks);
    },
  };
}

export function paintAll(image, strokes) {
  for (const { points, radius, color } of strokes) stroke(image, points, radius, color);
  return image;
}

/** A named group of colors of which one is chosen. */
export function colors(label, options, current, set) {
  const same = (color) => color.join() === current.join();
  return h(
    'div',
    { class: 'field' },
    h('span', { class: 'label' }, label),
    h(
      'div',
      { class: 'colors', role: 'group', 'aria-label': label },
      options.map((color, i) => {
        const button = h('button', {
          type: 'button',
          'aria-label': `Color ${i + 1}, red ${color[0]}, green ${color[1]}, blue ${color[2]}`,
          'aria-pressed': String(same(color)),
          onclick: () => set(color),
        });
        button.style.background = css(color);
        return button;
      }),
    ),
  );
}
