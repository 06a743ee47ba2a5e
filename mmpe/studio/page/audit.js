// What does the open model know about position? Its audit, as a page over the studio.

import * as api from './api.js';
import { h } from './dom.js';
import { replaceChildren } from './panel.js';
import { on, say, store } from './store.js';

export class Audit {
  constructor(dialog) {
    this.dialog = dialog;
    this.done = new Map(); // by model: the version that was audited
    on('audited', ({ model, done, error }) => this.told(model, done, error));
  }

  async open() {
    const { model } = store;
    this.model = model;
    this.render(this.done.get(model.id) === model.version ? 'done' : 'waiting');
    this.dialog.showModal();
    if (this.done.get(model.id) === model.version) return;
    try {
      await api.audit(model.id);
    } catch (error) {
      this.render(error.message);
    }
  }

  told(id, done, error) {
    if (id !== this.model?.id) return;
    if (error) this.render(error);
    else if (done) {
      this.done.set(id, this.model.version);
      if (this.dialog.open) this.render('done');
      else say('The audit is done.');
    }
  }

  render(state) {
    const waiting = h('p', { class: 'hint waiting-text', role: 'status' },
      'Probing what the model can tell about position, and what other padding would do to it. This takes a minute or two.');
    const content = state === 'done'
      ? h('iframe', { src: api.auditPage(this.model.id), title: 'Audit of the model' })
      : state === 'waiting' ? waiting : h('p', { class: 'hint', role: 'alert' }, state);
    replaceChildren(
      this.dialog,
      h('form', { method: 'dialog', class: 'head' },
        h('h2', {}, 'What does it know about position?'),
        h('button', { class: 'quiet', 'aria-label': 'Close' }, 'Close')),
      content,
    );
  }
}
