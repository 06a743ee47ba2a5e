// The page: its parts, the bar at the top, the keys, and what the server tells.

import * as api from './api.js';
import { Audit } from './audit.js';
import { chooseTool } from './base.js';
import { h } from './dom.js';
import { Drawing } from './drawing.js';
import { Film } from './film.js';
import { icon } from './icons.js';
import { Panel } from './panel.js';
import { Stage } from './stage.js';
import { NEW, emit, modelOfAddress, on, openModel, say, step, store, update } from './store.js';
import { readState, Strip, takeDrops } from './strip.js';
import { TakeAway } from './takeaway.js';
import { startTheme } from './theme.js';
import { TOOLS, presentTool } from './tools/index.js';
import { Training } from './training.js';
import { Welcome } from './welcome.js';

const find = (id) => document.getElementById(id);

const drawing = new Drawing();
const stage = new Stage(find('stage'), drawing);
new Panel(find('panel'), stage, drawing);
new Film(find('film'), drawing);
new Strip(find('strip'));
new Training(find('training'));
new Welcome(find('welcome'));
const takeAway = new TakeAway(find('take-away'));
const audit = new Audit(find('audit'));

// -------------------------------------------------------------------- the bars

for (const button of document.querySelectorAll('[data-icon]')) button.prepend(icon(button.dataset.icon));

const press = (id, action) => find(id).addEventListener('click', action);
press('undo', () => step('undo'));
press('redo', () => step('redo'));
press('zoom-in', () => stage.view.zoomBy(1.25));
press('zoom-out', () => stage.view.zoomBy(0.8));
press('zoom-fit', () => stage.view.fit());
press('open-audit', () => audit.open());
press('open-take-away', () => takeAway.open());
startTheme(find('theme'));

const compare = find('compare');
for (const [event, before] of Object.entries({ pointerdown: true, pointerup: false, pointerleave: false, blur: false })) {
  compare.addEventListener(event, () => stage.compare(before));
}

for (const tool of TOOLS) {
  const button = h('button', { type: 'button', 'data-tool': tool.name, title: tool.hint, onclick: () => chooseTool(tool) });
  button.append(icon(tool.icon), h('span', {}, tool.title));
  find('tools').append(button);
}

const ENDED = ['failed', 'stopped'];

function renderBars() {
  const { model, history } = store;
  document.body.classList.toggle('empty', !model);
  document.title = model ? `${model.name} · mmpe studio` : 'mmpe studio';
  find('name').textContent = model ? `${model.name} · ${model.size[0]}x${model.size[1]}` : '';
  find('undo').disabled = !model || !history.past.length;
  find('redo').disabled = !model || !history.future.length;
  for (const button of find('tools').children) {
    button.setAttribute('aria-pressed', String(button.dataset.tool === presentTool().name));
    button.disabled = !stage.ready();
  }
  find('early').hidden = !model || stage.ready() || ENDED.includes(model.training?.stage);
}
on('document', renderBars);
on('model', renderBars);
on('busy', (busy) => find('stage').setAttribute('aria-busy', String(busy)));

// -------------------------------------------------------------------- what is said

on('say', ({ text, kind }) => {
  const line = find(kind === 'error' ? 'alert' : 'status');
  line.querySelector('span').textContent = text;
  line.hidden = false;
  if (kind !== 'error') setTimeout(() => (line.hidden = true), 5000);
});
press('close-alert', () => (find('alert').hidden = true));

// -------------------------------------------------------------------- keys

const typing = (event) => event.target.matches?.('input:not([type=range]):not([type=checkbox]), textarea') ?? false;

addEventListener('keydown', (event) => {
  if (!store.model || typing(event)) return;
  const key = event.key.toLowerCase();
  const control = event.ctrlKey || event.metaKey;
  if (control && key === 'z') step(event.shiftKey ? 'redo' : 'undo');
  else if (control && key === 'y') step('redo');
  else if (control || event.altKey) return;
  else if (key === 'b') stage.compare(true);
  else if (key === '0') stage.view.fit();
  else if (key === '+' || key === '=') stage.view.zoomBy(1.25);
  else if (key === '-') stage.view.zoomBy(0.8);
  else if (key === ' ' && event.target === document.body) stage.space = true;
  else return;
  event.preventDefault();
});

addEventListener('keyup', (event) => {
  if (event.key.toLowerCase() === 'b') stage.compare(false);
  if (event.key === ' ') stage.space = false;
});

// -------------------------------------------------------------------- the server

async function start() {
  try {
    await readState();
    find('offline').hidden = true;
    const wanted = modelOfAddress() || (store.models.length === 1 ? store.models[0].id : null);
    if (!store.model && wanted && wanted !== NEW) openModel(wanted);
    emit('models');
  } catch (error) {
    if (error.status) say(error.message, 'error');
    find('offline').hidden = error.status !== 0;
  }
}

takeDrops(document.body);
renderBars();
emit('models');
start();
api.listen(
  {
    hello: start,
    models: start,
    training: ({ model, ...training }) => update(model, { training: training.scale ? training : null }),
    model: start,
    audit: (news) => emit('audited', news),
    error: ({ error, name }) => say(error, 'error', name),
  },
  () => (find('offline').hidden = false),
);
addEventListener('hashchange', () => {
  if (modelOfAddress() !== (store.model?.id ?? NEW)) openModel(modelOfAddress());
});
