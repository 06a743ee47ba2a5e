// Training as one watches it: scale by scale, what the model makes of the picture so far, and the time left.

import * as api from './api.js';
import { h } from './dom.js';
import { replaceChildren } from './panel.js';
import { on, openModel, say, store } from './store.js';
import { readState, trainedShare } from './strip.js';

const SAMPLES = 2;

const WORDS = {
  waiting: 'Waits for the training that runs now',
  running: 'Training',
  stopping: 'Stopping; what is learned is saved',
  stopped: 'Stopped',
  failed: 'The training has failed',
};

/** For people, such as “about 2 minutes”. */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 1) return 'almost done';
  if (seconds < 90) return `about ${Math.max(5, 5 * Math.round(seconds / 5))} seconds left`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `about ${minutes} minutes left` : `about ${(minutes / 60).toFixed(1)} hours left`;
}

export class Training {
  constructor(element) {
    this.element = element;
    on('model', () => this.render());
    on('pictures', () => this.render());
  }

  render() {
    const { model } = store;
    this.element.hidden = !model?.training && !model?.trained_here;
    if (this.element.hidden) return;
    this.element.classList.toggle('done', !model.training);
    replaceChildren(this.element, model.training ? this.progress(model) : null, this.buttons(model));
  }

  progress(model) {
    const { stage, scale, scales, seconds_left: left, error } = model.training;
    const share = trainedShare(model);
    const where = stage === 'running' ? `Scale ${scale} of ${scales}` : '';
    return [
      h('h2', {}, WORDS[stage] ?? stage),
      h('progress', { max: 1, value: share, 'aria-label': 'Training' }),
      h('p', { class: 'note' }, [where, stage === 'running' && timeLeft(left), error].filter(Boolean).join(' · ')),
      h('div', { class: 'scales', 'aria-hidden': 'true' },
        Array.from({ length: scales }, (_, i) => h('span', { class: i < scale - 1 ? 'done' : i === scale - 1 ? 'now' : '' }))),
      this.pictures(model),
    ];
  }

  pictures(model) {
    const shown = [['original.png', 'Original']];
    if (model.trained_scales) {
      shown.push(['reconstruction.png', 'Made again']);
      for (let i = 0; i < SAMPLES; i++) shown.push([`samples/${i}.png`, `Sample ${i + 1}`]);
    }
    return h('div', { class: `progress-pictures ${shown.length > 2 ? 'small' : ''}` }, shown.map(([name, title]) =>
      h('figure', {}, h('img', { src: api.modelPicture(model, name), alt: title }), h('figcaption', {}, title))));
  }

  /** Training longer makes another model, which is opened. */
  async steer(id, what) {
    try {
      const { id: another } = await api.steer(id, what);
      await readState();
      if (another) openModel(another);
    } catch (error) {
      say(error.message, 'error');
    }
  }

  buttons(model) {
    const button = (what, text) => h('button', { type: 'button', onclick: () => this.steer(model.id, what) }, text);
    const stage = model.training?.stage;
    if (stage === 'running' || stage === 'waiting') return h('div', { class: 'row' }, button('stop', 'Stop'));
    if (stage === 'stopped' || stage === 'failed') return h('div', { class: 'row' }, button('resume', 'Go on'));
    return stage ? null : h('div', { class: 'row' }, button('longer', 'Train longer'));
  }
}
