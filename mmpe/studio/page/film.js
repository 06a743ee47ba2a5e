// The images side by side, below the stage: pick one, lock the good ones.

import { h } from './dom.js';
import { icon } from './icons.js';
import { operationOf } from './drawing.js';
import { replaceChildren } from './panel.js';
import { change, on, store } from './store.js';

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Film {
  constructor(element, drawing) {
    Object.assign(this, { element, drawing, images: [], count: 0 });
    on('images', (images) => {
      Object.assign(this, images);
      this.render();
    });
    on('document', ({ final }) => final && this.render());
    on('model', ({ opened }) => opened && Object.assign(this, { images: [], count: 0 }));
  }

  render() {
    const { kept, look, image } = store.document;
    const operation = store.model && operationOf(store.document, store.model);
    const drawn = operation ? Array.from({ length: this.count }, (_, i) => i) : [];
    this.element.hidden = !store.model || (kept.length === 0 && drawn.length < 2);
    if (this.element.hidden) return;
    const locked = (i) => kept.findIndex((entry) => same(entry, { operation, image: i }));
    const items = [
      ...kept.map((entry, i) => this.item({
        title: `Locked image ${i + 1}`,
        url: this.drawing.imagesOf(entry.operation)[entry.image]?.url,
        pressed: look === i,
        pick: () => change({ look: i }),
        lock: () => this.unlock(i),
        isLocked: true,
      })),
      ...drawn.filter((i) => locked(i) < 0).map((i) => this.item({
        title: `Image ${i + 1}`,
        url: this.images[i]?.url,
        pressed: look === null && image === i,
        pick: () => change({ image: i, look: null }),
        lock: () => change({ kept: [...kept, { operation, image: i }], look: kept.length }),
        isLocked: false,
      })),
    ];
    replaceChildren(this.element, items);
  }

  unlock(number) {
    const { kept } = store.document;
    change({ kept: kept.filter((_, i) => i !== number), look: null });
  }

  item({ title, url, pressed, pick, lock, isLocked }) {
    const picture = url ? h('img', { src: url, alt: '' }) : h('span', { class: 'waiting' });
    return h(
      'li',
      {},
      h('button', { type: 'button', class: 'pick', 'aria-label': title, 'aria-pressed': String(pressed), onclick: pick }, picture),
      h(
        'button',
        {
          type: 'button',
          class: 'lock',
          'aria-pressed': String(isLocked),
          'aria-label': isLocked ? `Unlock: ${title}` : `Lock: ${title}`,
          title: isLocked ? 'Unlock' : 'Lock: it stays when others are drawn',
          onclick: lock,
        },
        icon(isLocked ? 'locked' : 'unlocked'),
      ),
    );
  }
}
