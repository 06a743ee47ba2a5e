// Bend the picture by points: press to place one, drag it.
// Marks: {points: [{number, from, to}], pinned}.

import { h, toggle } from '../dom.js';
import { inside, shownPoint } from '../geometry.js';
import { cellsOf, cornerPairs, gridShape, instantly, mapOf, warp } from './bend.js';

const pairs = (marks) => marks.points.map(({ from, to }) => [from, to]);

// the corners that no point stands on, as the task pins them
function mapOfMarks(marks, model) {
  const taken = ([, corner]) => marks.points.some(({ to }) => to[0] === corner[0] && to[1] === corner[1]);
  const corners = marks.pinned ? cornerPairs(model.size).filter((corner) => !taken(corner)) : [];
  return mapOf([...pairs(marks), ...corners]);
}

const replaced = (marks, number, to) => ({
  ...marks,
  points: marks.points.map((point) => (point.number === number ? { ...point, to } : point)),
});
const without = (marks, number) => ({ ...marks, points: marks.points.filter((point) => point.number !== number) });

const moving = (number, model) => (marks, right, down) => {
  const [x, y] = marks.points.find((point) => point.number === number).to;
  return replaced(marks, number, inside([x + right, y + down], model.size));
};

const tool = {
  name: 'points',
  title: 'Bend',
  hint: 'Press on the picture to place a point, and drag it. A point that is not dragged holds its place.',
  icon: 'points',
  shared: ['num', 'seed', 'start_scale'],
  marks: () => ({ points: [], pinned: true }),

  operation: (marks, model) => warp(pairs(marks), marks.pinned, model),

  press(marks, point, model) {
    const to = inside(point, model.size);
    const from = inside((mapOfMarks(marks, model) ?? ((x, y) => [x, y]))(...to), model.size);
    const number = 1 + Math.max(0, ...marks.points.map((other) => other.number));
    return {
      marks: { ...marks, points: [...marks.points, { number, from, to }] },
      move: moving(number, model),
      focus: `point-${number}`,
    };
  },

  handles: (marks, model) =>
    marks.points.map(({ number, to }) => ({
      name: `point-${number}`,
      label: `Point ${number}, at ${shownPoint(to)}`,
      at: to,
      move: moving(number, model),
      remove: (now) => without(now, number),
    })),

  shapes(marks, model) {
    const map = mapOfMarks(marks, model);
    const arrows = { lines: pairs(marks), kind: 'arrow' };
    return map ? [gridShape(map, model.size, cellsOf(model.size, 8), 'grid passing'), arrows] : [];
  },

  instant: (drawing, marks, model) => instantly(drawing, 'points', marks, model, mapOfMarks),

  panel: (marks, set, model) => [
    toggle('Corners stay', marks.pinned, (pinned) => set({ pinned })),
    h(
      'button',
      {
        type: 'button',
        // for keyboards: they have no press
        onclick: () => set(tool.press(marks, [(model.size[1] - 1) / 2, (model.size[0] - 1) / 2], model).marks),
      },
      'Add a point in the middle',
    ),
    h('p', { class: 'note' }, 'Arrow keys move a point that has the focus, with Shift by 8 pixels. Delete removes it.'),
  ],
};

export default tool;
