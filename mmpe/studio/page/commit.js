// From a drag to a step of the history: some tools first make files of what was marked, which takes a moment.

import { emit, mark, say, store } from './store.js';
import { presentMarks, presentTool } from './tools/index.js';

/** Change what is marked; `final` makes it a step, once the tool has settled it. The value may be a promise. */
export async function setMarks(value, final = true) {
  const tool = presentTool();
  if (!final || !(tool.settle || value instanceof Promise)) {
    mark(value, final);
    return;
  }
  const { model, document } = store;
  const here = () => store.model?.id === model.id && store.document.tool === document.tool;
  try {
    const chosen = await value;
    if (!here()) return;
    mark(chosen, false);
    emit('busy', true);
    const settled = tool.settle ? await tool.settle(chosen, model) : chosen;
    if (here() && presentMarks() === chosen) mark(settled);
  } catch (error) {
    say(error.message, 'error');
    emit('busy', false);
  }
}

/** Change some of what is marked, likewise: of what is marked now, which a panel may not show yet. */
export function setSome(changes, final = true) {
  const merged = (some) => ({ ...presentMarks(), ...some });
  return setMarks(changes instanceof Promise ? changes.then(merged) : merged(changes), final);
}
