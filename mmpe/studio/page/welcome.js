// The empty state: drop a picture, or take one of scikit-image's.

import * as api from './api.js';
import { choice, h } from './dom.js';
import { icon } from './icons.js';
import { replaceChildren } from './panel.js';
import { on, store } from './store.js';
import { fileButton, takeExample } from './strip.js';

const LENGTHS = [64, 128, 192, 250]; // pixels; the larger, the longer it takes

export class Welcome {
  constructor(element) {
    this.element = element;
    this.waiting = null;
    on('model', () => this.render());
    on('models', () => this.render());
    on('waiting', (text) => {
      this.waiting = text;
      this.render();
    });
  }

  lengths() {
    const all = [...new Set([...LENGTHS, store.longest])].sort((a, b) => a - b);
    return Object.fromEntries(all.map((length) => [length, `${length} px`]));
  }

  render() {
    this.element.hidden = Boolean(store.model);
    if (store.model) return;
    replaceChildren(
      this.element,
      h('div', { class: 'drop' },
        icon('picture'),
        h('h2', { class: 'large' }, 'Drop a picture'),
        h('p', { class: 'hint' }, 'A small network learns it while you watch. Then take hold of it: bend it, move its parts, pull its edges.'),
        this.waiting ? h('p', { class: 'waiting-text', role: 'status' }, this.waiting) : fileButton('Choose a picture …', 'image/*,.tif,.tiff', 'button primary'),
        choice('Longer side', this.lengths(), String(store.longest), (value) => {
          Object.assign(store, { longest: Number(value), isLongestChosen: true });
          this.render();
        })),
      store.examples.length > 0 && h('section', { class: 'examples', 'aria-label': 'Examples' },
        h('h3', {}, 'Or take one of these'),
        h('ul', {}, store.examples.map((name) =>
          h('li', {}, h('button', { type: 'button', class: 'tile', disabled: this.waiting !== null, onclick: () => takeExample(name) },
            h('img', { src: api.examplePicture(name), alt: '', loading: 'lazy' }),
            h('span', { class: 'name' }, name.replaceAll('_', ' '))))))),
    );
  }
}
