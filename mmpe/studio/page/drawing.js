// From the document to pictures: previews while something is dragged, the finished images when it is let go.

import * as api from './api.js';
import { emit, on, say, store } from './store.js';
import { marksOf, presentMarks, toolOf } from './tools/index.js';
import { pixels } from './raster.js';

const RESULTS = 40; // operations whose images are kept, for undo

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The first start scale of a tool: a picture that was edited before is shown to the second scale at the earliest. */
export function lowestScale({ tool: name, base }, model) {
  const tool = toolOf(name);
  const lowest = tool.lowest ?? (model.has_encoding ? 0 : 1);
  return base && tool.onto !== null ? Math.max(1, lowest) : lowest;
}

/** The operation of a document: `{task, options}`, or null if nothing is marked. */
export function operationOf(document, model) {
  const tool = toolOf(document.tool);
  const operation = tool.operation(marksOf(document, model), model);
  if (!operation) return null;
  const { base, draw } = document;
  const onto = base && tool.onto !== null ? { [tool.onto ?? 'onto']: base.picture } : {};
  const lowest = lowestScale(document, model);
  const usual = tool.lowest === 0 && lowest ? lowest : null; // the task's own would be 0
  const start_scale = draw.start_scale === null ? usual : Math.max(lowest, draw.start_scale);
  const given = { ...draw, start_scale };
  const shared = tool.shared.filter((name) => given[name] !== null);
  const options = Object.fromEntries(shared.map((name) => [name, given[name]]));
  return { task: operation.task, options: { ...options, ...onto, ...operation.options } };
}

/** What is shown: `{operation, image}`; operation null: the picture itself; `locked`: it is one of those. */
export function picked() {
  const { document, model } = store;
  const locked = document.look === null ? null : document.kept[document.look];
  if (locked) return { ...locked, locked: true };
  return { operation: model && operationOf(document, model), image: document.image };
}

export class Drawing {
  constructor() {
    this.results = new Map();
    this.bases = new Map(); // bitmaps by file
    this.clear();
    on('document', ({ final }) => this.follow(final));
    on('model', ({ opened }) => opened && this.open());
    on('pictures', () => this.reload());
  }

  clear() {
    for (const key of [...this.results.keys()]) this.forget(key);
    this.bases.clear();
    Object.assign(this, { original: null, remembered: null, shown: {}, wanted: null });
  }

  /** What edits start from. */
  get untouched() {
    return this.base ?? this.remembered;
  }

  /** What one paints on. */
  get ground() {
    return this.base ?? this.original;
  }

  get base() {
    return this.bases.get(store.document.base?.picture.file);
  }

  open() {
    this.running?.abort();
    this.clear();
    emit('shown');
    return store.model && this.reload();
  }

  /** Get the model's own pictures, and draw with what it has learned since. */
  async reload() {
    const { model } = store;
    try {
      const names = ['original.png', ...(model.trained_scales ? ['reconstruction.png'] : [])];
      const [original, remembered] = await Promise.all(names.map((name) => api.picture(api.modelPicture(model, name))));
      if (store.model?.id !== model.id) return;
      Object.assign(this, { original, remembered: remembered ?? original });
      this.follow(true);
    } catch (error) {
      say(error.message, 'error');
    }
  }

  /** What was shown before stays until the base is there. */
  async fetchBase({ file }) {
    this.stop();
    emit('busy', true);
    try {
      const bitmap = await api.picture(api.filePicture(file));
      if (store.document.base?.picture.file !== file) return;
      this.bases.set(file, bitmap);
      this.follow(true);
    } catch (error) {
      say(error.message, 'error');
      emit('busy', false);
    }
  }

  follow(final) {
    const { base } = store.document;
    if (base && !this.base) return void this.fetchBase(base.picture);
    const { operation, image, locked } = picked();
    if (!operation || (store.model.training && store.model.trained_scales < 2)) {
      this.stop();
      // while something is marked, what was drawn before stays
      if (final || !this.shown.bitmap) this.show({ bitmap: this.untouched });
      if (final) emit('images', { images: [], count: 0 });
    } else if (final) this.finish(operation, image, locked);
    else this.preview(operation);
  }

  stop() {
    this.wanted = null;
    this.running?.abort();
    this.running = null;
    emit('busy', false);
  }

  show(image, drawn = {}) {
    this.shown = { ...image, ...drawn };
    emit('shown');
  }

  /** What is shown, as ImageData: made when it is first asked for. */
  get data() {
    this.shown.data ??= this.shown.bitmap && pixels(this.shown.bitmap);
    return this.shown.data;
  }

  /** One preview after the other, always of the latest marks. */
  async preview(operation) {
    this.wanted = { operation, moved: performance.now(), tool: store.document.tool, marks: presentMarks() };
    if (this.running?.preview) return;
    this.running?.abort();
    emit('busy', false);
    const running = Object.assign(new AbortController(), { preview: true });
    this.running = running;
    while (this.wanted && this.running === running) {
      const { operation: latest, moved, ...drawn } = this.wanted;
      this.wanted = null;
      const image = await this.draw({ ...latest, preview: true, image: 0 }, running.signal);
      if (!image || this.running !== running) break;
      this.show(image, drawn);
      requestAnimationFrame(() => performance.measure('preview', { start: moved })); // when it is seen
    }
    if (this.running === running) this.running = null;
  }

  /** All images of an operation, the picked one first, and then those that are locked. Of a locked one, that alone. */
  async finish(operation, image, locked = false) {
    this.stop();
    const drawn = { tool: store.document.tool, marks: presentMarks() };
    const images = this.imagesOf(operation);
    const count = operation.options.num ?? 1;
    const tell = () => locked || emit('images', { images, count });
    if (images[image]) this.show(images[image], drawn);
    tell();
    const others = locked ? [] : Array.from({ length: count }, (_, i) => i).filter((i) => i !== image);
    const work = [...[image, ...others].map((i) => ({ operation, image: i })), ...store.document.kept];
    const missing = work.filter((wanted) => !this.imagesOf(wanted.operation)[wanted.image]);
    if (!missing.length) return;
    const running = (this.running = new AbortController());
    emit('busy', true);
    for (const wanted of missing) {
      const made = await this.draw({ ...wanted.operation, preview: false, image: wanted.image }, running.signal);
      if (!made || this.running !== running) break;
      this.imagesOf(wanted.operation)[wanted.image] = made;
      const { operation: shown, image: number } = picked();
      if (wanted.image === number && same(wanted.operation, shown)) this.show(made, drawn);
      tell();
    }
    if (this.running === running) this.stop();
  }

  /** The images of an operation that are there, by number: a list that fills as they are drawn. */
  imagesOf(operation) {
    const key = JSON.stringify([store.model.id, store.model.version, operation]);
    const images = this.results.get(key) ?? [];
    this.results.delete(key);
    this.results.set(key, images);
    if (this.results.size > RESULTS) this.forget(this.results.keys().next().value);
    return images;
  }

  forget(key) {
    for (const { url } of this.results.get(key).filter(Boolean)) URL.revokeObjectURL(url);
    this.results.delete(key);
  }

  /** One image, or nothing if it was given up or refused. */
  async draw(operation, signal) {
    this.request = (this.request ?? 0) + 1;
    try {
      const { blob, ...told } = await api.draw(store.model.id, { ...operation, request: this.request }, signal);
      const url = operation.preview ? null : URL.createObjectURL(blob); // previews are seen once, and not kept
      const moving = blob.type === 'image/webp' || blob.type === 'image/gif' ? url : null;
      return { bitmap: await createImageBitmap(blob), moving, url, ...told };
    } catch (error) {
      if (error.name !== 'AbortError' && error.message !== 'superseded') say(error.message, 'error');
      return null;
    }
  }
}
