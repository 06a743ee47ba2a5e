// The tools. A tool is a module that says what is marked, and which operation of `mmpe edit` that is:
//   name, title, hint, icon;
//   shared: which of num, seed, start_scale the task takes;
//   lowest: its first start scale, if that is not 0 with an encoding and 1 without; num: how many images at first;
//   onto: the option that takes a picture that was edited before, if that is not 'onto'; null: there is none;
//   anew: whether it draws new pictures, from which one goes on only if one asks for it;
//   marks(model): what is marked at first, as plain data that is never changed in place; files are {file: name}, as
//     uploads answer and operations need them, so that a session packs them;
//   operation(marks, model): {task, options} or null as long as nothing is to be done.
// And, if it needs them:
//   handles(marks, model), shapes(marks, model, drawing): what lies over the picture, see overlay.js;
//   press(marks, point, model): what a press beside all handles begins: {marks?, move?(marks, right, down, point), focus?};
//   panel(marks, set, model, drawing): its controls; set(changes, final);
//   keeps(marks, model): whether its image can be edited on, as it has the picture's size; other: what is said if not;
//   rest(marks): marks of which the settings are left, and nothing on the picture;
//   settle(marks, model): marks with files made of them (a promise);
//   instant(drawing, marks, model): the picture while it is dragged, as ImageData;
//   size(marks, model, bitmap): of what is shown, if that is not the picture's; tiles(marks): how often it repeats.
// A handle: {name, label, at or lines, kind, move(marks, right, down, point), remove(marks)}.

import { store } from '../store.js';
import animate from './animate.js';
import enlarge from './enlarge.js';
import grid from './grid.js';
import layout from './layout.js';
import paint from './paint.js';
import paste from './paste.js';
import points from './points.js';
import region from './region.js';
import samples from './samples.js';
import size from './size.js';
import texture from './texture.js';

export const TOOLS = [points, grid, region, size, layout, paste, paint, enlarge, samples, texture, animate];

export const toolOf = (name) => TOOLS.find((tool) => tool.name === name) ?? points;
export const presentTool = () => toolOf(store.document.tool);

const untouched = new Map(); // by model and tool: marks are compared as objects

/** What is marked in a document with its tool. */
export function marksOf(document, model) {
  const tool = toolOf(document.tool);
  const key = `${tool.name} ${model?.id}`;
  if (model && !untouched.has(key)) untouched.set(key, tool.marks(model));
  return document.marks[tool.name] ?? untouched.get(key);
}

export const presentMarks = () => marksOf(store.document, store.model);
