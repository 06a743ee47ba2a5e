// A part of the picture, chosen by box, lasso, brush or one click; then moved, copied, resized, mirrored or removed.
// Marks: {how, finder, action, part, by, factor, anchor, axis, radius}. A part is {box}, {mask, box, lines}, or what
// becomes a mask when it is settled: {outline}, {strokes} or {click}.

import * as api from '../api.js';
import { choice, slider } from '../dom.js';
import { boxText, clamp, distanceText, drawnPerPixel, inModel, shownPoint } from '../geometry.js';
import { corners } from '../overlay.js';
import { BLACK, WHITE, blank, boxAround, canvasOf, fillOutline, outlines, png, stroke } from '../raster.js';
import { store } from '../store.js';

const ACTIONS = { move: 'Move', copy: 'Copy', scale: 'Resize', mirror: 'Mirror', remove: 'Remove' };
const HOW = { box: 'Box', lasso: 'Lasso', brush: 'Brush', click: 'Click' };
const FINDERS = { grabcut: 'Its colors', walker: 'Its outline' };
const UNMOVED = { by: [0, 0], factor: 1 };

// -------------------------------------------------------------------- how a part is chosen

function boxBetween([x, y], [u, v], [height, width]) {
  const [left, right] = [Math.min(x, u), Math.max(x, u)].map((value) => clamp(Math.round(value), 0, width - 1));
  const [top, bottom] = [Math.min(y, v), Math.max(y, v)].map((value) => clamp(Math.round(value), 0, height - 1));
  return [left, top, right - left + 1, bottom - top + 1];
}

const CHOOSERS = {
  box: (marks, start, { size }) => ({
    move: (now, right, down, point) => ({ ...now, ...UNMOVED, part: { box: boxBetween(start, point, size) } }),
  }),
  lasso: (marks, start) => {
    const outline = [start];
    return { move: (now, right, down, point) => ({ ...now, ...UNMOVED, part: { outline: [...add(outline, point)] } }) };
  },
  brush: (marks, start) => {
    const line = [start];
    const part = (now) => ({ strokes: [...(marks.part?.strokes ?? []), { radius: now.radius, points: [...line] }] });
    return {
      marks: { ...marks, ...UNMOVED, part: part(marks) },
      move: (now, right, down, point) => (add(line, point), { ...now, part: part(now) }),
    };
  },
  click: (marks, start) => ({ marks: { ...marks, ...UNMOVED, part: { click: start } } }),
};

function add(line, point) {
  line.push(point);
  return line;
}

function maskOf({ outline, strokes }, size) {
  const image = blank(size, BLACK);
  if (outline) fillOutline(image, outline, WHITE);
  for (const { points, radius } of strokes ?? []) stroke(image, points, radius, WHITE);
  return image;
}

async function settledPart({ part, finder }, model) {
  if (!part || part.box) return part;
  if (part.click) {
    const onto = store.document.base?.picture;
    const mask = await api.select(model.id, { how: finder, click: inModel(part.click, model), onto });
    return { ...found(mask, model), click: part.click };
  }
  const image = maskOf(part, model.size);
  const box = boxAround(image);
  if (!box) return null; // a line without an inside
  return { ...part, mask: await api.uploadFile(await png(image)), box, lines: outlines(image) };
}

/** What the server has found, in pixels of the finished picture. */
function found({ file, box, contours }, model) {
  const [across, down] = drawnPerPixel(model);
  const [left, top, width, height] = [box[0] / across, box[1] / down, box[2] / across, box[3] / down];
  const lines = contours.map((line) => line.map(([x, y]) => [(x + 0.5) / across - 0.5, (y + 0.5) / down - 0.5]));
  return { mask: { file }, box: [left, top, width, height], lines };
}

// -------------------------------------------------------------------- where it is, and where it goes

const linesOf = (part) => part.lines ?? (part.box ? [corners(part.box)] : part.outline ? [part.outline] : []);

/** The point of a box that stays when it is resized. */
function anchorOf({ part: { box }, anchor }) {
  const rows = { top: box[1] - 0.5, center: box[1] + (box[3] - 1) / 2, bottom: box[1] + box[3] - 0.5 };
  return [box[0] + (box[2] - 1) / 2, rows[anchor]];
}

function placed(marks) {
  const { action, by, factor } = marks;
  const moves = action === 'move' || action === 'copy';
  if (moves) return ([x, y]) => [x + by[0], y + by[1]];
  if (action !== 'scale') return (point) => point;
  const [x, y] = anchorOf(marks);
  return ([u, v]) => [x + factor * (u - x), y + factor * (v - y)];
}

const isMoved = ({ by }) => by[0] !== 0 || by[1] !== 0;

const OPERATIONS = {
  move: (marks, model) => isMoved(marks) && ['move', { by: distanceText(marks.by, model) }],
  copy: (marks, model) => isMoved(marks) && ['duplicate', { by: distanceText(marks.by, model) }],
  scale: ({ factor, anchor }) => factor !== 1 && ['scale', { factor, anchor }],
  mirror: ({ axis }) => ['mirror', { axis }],
  remove: () => ['remove', {}],
};

// -------------------------------------------------------------------- on the picture

function areaHandle(marks) {
  const place = placed(marks);
  const lines = linesOf(marks.part).map((line) => line.map(place));
  const [x, y] = place(marks.part.box);
  const moves = marks.action === 'move' || marks.action === 'copy';
  return {
    name: 'region',
    label: `Region, at ${shownPoint([x, y])}`,
    lines,
    kind: moves ? 'movable' : 'resting',
    move: moves
      ? (now, right, down) => ({ ...now, by: [now.by[0] + Math.round(right), now.by[1] + Math.round(down)] })
      : null,
    remove: (now) => ({ ...now, ...UNMOVED, part: null }),
  };
}

function cornerHandles({ part: { box } }, { size }) {
  const [left, top, right, bottom] = [box[0], box[1], box[0] + box[2] - 1, box[1] + box[3] - 1];
  const ends = [[left, top], [right, top], [right, bottom], [left, bottom]];
  return ['top left', 'top right', 'bottom right', 'bottom left'].map((name, i) => ({
    name: `corner-${i}`,
    label: `Corner of the box, ${name}, at ${shownPoint(ends[i])}`,
    at: corners(box)[i],
    kind: 'corner',
    move: (now, across, along) => {
      const moved = [ends[i][0] + across, ends[i][1] + along];
      return { ...now, part: { box: boxBetween(moved, ends[(i + 2) % 4], size) } };
    },
  }));
}

function sizeHandle(marks) {
  const { box } = marks.part;
  const anchor = anchorOf(marks);
  const corner = corners(box)[marks.anchor === 'top' ? 2 : 1];
  const at = placed(marks)(corner);
  const reach = Math.hypot(corner[0] - anchor[0], corner[1] - anchor[1]);
  return {
    name: 'size',
    label: `Size of the region, ${Math.round(marks.factor * 100)} percent`,
    at,
    kind: 'corner',
    move: (now, right, down) => {
      const [x, y] = placed(now)(corner);
      const factor = Math.hypot(x + right - anchor[0], y + down - anchor[1]) / reach;
      return { ...now, factor: Number(clamp(factor, 0.1, 4).toFixed(2)) };
    },
  };
}

const cutouts = new WeakMap(); // by part

/** The part alone, as a URL: what follows the pointer until it is drawn. */
function cutout(part, bitmap, [height, width]) {
  if (cutouts.has(part)) return cutouts.get(part);
  const [left, top, across, down] = part.box;
  const canvas = canvasOf([down, across]);
  const context = canvas.getContext('2d');
  context.beginPath();
  for (const line of linesOf(part)) {
    line.forEach(([x, y], i) => context[i ? 'lineTo' : 'moveTo'](x + 0.5 - left, y + 0.5 - top));
    context.closePath();
  }
  context.clip('evenodd');
  context.drawImage(bitmap, -left, -top, width, height);
  cutouts.set(part, canvas.toDataURL());
  return cutouts.get(part);
}

function ghost(marks, model, drawing) {
  const place = placed(marks);
  const { box } = marks.part;
  const [x, y] = place([box[0] - 0.5, box[1] - 0.5]).map((value) => value + 0.5);
  const factor = marks.action === 'scale' ? marks.factor : 1;
  const picture = cutout(marks.part, drawing.untouched, model.size);
  return { picture, box: [x, y, box[2] * factor, box[3] * factor], kind: 'ghost' };
}

export default {
  name: 'region',
  title: 'Region',
  hint: 'Choose a part of the picture, and then drag it.',
  icon: 'region',
  shared: ['num', 'seed', 'start_scale'],
  marks: () => ({ how: 'box', finder: 'grabcut', action: 'move', part: null, anchor: 'bottom', axis: 'x', radius: 6, ...UNMOVED }),

  operation(marks, model) {
    const { part, action } = marks;
    if (!part?.box) return null;
    const made = OPERATIONS[action](marks, model);
    const where = part.mask ? { mask: part.mask } : { box: boxText(part.box, model) };
    return made ? { task: made[0], options: { ...where, ...made[1] } } : null;
  },

  rest: (marks) => ({ ...marks, ...UNMOVED, part: null }),
  press: (marks, point, model) => CHOOSERS[marks.how](marks, point, model),
  settle: async (marks, model) => ({ ...marks, part: await settledPart(marks, model) }),

  handles(marks, model) {
    if (!marks.part?.box) return [];
    const chosen = !marks.part.mask && !isMoved(marks) && marks.action !== 'scale';
    return [
      areaHandle(marks),
      ...(chosen ? cornerHandles(marks, model) : []),
      ...(marks.action === 'scale' ? [sizeHandle(marks)] : []),
    ];
  },

  shapes(marks, model, drawing) {
    const { part } = marks;
    if (!part) return [];
    if (part.strokes && !part.mask) {
      return part.strokes.map(({ points, radius }) => ({ lines: [points], width: 2 * radius, kind: 'brushed' }));
    }
    const old = { lines: linesOf(part), closed: true, kind: 'old' };
    const dragged = part.box && drawing.untouched && (isMoved(marks) || marks.factor !== 1) && drawing.shown.marks !== marks;
    return dragged ? [old, ghost(marks, model, drawing)] : [old];
  },

  panel: (marks, set) => [
    choice('Choose by', HOW, marks.how, (how) => set({ how })),
    marks.how === 'brush' &&
      slider('Brush', { min: 1, max: 40, value: marks.radius, unit: ' px' }, (radius, final) => set({ radius }, final)),
    marks.how === 'click' &&
      choice('Find the thing by', FINDERS, marks.finder, (finder) => {
        const { click } = marks.part ?? {};
        set({ finder, ...(click && { ...UNMOVED, part: { click } }) });
      }),
    choice('Then', ACTIONS, marks.action, (action) => set({ ...UNMOVED, action })),
    marks.action === 'scale' && [
      slider('Size', { min: 10, max: 400, value: Math.round(marks.factor * 100), unit: ' %' }, (percent, final) =>
        set({ factor: percent / 100 }, final),
      ),
      choice('What stays', { top: 'Top', center: 'Center', bottom: 'Bottom' }, marks.anchor, (anchor) => set({ anchor })),
    ],
    marks.action === 'mirror' &&
      choice('Swap', { x: 'Left and right', y: 'Top and bottom' }, marks.axis, (axis) => set({ axis })),
  ],
};
