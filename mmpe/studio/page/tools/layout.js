// Lay the picture out anew: paint what is where, then move it or paint where it shall be.
// Marks: {step: 'labels', 'sketch' or 'result', color, radius, labels: strokes, moves: {color number: [right, down]},
// sketch: further strokes, files: {labels, sketch} or null}.

import * as api from '../api.js';
import { choice, slider } from '../dom.js';
import { shownPoint } from '../geometry.js';
import { BLACK, blank, boxAround, outlines, png } from '../raster.js';
import { colors, css, paintAll, painting } from './brush.js';

const COLORS = [[230, 60, 50, 255], [250, 190, 40, 255], [60, 160, 80, 255], [50, 120, 220, 255], [160, 80, 190, 255], BLACK];
const STEPS = { labels: '1 Label', sketch: '2 Arrange', result: '3 Result' };

const numberOf = (color) => COLORS.findIndex((other) => other.join() === color.join());

function moved(strokes, moves) {
  return strokes.map((stroke) => {
    const [right, down] = moves[numberOf(stroke.color)] ?? [0, 0];
    return { ...stroke, points: stroke.points.map(([x, y]) => [x + right, y + down]) };
  });
}

const sketched = (marks) => [...moved(marks.labels, marks.moves), ...marks.sketch];
const isChanged = (marks) => marks.labels.length > 0 && (marks.sketch.length > 0 || Object.keys(marks.moves).length > 0);

const things = new WeakMap(); // outlines by color number, by the labels' strokes

function outlinesOf(labels, size) {
  if (!things.has(labels)) {
    const numbers = [...new Set(labels.map(({ color }) => numberOf(color)))].filter((i) => COLORS[i] !== BLACK);
    const alone = (i) => paintAll(blank(size), labels.filter(({ color }) => numberOf(color) === i));
    things.set(labels, numbers.map((i) => [i, alone(i)]).map(([i, image]) => [i, outlines(image), boxAround(image)]));
  }
  return things.get(labels).filter(([, , box]) => box);
}

const shift = ([right, down]) => ([x, y]) => [x + right, y + down];

export default {
  name: 'layout',
  title: 'Layout',
  hint: '1: paint over what is where, one color per thing. 2: move the colored areas, or paint where things shall be. 3: see it drawn.',
  icon: 'layout',
  shared: ['num', 'seed', 'start_scale'],
  marks: () => ({ step: 'labels', color: COLORS[0], radius: 8, labels: [], moves: {}, sketch: [], files: null }),

  operation({ files, step }) {
    if (!files || step !== 'result') return null;
    return { task: 'layout', options: files };
  },

  press(marks, point) {
    if (marks.step === 'result') return null;
    const put = (now, stroke) => ({ ...now, files: null, [now.step]: [...now[now.step], stroke] });
    return painting(marks, point, marks, put);
  },

  async settle(marks, model) {
    if (marks.files || marks.step !== 'result' || !isChanged(marks)) return marks;
    const painted = [marks.labels, sketched(marks)].map((strokes) => png(paintAll(blank(model.size), strokes)));
    const [labels, sketch] = await Promise.all(painted.map(async (file) => api.uploadFile(await file)));
    return { ...marks, files: { sketch, labels } };
  },

  handles(marks, model) {
    if (marks.step !== 'sketch') return [];
    return outlinesOf(marks.labels, model.size).map(([i, lines, box]) => {
      const by = marks.moves[i] ?? [0, 0];
      return {
        name: `area-${i}`,
        label: `Area of color ${i + 1}, at ${shownPoint(shift(by)(box))}`,
        lines: lines.map((line) => line.map(shift(by))),
        kind: 'movable',
        move: (now, right, down) => {
          const [x, y] = now.moves[i] ?? [0, 0];
          return { ...now, files: null, moves: { ...now.moves, [i]: [x + Math.round(right), y + Math.round(down)] } };
        },
      };
    });
  },

  shapes(marks) {
    const strokes = { labels: marks.labels, sketch: sketched(marks), result: [] }[marks.step];
    return strokes.map(({ points, radius, color }) => ({ lines: [points], width: 2 * radius, kind: 'paint', color: css(color) }));
  },

  instant: (drawing, marks) => (marks.step === 'result' ? null : drawing.untouched),

  panel: (marks, set) => [
    choice('Step', STEPS, marks.step, (step) => set({ step })),
    marks.step !== 'result' && colors('Color; black is the rest', COLORS, marks.color, (color) => set({ color })),
    marks.step !== 'result' &&
      slider('Brush', { min: 1, max: 60, value: marks.radius, unit: ' px' }, (radius, final) => set({ radius }, final)),
  ],
};
