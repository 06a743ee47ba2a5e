// What does the open model know about position? Its audit: over the picture, and as the page of all instruments.

import * as api from './api.js';
import { choice, h, slider, toggle } from './dom.js';
import { heat } from './heat.js';
import { replaceChildren } from './panel.js';
import { on, say, store } from './store.js';

const VIEWS = { picture: 'On the picture', page: 'All instruments' };

export class Audit {
  constructor(dialog) {
    this.dialog = dialog;
    on('audited', ({ model, done, error }) => this.told(model, done, error));
  }

  async open() {
    Object.assign(this, { model: store.model, maps: null, view: 'picture', layer: 0, shown: true, padding: null });
    this.render('Probing what the model can tell about position, and what other padding would do to it. This takes a minute or two, and waits for a training that runs.');
    this.dialog.showModal();
    try {
      await api.audit(this.model.id);
    } catch (error) {
      this.render(error.message);
    }
  }

  async told(id, done, error) {
    if (id !== this.model?.id || this.maps) return;
    if (error) this.render(error);
    else if (done) {
      try {
        this.maps = await api.auditMaps(id);
        this.layer = Math.max(0, this.maps.layers.length - 1);
        this.render();
        if (!this.dialog.open) say('The audit is done.');
      } catch (failure) {
        this.render(failure.message);
      }
    }
  }

  set(changes) {
    Object.assign(this, changes);
    this.render();
  }

  render(waiting = '') {
    const choices = this.maps && choice('View', VIEWS, this.view, (view) => this.set({ view }));
    const page = () => h('iframe', { src: api.auditPage(this.model.id), title: 'Audit of the model' });
    replaceChildren(
      this.dialog,
      h('form', { method: 'dialog', class: 'head' },
        h('h2', {}, 'What does it know about position?'),
        h('button', { class: 'quiet', 'aria-label': 'Close' }, 'Close')),
      waiting ? h('p', { class: 'hint', role: 'status' }, waiting) : [choices, this.view === 'page' ? page() : this.picture()],
    );
  }

  picture() {
    const { layers, verdict } = this.maps;
    const layer = layers[this.layer];
    const name = this.padding ? `padding/${this.padding}.png` : 'reconstruction.png';
    return h('div', { class: 'audited' },
      h('div', { class: 'over' },
        h('img', { src: api.modelPicture(this.model, name), alt: this.padding ? `The picture with ${this.padding} padding` : 'The picture' }),
        layer && this.shown && heat(layer.errors)),
      h('div', { class: 'controls' }, h('p', {}, verdict), layer && this.probe(layers, layer), this.paddings()));
  }

  probe(layers, layer) {
    const far = Math.max(...layer.errors.flat());
    return [
      h('h3', {}, 'What a probe reads where'),
      slider('Layer', { min: 1, max: layers.length, value: this.layer + 1 }, (value, final) => final && this.set({ layer: value - 1 })),
      h('p', { class: 'note' }, `${layer.name}, ${layer.size.join('x')} cells: R² ${layer.r2.toFixed(2)}. The answer “in the middle” would be ${layer.chance.toFixed(1)} cells off.`),
      h('p', { class: 'scale' }, h('span', {}, 'knows the place'), h('span', { class: 'ramp', 'aria-hidden': 'true' }), h('span', {}, `${far.toFixed(1)} cells off`)),
      toggle('Show it over the picture', this.shown, (shown) => this.set({ shown })),
    ];
  }

  paddings() {
    const { padding, own, refused } = this.maps;
    const [first, ...others] = Object.keys(padding); // the first is its own
    const words = Object.fromEntries([['', `Its own (${own.join(', ') || 'none'})`], ...others.map((mode) => [mode, mode])]);
    const decibels = padding[this.padding ?? first];
    return [
      h('h3', {}, 'With another padding'),
      choice('Padding', words, this.padding ?? '', (mode) => this.set({ padding: mode || null })),
      decibels !== undefined && h('p', { class: 'note' },
        decibels === null ? 'It follows a shift of its input exactly.' : `It follows a shift of its input to ${decibels.toFixed(1)} dB (EQ-T).`),
      Object.entries(refused).map(([mode, why]) => h('p', { class: 'note' }, `${mode}: ${why}`)),
    ];
  }
}
