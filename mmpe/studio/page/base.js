// From edit to edit: the image that is shown is kept as a file, which what follows starts from.

import * as api from './api.js';
import { picked } from './drawing.js';
import { change, emit, say, store } from './store.js';
import { marksOf, presentTool, toolOf } from './tools/index.js';

/**
 * A base is {picture: its file, steps}. A step is the operation that made the file of the next one, the number of its
 * image, that file, and the model's version: {task, options, image, file, version}.
 */

const isFrom = (operation, picture) => Object.values(operation.options).some((value) => value?.file === picture.file);

/** The earlier steps that an operation builds on: none, if it starts from nothing that they have made. */
export function stepsBefore(operation, { base }) {
  return base && isFrom(operation, base.picture) ? base.steps : [];
}

/** Where the picture is that one paints and pastes on. */
export function groundAddress(model) {
  const { base } = store.document;
  return base ? api.filePicture(base.picture.file) : api.modelPicture(model, 'original.png');
}

/** Whether what is shown can be edited on: it must have the size of the picture, and stand still. */
export function canKeep() {
  const tool = presentTool();
  if (!store.model || !picked().operation) return false;
  return tool.keeps?.(marksOf(store.document, store.model), store.model) ?? true;
}

let going = null; // {document, tool}: what is being kept, and which tool is to start from it

/** Keep the image that is shown, and start from it with a tool: meanwhile, the tool that was chosen last. */
export async function goOn(tool) {
  const { model, document } = store;
  if (going?.document === document) return void (going.tool = tool);
  const own = (going = { document, tool });
  const { operation, image } = picked();
  emit('busy', true);
  const base = await api.keep(model.id, { ...operation, image }).then(
    (file) => ({ picture: file, steps: [...stepsBefore(operation, document), { ...operation, image, file, version: model.version }] }),
    (error) => say(error.message, 'error'),
  );
  if (going === own) going = null;
  if (store.model?.id !== model.id || store.document !== document) return;
  emit('busy', false);
  if (base) take(own.tool, { marks: rested(document.marks), base });
  else if (own.tool !== presentTool()) take(own.tool); // from what there was before
}

/** Take another tool. It starts from what the present one has made. */
export function chooseTool(tool) {
  const present = presentTool();
  if (tool === present) return;
  const made = store.model && picked().operation;
  if (made && !present.anew && canKeep()) return goOn(tool);
  if (made && present.other) say(present.other);
  take(tool);
}

/** Start from the model's own picture, without what was edited. */
export const startAgain = () => take(presentTool(), { marks: rested(store.document.marks), base: null });

function take(tool, changes = {}) {
  const draw = { ...store.document.draw, num: tool.num ?? 1, start_scale: null };
  change({ tool: tool.name, draw, image: 0, look: null, ...changes });
}

/** Nothing is marked on a new base; some tools keep their settings. */
function rested(marks) {
  const kept = Object.entries(marks).map(([name, value]) => [name, toolOf(name).rest?.(value)]);
  return Object.fromEntries(kept.filter(([, value]) => value));
}
