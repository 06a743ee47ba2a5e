// Take it away: pictures and animations as files, the session, and the command and the Python that make the same.

import * as api from './api.js';
import { choice, h, number } from './dom.js';
import { stepsBefore } from './base.js';
import { picked } from './drawing.js';
import { replaceChildren } from './panel.js';
import { say, store } from './store.js';

const STILL = { png: 'PNG' };
const MOVING = { gif: 'GIF', webp: 'WebP', mp4: 'MP4' };
const MOST = 4096; // pixels
const ANY_SIZE = ['samples', 'retarget', 'tile', 'paint'];

/** Let the browser save a file. */
function save({ blob, name }, fallback) {
  const link = h('a', { href: URL.createObjectURL(blob), download: name ?? fallback });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What is shown, `{operation, steps}`: the operation with its image, and the steps before it. */
function takenAway() {
  const { document, model } = store;
  const { operation, image } = picked();
  if (operation) return { operation: { ...operation, image }, ...known(stepsBefore(operation, document), model) };
  if (!document.base) return { operation: null, steps: [] };
  const last = document.base.steps.at(-1);
  return { operation: last, ...known(document.base.steps.slice(0, -1), model) };
}

/** Steps that an earlier version of the model has drawn cannot be repeated: what they made is a file of the studio. */
function known(steps, model) {
  const isOld = steps.some(({ version }) => version !== model.version);
  return { steps: isOld ? [] : steps, isOld };
}

export class TakeAway {
  constructor(dialog) {
    Object.assign(this, { dialog, format: 'png', size: null });
  }

  open() {
    Object.assign(this, takenAway());
    this.recipe = null;
    this.size = null;
    this.format = Object.keys(this.formats())[0];
    this.render();
    this.dialog.showModal();
    if (this.operation) this.ask();
  }

  formats() {
    return this.operation?.task === 'animate' ? MOVING : STILL;
  }

  async ask() {
    try {
      this.recipe = await api.recipe(store.model.id, { ...this.operation, steps: this.steps });
    } catch (error) {
      this.recipe = { error: error.message };
    }
    this.render();
  }

  render() {
    replaceChildren(
      this.dialog,
      h('form', { method: 'dialog', class: 'head' },
        h('h2', {}, 'Take away'),
        h('button', { class: 'quiet', 'aria-label': 'Close' }, 'Close')),
      this.operation ? [this.file(), this.commands()] : h('p', { class: 'hint' }, 'Change the picture first: what is taken away is an edit of it.'),
      h('section', {},
        h('h3', {}, 'Session'),
        h('p', { class: 'note' }, 'One file with the model, all steps and their files. Drop it on the studio to go on.'),
        h('button', { type: 'button', onclick: () => this.session() }, 'Save the session')),
    );
  }

  file() {
    const [height, width] = this.size ?? store.model.size;
    const set = (size) => {
      this.size = size;
    };
    const limits = { min: 8, max: MOST };
    return h(
      'section',
      {},
      h('h3', {}, 'Picture'),
      Object.keys(this.formats()).length > 1 && choice('Format', this.formats(), this.format, (format) => {
        this.format = format;
        this.render();
      }),
      ANY_SIZE.includes(this.operation.task) && h('div', { class: 'row' },
        number('Height', { ...limits, value: height }, (value) => set([value, (this.size ?? store.model.size)[1]])),
        number('Width', { ...limits, value: width }, (value) => set([(this.size ?? store.model.size)[0], value]))),
      h('button', { type: 'button', class: 'primary', onclick: (event) => this.download(event.currentTarget) }, `Save as ${this.formats()[this.format]}`),
    );
  }

  async download(button) {
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    const size = this.size ? { size: this.size.join('x') } : {};
    try {
      save(await api.exportPicture(store.model.id, { ...this.operation, format: this.format, ...size }), `edited.${this.format}`);
    } catch (error) {
      say(error.message, 'error');
    }
    button.disabled = false;
    button.removeAttribute('aria-busy');
  }

  async session() {
    try {
      save(await api.saveSession({ model: store.model.id, page: { history: store.history } }), `${store.model.name}.mmpe.zip`);
    } catch (error) {
      say(error.message, 'error');
    }
  }

  commands() {
    if (!this.recipe) return h('p', { class: 'note', role: 'status' }, 'Writing the command …');
    if (this.recipe.error) return h('p', { class: 'note' }, this.recipe.error);
    return [
      h('p', { class: 'note' }, `These make the same picture, to the bit: ${this.recipe.file}. Run them in the studio’s folder, which the terminal named at its start.`),
      this.isOld && h('p', { class: 'note' }, 'The steps before were drawn when the model had learned less. Their picture is a file of the studio, from which these start.'),
      this.code('Command line', this.recipe.command),
      this.code('Python', this.recipe.python),
    ];
  }

  code(title, text) {
    const copy = async (event) => {
      const button = event.currentTarget;
      await navigator.clipboard.writeText(text).catch(() => getSelection().selectAllChildren(button.nextElementSibling));
      button.textContent = 'Copied';
    };
    return h('section', { class: 'code' },
      h('h3', {}, title),
      h('button', { type: 'button', class: 'quiet', 'aria-label': `Copy: ${title}`, onclick: copy }, 'Copy'),
      h('pre', { tabindex: 0, 'aria-label': title }, h('code', {}, text)));
  }
}
