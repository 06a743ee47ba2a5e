// The side panel: the present tool's controls, start scales, and how many images.

import * as api from './api.js';
import { canKeep, goOn, startAgain } from './base.js';
import { setMarks, setSome } from './commit.js';
import { choice, h, slider } from './dom.js';
import { lowestScale, operationOf } from './drawing.js';
import { change, on, say, store } from './store.js';
import { presentMarks, presentTool, toolOf } from './tools/index.js';

const FOCUSABLE = 'button, input, a, select';

/** Put other children into an element, and the focus where it was. */
export function replaceChildren(element, ...children) {
  const place = [...element.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  if (place >= 0) element.querySelectorAll(FOCUSABLE)[place]?.focus({ preventScroll: true });
}

const setDraw = (changes, final = true) =>
  change({ draw: { ...store.document.draw, ...changes }, image: 0, look: null }, final);

export class Panel {
  constructor(element, stage, drawing) {
    Object.assign(this, { element, stage, drawing, starts: null });
    on('document', ({ final }) => final && this.render());
    on('model', () => this.render());
    on('pictures', () => this.render());
    on('shown', () => !this.element.contains(document.activeElement) && this.render());
  }

  render() {
    const { model } = store;
    this.element.hidden = !model;
    if (!model) return;
    const tool = presentTool();
    const current = presentMarks();
    if (tool !== this.tool) this.element.parentElement.scrollTop = 0;
    this.tool = tool;
    replaceChildren(
      this.element,
      h('section', {}, h('h2', {}, tool.title), h('p', { class: 'hint' }, tool.hint)),
      this.stage.ready() && [
        this.base(tool),
        h('section', { class: 'controls' }, (tool.panel?.(current, setSome, model, this.drawing) ?? []).flat(2)),
        this.steps(tool, model),
        tool.shared.includes('start_scale') && this.startScale(tool, model),
        tool.shared.includes('num') && this.images(),
        !tool.shared.includes('num') && tool.shared.includes('seed') && h('section', {}, this.anew('Draw another one')),
        this.told(),
      ],
    );
  }

  /** What edits start from, if that is no longer the picture itself. */
  base(tool) {
    if (!store.document.base) return null;
    const text = tool.anew ? 'These are new pictures. What you have edited waits for the other tools.' : 'Goes on from what you have edited.';
    return h('section', { class: 'base' },
      h('p', { class: 'note' }, text),
      h('button', { type: 'button', class: 'quiet', onclick: startAgain }, 'Go back to the picture itself'));
  }

  steps(tool, model) {
    const keep = tool.anew
      ? ['Edit this image', () => goOn(toolOf('points'))]
      : ['Keep this, and edit on', () => goOn(tool)];
    return h('section', { class: 'steps' },
      canKeep() && h('button', { type: 'button', onclick: keep[1] }, keep[0]),
      h('button', { type: 'button', class: 'quiet', onclick: () => setMarks(tool.marks(model)) }, 'Start over with this tool'));
  }

  /** What the server says of the shown image. */
  told() {
    const { report, outside } = this.drawing.shown;
    const kept = outside === 'inf'
      ? 'Where the edit does not reach, nothing has changed, to the bit.'
      : outside && `Where the edit does not reach, the picture is kept to ${Number(outside).toFixed(1)} dB.`;
    return [report, kept].map((text) => text && h('p', { class: 'note' }, text));
  }

  startScale(tool, model) {
    const lowest = lowestScale(store.document, model);
    const highest = (model.trained_scales ?? model.scales) - 1;
    if (highest < lowest) return null;
    const { start_scale: chosen } = store.document.draw;
    const usual = Math.min(highest, Math.max(lowest, tool.usual ?? (tool.lowest === 0 ? 0 : 1)));
    const set = (value, final) => setDraw({ start_scale: value }, final);
    const operation = operationOf(store.document, model);
    return h(
      'section',
      {},
      slider('Start scale', { min: lowest, max: highest, value: chosen ?? usual }, set),
      h('p', { class: 'ends', 'aria-hidden': 'true' }, h('span', {}, 'makes more anew'), h('span', {}, 'keeps more')),
      chosen === null
        ? h('p', { class: 'note' }, 'The tool’s own choice.')
        : h('button', { type: 'button', class: 'quiet', onclick: () => set(null) }, 'Let the tool choose'),
      operation && this.comparison(operation, model, set),
    );
  }

  /** One picture of each start scale, once they are asked for. */
  comparison(operation, model, set) {
    const { num: _, start_scale: __, ...options } = operation.options;
    const key = JSON.stringify([model.id, model.version, operation.task, options]);
    if (this.starts?.key !== key) {
      const ask = () => this.compare(key, model, { task: operation.task, options });
      return h('button', { type: 'button', onclick: ask }, 'A picture of each start scale');
    }
    if (!this.starts.pictures) return h('p', { class: 'note', role: 'status' }, 'Drawing each start scale …');
    const { start_scale: chosen } = store.document.draw;
    const refused = this.starts.refused.filter(({ scale }) => scale >= lowestScale(store.document, model)).map(({ error }) => h('p', { class: 'note' }, error));
    const pictures = h(
      'div',
      { class: 'starts', role: 'group', 'aria-label': 'A picture of each start scale' },
      this.starts.pictures.map(({ scale, url }) =>
        h(
          'button',
          { type: 'button', 'aria-pressed': String(scale === chosen), 'aria-label': `Start scale ${scale}`, onclick: () => set(scale) },
          h('img', { src: url, alt: '' }),
          String(scale),
        ),
      ),
    );
    return [pictures, refused];
  }

  async compare(key, model, operation) {
    this.starts = { key };
    this.render();
    try {
      this.starts = { key, refused: [], ...(await api.starts(model.id, operation)) };
    } catch (error) {
      this.starts = null;
      say(error.message, 'error');
    }
    this.render();
  }

  images() {
    const { num } = store.document.draw;
    return h(
      'section',
      {},
      choice('Images', { 1: 'One', 4: 'Four', 9: 'Nine' }, String(num), (value) => setDraw({ num: Number(value) })),
      this.anew('Draw new ones'),
    );
  }

  anew(text) {
    return h('button', { type: 'button', onclick: () => setDraw({ seed: store.document.draw.seed + 1 }) }, text);
  }
}
