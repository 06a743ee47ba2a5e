// Bend the coordinate grid itself: its frame stays where it is not pulled, and what lies between follows.
// Marks: {longer: cells along the longer side, pulled: {'row,column': [x, y]}}.

import { choice } from '../dom.js';
import { inside, shownPoint } from '../geometry.js';
import { whereShown } from '../spline.js';
import { cellsOf, gridShape, instantly, mapOf, warp } from './bend.js';

function nodes(marks, { size }) {
  const [rows, columns] = cellsOf(size, marks.longer);
  return Array.from({ length: (rows + 1) * (columns + 1) }, (_, i) => {
    const [row, column] = [Math.floor(i / (columns + 1)), i % (columns + 1)];
    return {
      key: `${row},${column}`,
      label: `row ${row + 1}, column ${column + 1}`,
      from: [(column / columns) * (size[1] - 1), (row / rows) * (size[0] - 1)],
      frame: row === 0 || column === 0 || row === rows || column === columns,
    };
  });
}

const pairs = (marks, model) =>
  nodes(marks, model)
    .filter(({ key, frame }) => frame || marks.pulled[key])
    .map(({ key, from }) => [from, marks.pulled[key] ?? from]);

const mapOfMarks = (marks, model) => mapOf(pairs(marks, model));

function places(marks, model) {
  const map = mapOfMarks(marks, model);
  return nodes(marks, model).map((node) => ({
    ...node,
    to: marks.pulled[node.key] ?? (map && !node.frame ? whereShown(map, node.from) : node.from),
  }));
}

export default {
  name: 'grid',
  title: 'Grid',
  hint: 'Pull the nodes of the grid: the picture bends with its coordinates.',
  icon: 'grid',
  shared: ['num', 'seed', 'start_scale'],
  marks: () => ({ longer: 4, pulled: {} }),

  operation: (marks, model) => warp(pairs(marks, model), false, model),

  handles: (marks, model) =>
    places(marks, model).map(({ key, label, to }) => ({
      name: `node-${key}`,
      label: `Grid node in ${label}, at ${shownPoint(to)}`,
      at: to,
      kind: marks.pulled[key] ? 'pulled' : 'free',
      move(now, right, down) {
        const [x, y] = places(now, model).find((node) => node.key === key).to;
        return { ...now, pulled: { ...now.pulled, [key]: inside([x + right, y + down], model.size) } };
      },
      remove(now) {
        const { [key]: _, ...pulled } = now.pulled;
        return { ...now, pulled };
      },
    })),

  shapes: (marks, model) => [gridShape(mapOfMarks(marks, model), model.size, cellsOf(model.size, marks.longer))],

  instant: (drawing, marks, model) => instantly(drawing, 'grid', marks, model, mapOfMarks),

  panel: (marks, set) => [
    choice('Cells', { 3: 'Few', 4: 'Some', 6: 'Many' }, String(marks.longer), (longer) =>
      set({ longer: Number(longer), pulled: {} }),
    ),
  ],
};
