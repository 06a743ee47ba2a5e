// The strip of models at the bottom, and what comes in: pictures and sessions that are dropped or chosen.

import * as api from './api.js';
import { pasted } from './tools/paste.js';
import { setMarks } from './commit.js';
import { h } from './dom.js';
import { History } from './history.js';
import { icon } from './icons.js';
import { replaceChildren } from './panel.js';
import { emit, learn, on, openModel, say, store } from './store.js';
import { presentMarks, presentTool } from './tools/index.js';

const SESSION = /\.zip$/i;

export async function readState() {
  learn(await api.state());
}

/** Do something that the server may refuse, which is then said, of a file by its name. */
async function attempt(what, waiting, file = '') {
  emit('waiting', waiting);
  try {
    await what();
  } catch (error) {
    say(error.message, 'error', file);
  }
  emit('waiting', null);
}

async function train({ id: picture }, name) {
  const { id } = await api.train({ picture, name, max_size: store.longest, schedule: 'fast' });
  await readState();
  openModel(id);
}

export const takeExample = (name) => attempt(async () => train(await api.takeExample(name), name), `Taking ${name} …`);

/** A file that was dropped or chosen: a session, a photograph to paste, or a picture to train on. */
export function takeFile(file) {
  if (SESSION.test(file.name)) return attempt(() => openSession(file), `Opening ${file.name} …`, file.name);
  const tool = presentTool();
  if (store.model && tool.name === 'paste') return setMarks(pasted(file, presentMarks(), store.model));
  const { bytes } = store.limits;
  if (bytes && file.size > bytes) {
    const megabytes = (value) => `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} MB`;
    return say(`it has ${megabytes(file.size)}, and the studio takes up to ${megabytes(bytes)}: give a smaller picture`, 'error', file.name);
  }
  return attempt(async () => train(await api.uploadPicture(file, file.name), file.name.replace(/\.[^.]+$/, '')), `Reading ${file.name} …`, file.name);
}

async function openSession(file) {
  const { model, page } = await api.openSession(file);
  await readState();
  openModel(model, page?.history && History.fromJSON(page.history));
}

/** A button that chooses a file. */
export const fileButton = (text, accept, kind = 'button') =>
  h(
    'label',
    { class: 'file' },
    h('span', { class: kind }, text),
    h('input', {
      type: 'file',
      accept,
      class: 'unseen',
      onchange: (event) => {
        if (event.target.files[0]) takeFile(event.target.files[0]);
        event.target.value = '';
      },
    }),
  );

/** The whole page takes what is dropped on it. */
export function takeDrops(element) {
  const over = (inside) => element.classList.toggle('dropping', inside);
  element.addEventListener('dragover', (event) => {
    event.preventDefault();
    over(true);
  });
  element.addEventListener('dragleave', (event) => event.relatedTarget === null && over(false));
  element.addEventListener('drop', (event) => {
    event.preventDefault();
    over(false);
    const [file] = event.dataTransfer.files;
    if (file) takeFile(file);
  });
}

export class Strip {
  constructor(element) {
    this.element = element;
    on('models', () => this.render());
    on('model', () => this.render());
  }

  render() {
    this.element.hidden = !store.models.length;
    replaceChildren(
      this.element,
      h('ul', {}, store.models.map((model) => this.tile(model))),
      h('div', { class: 'more' },
        h('button', { type: 'button', onclick: () => openModel(null) }, icon('plus'), 'New picture'),
        fileButton('Open session', '.zip', 'quiet')),
    );
  }

  tile(model) {
    const share = model.training ? trainedShare(model) : 1;
    return h(
      'li',
      {},
      h(
        'button',
        {
          type: 'button',
          class: 'tile',
          title: model.name,
          'aria-current': model.id === store.model?.id ? 'true' : null,
          onclick: () => openModel(model.id),
        },
        h('img', { src: `${model.thumbnail}`, alt: '', loading: 'lazy' }),
        h('span', { class: 'name' }, model.name),
        model.training && h('span', { class: 'share' }, `${Math.floor(100 * share)} %`),
      ),
    );
  }
}

/** Which part of the training is done, 0 to 1. */
export function trainedShare({ training }) {
  const { scale, scales, iteration, iterations } = training; // scales count from 1
  return Math.min(1, (scale - 1 + iteration / iterations) / scales);
}
