// What bending by points and by a grid have in common. Pairs are [source, target].

import { pointText } from '../geometry.js';
import { bend, gridLines } from '../mesh.js';
import { thinPlate } from '../spline.js';

const moved = ([[x, y], [u, v]]) => x !== u || y !== v;

export function cornerPairs([height, width]) {
  return [[0, 0], [0, height - 1], [width - 1, 0], [width - 1, height - 1]].map((corner) => [corner, corner]);
}

/** The inverse map of pairs; null if nothing moves. */
export function mapOf(pairs) {
  if (!pairs.some(moved)) return null;
  const [sources, targets] = [0, 1].map((end) => pairs.map((pair) => pair[end]));
  return thinPlate(sources, targets);
}

export function warp(pairs, pinned, model) {
  if (!pairs.some(moved)) return null;
  const points = pairs.map((pair) => pair.map((point) => pointText(point, model)).join(':'));
  return { task: 'warp', options: { points, no_pin: !pinned } };
}

const still = (x, y) => [x, y];

/** The shown picture, bent on from the marks that it was drawn for to the present ones; null if those are the same. */
export function instantly(drawing, name, marks, model, mapOfMarks) {
  const { shown } = drawing;
  const known = shown.tool === name ? shown.marks : null;
  if (known === marks || !shown.bitmap) return null;
  const before = known && mapOfMarks(known, model);
  const after = mapOfMarks(marks, model);
  if (!before && !after) return null;
  return bend(drawing.data, model.size, before, after ?? still);
}

export function gridShape(map, size, cells, kind = 'grid') {
  return { lines: gridLines(size, map ?? still, cells), kind };
}

/** How many cells [rows, columns] of about one shape lie along a picture. */
export function cellsOf([height, width], longer) {
  const [rows, columns] = [height, width].map((side) => (side / Math.max(height, width)) * longer);
  return [Math.max(2, Math.round(rows)), Math.max(2, Math.round(columns))];
}
