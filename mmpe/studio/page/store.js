// What the page knows: the models, the open one, and its document with all steps that led to it.

import { History } from './history.js';

/**
 * A document says how the shown picture is made.
 * tool: the tool's name. marks: per tool, what was marked, as plain data in pixels of the finished picture.
 * draw: {num, seed, start_scale}, null for the task's own. image: which of the images.
 * kept: images that were locked, {operation, image} each. look: the locked one that is shown, by its number, or null.
 * base: what edits start from, see base.js; null: the model's own picture.
 */
const BLANK = { tool: 'points', marks: {}, draw: { num: 1, seed: 0, start_scale: null }, image: 0, kept: [], look: null, base: null };

const listeners = new Map();
export const NEW = '+'; // in the page's address, and no model's id: for a new picture
const KEPT_STEPS = 40; // of a document in the browser's storage, which is small

export const store = {
  models: [],
  examples: [],
  limits: {},
  longest: 128, // side in pixels of the pictures that are trained
  model: null,
  history: new History(BLANK),
  document: BLANK,
};

/** Call `listener(detail)` at each `emit(name, detail)`. */
export function on(name, listener) {
  listeners.set(name, [...(listeners.get(name) ?? []), listener]);
}

export function emit(name, detail) {
  for (const listener of listeners.get(name) ?? []) listener(detail);
}

/** Say something in the line at the top, of a file by its name: an error stays until it is closed. */
export function say(text, kind = 'info', file = '') {
  emit('say', { text: file ? `${file}: ${text}` : text[0].toUpperCase() + text.slice(1), kind });
}

/** Change the document; `final` makes it a step of the history. */
export function change(changes, final = true) {
  store.document = { ...store.document, ...changes };
  if (final) {
    store.history.push(store.document);
    remember();
  }
  emit('document', { final });
}

/** Change what is marked with the present tool. */
export function mark(value, final = true) {
  change({ marks: { ...store.document.marks, [store.document.tool]: value }, image: 0, look: null }, final);
}

export function step(direction) {
  store.history[direction]();
  store.document = store.history.present;
  remember();
  emit('document', { final: true });
}

/** Open a model: its document of this tab, or a blank one. */
export function openModel(id, history = recall(id)) {
  store.model = store.models.find((model) => model.id === id) ?? null;
  store.history = history ?? new History(BLANK);
  store.document = store.history.present;
  location.replace(`#${store.model ? encodeURIComponent(id) : NEW}`);
  emit('model', { opened: true });
  emit('document', { final: true });
}

/** The model that the page's address names, or NEW, or nothing. */
export const modelOfAddress = () => decodeURIComponent(location.hash.slice(1));

/** Take over what the server says about models. */
export function learn(state) {
  const { models, examples, limits, max_size: usual } = state;
  Object.assign(store, { models, examples, limits });
  if (!store.isLongestChosen && usual) store.longest = usual;
  const open = store.model && store.models.find((model) => model.id === store.model.id);
  if (store.model && !open) openModel(null);
  else if (open) refreshModel(open);
  emit('models');
}

/** Take over news of one model; pictures are new if its version is. */
export function update(id, news) {
  const known = store.models.find((model) => model.id === id);
  if (!known) return;
  const model = { ...known, ...news };
  store.models = store.models.map((other) => (other.id === id ? model : other));
  if (store.model?.id === id) refreshModel(model);
  emit('models');
}

function refreshModel(model) {
  const older = store.model;
  store.model = model;
  emit('model', { opened: false });
  if (older.version !== model.version || older.trained_scales !== model.trained_scales) emit('pictures');
}

function remember() {
  if (!store.model) return;
  const { past, present, future } = store.history;
  const kept = { past: past.slice(-KEPT_STEPS), present, future: future.slice(0, KEPT_STEPS) };
  try {
    sessionStorage.setItem(`document ${store.model.id}`, JSON.stringify(kept));
  } catch {
    sessionStorage.clear(); // full: the document lives on in this tab until it is reloaded
  }
}

function recall(id) {
  const text = sessionStorage.getItem(`document ${id}`);
  return text ? History.fromJSON(JSON.parse(text)) : undefined;
}
