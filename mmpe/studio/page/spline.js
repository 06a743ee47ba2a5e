// The thin-plate spline of `mmpe edit warp`, so that the picture bends in the page as it will be drawn.
// Points are [x, y] with pixel centers at whole numbers.

const SAME_POINT = 1e-6; // pixels

/**
 * The inverse map that shows every source at its target and bends least in between: (x, y) => [x, y].
 * Of points that share a target the first counts; points on a line turn and enlarge the picture as little as they must.
 */
export function thinPlate(sources, targets) {
  [sources, targets] = offTheLine(...once(sources, targets));
  if (!targets.length) return (x, y) => [x, y];
  const count = targets.length;
  const rows = targets.map(([x, y], i) => [
    ...targets.map(([u, v]) => kernel(x - u, y - v)),
    1, x, y,
    sources[i][0] - x, sources[i][1] - y,
  ]);
  for (const power of [() => 1, ([x]) => x, ([, y]) => y]) rows.push([...targets.map(power), 0, 0, 0, 0, 0]);
  const weights = solve(rows, count + 3);
  const [one, along, across] = weights.slice(count);
  return (x, y) => {
    let [right, down] = [x, y];
    for (let i = 0; i < count; i++) {
      const value = kernel(x - targets[i][0], y - targets[i][1]);
      right += weights[i][0] * value;
      down += weights[i][1] * value;
    }
    return [
      right + one[0] + along[0] * x + across[0] * y,
      down + one[1] + along[1] * x + across[1] * y,
    ];
  };
}

/** Where an inverse map shows a point of the picture: the fixed point of p = point - (map(p) - p). */
export function whereShown(map, [x, y], steps = 12) {
  let [u, v] = [x, y];
  for (let i = 0; i < steps; i++) {
    const [mx, my] = map(u, v);
    const [dx, dy] = [x - mx, y - my];
    u += 0.8 * dx; // damped: a strongly bent map is no contraction
    v += 0.8 * dy;
    if (Math.abs(dx) + Math.abs(dy) < 0.01) break;
  }
  return [u, v];
}

function kernel(x, y) {
  const square = x * x + y * y;
  return square ? 0.5 * square * Math.log(square) : 0;
}

function once(sources, targets) {
  const kept = targets
    .map((_, i) => i)
    .filter((i) => !targets.slice(0, i).some((other) => distance(other, targets[i]) <= SAME_POINT));
  return [kept.map((i) => sources[i]), kept.map((i) => targets[i])];
}

const distance = ([x, y], [u, v]) => Math.max(Math.abs(x - u), Math.abs(y - v));

/** Points beside targets on a line, which do not determine a plane: they move by the nearest similarity. */
function offTheLine(sources, targets) {
  if (!targets.length) return [sources, targets];
  const [oldCenter, newCenter] = [mean(targets), mean(sources)];
  const old = targets.map((point) => minus(point, oldCenter));
  const now = sources.map((point) => minus(point, newCenter));
  const length = ([x, y]) => x * x + y * y;
  const farthest = old.reduce((best, point) => (length(point) > length(best) ? point : best));
  const across = ([x, y]) => Math.abs(y * farthest[0] - x * farthest[1]) / length(farthest);
  if (length(farthest) && Math.max(...old.map(across)) > SAME_POINT) return [sources, targets];
  const added = length(farthest) ? [[-farthest[1], farthest[0]]] : [[1, 0], [0, 1]];
  const sum = (f) => old.reduce((total, point, i) => total + f(point, now[i]), 0);
  const size = sum(length);
  const turn = size
    ? [sum(([x, y], [u, v]) => x * u + y * v) / size, sum(([x, y], [u, v]) => x * v - y * u) / size]
    : [1, 0];
  const turned = added.map(([x, y]) => [x * turn[0] - y * turn[1], x * turn[1] + y * turn[0]]);
  return [
    [...sources, ...turned.map((point) => plus(point, newCenter))],
    [...targets, ...added.map((point) => plus(point, oldCenter))],
  ];
}

const minus = ([x, y], [u, v]) => [x - u, y - v];
const plus = ([x, y], [u, v]) => [x + u, y + v];
const mean = (points) =>
  points.reduce(plus, [0, 0]).map((value) => value / points.length);

/** Gauss and Jordan with pivots: the rows hold the matrix and two right-hand sides; a list of pairs. */
function solve(rows, count) {
  for (let column = 0; column < count; column++) {
    let pivot = column;
    for (let row = column + 1; row < count; row++) {
      if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    const head = rows[column];
    for (let row = 0; row < count; row++) {
      const factor = row === column ? 0 : rows[row][column] / head[column];
      if (factor) for (let k = column; k < count + 2; k++) rows[row][k] -= factor * head[k];
    }
  }
  return rows.map((row, i) => [row[count] / row[i], row[count + 1] / row[i]]);
}
