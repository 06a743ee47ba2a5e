// The stage: the picture, what is marked on it with the present tool, and the hands on it.

import { takeHold } from './hands.js';
import { setMarks } from './commit.js';
import { on, store } from './store.js';
import { Overlay } from './overlay.js';
import { presentMarks, presentTool } from './tools/index.js';
import { View } from './view.js';

const PIXELS_FROM = 6; // screen pixels per pixel, from which pixels are shown as squares if one zooms in

export class Stage {
  /** `drawing` offers what is shown, see drawing.js. */
  constructor(element, drawing) {
    this.element = element;
    this.drawing = drawing;
    this.canvas = element.querySelector('canvas');
    this.moving = element.querySelector('img');
    this.space = false;
    this.before = false;
    this.view = new View(element, () => this.redraw());
    this.overlay = new Overlay(element.querySelector('svg'), this.view);
    takeHold(element, this.view, this.hands());
    on('document', () => this.redraw());
    on('model', () => this.redraw());
    on('shown', () => this.redraw());
  }

  hands() {
    return {
      marks: presentMarks,
      handle: (name) => this.overlay.handles.get(name) ?? {},
      press: (point) => (store.model && this.ready() ? presentTool().press?.(presentMarks(), point, store.model) : null) ?? {},
      set: setMarks,
      focus: (name) => {
        this.paint();
        this.overlay.focus(name);
      },
      panning: () => this.space,
    };
  }

  /** Whether something can be played with: in training, from the second scale on. */
  ready() {
    return Boolean(store.model) && (!store.model.training || store.model.trained_scales >= 2);
  }

  /** Show the picture as it was, while that is asked for. */
  compare(before) {
    this.before = before;
    this.element.classList.toggle('before', before);
    this.redraw();
  }

  /** At the next frame. */
  redraw() {
    this.frame ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    this.element.hidden = !store.model;
    if (!store.model) return;
    const tool = presentTool();
    const current = presentMarks();
    const { bitmap, moving } = this.before ? { bitmap: this.drawing.original } : this.drawing.shown;
    this.view.setSize(this.before || !tool.size ? store.model.size : tool.size(current, store.model, bitmap));
    this.place(this.canvas);
    this.place(this.moving);
    this.moving.hidden = !moving;
    if (moving && this.moving.src !== moving) this.moving.src = moving;
    if (bitmap && !moving) this.draw(tool, current, bitmap);
    this.canvas.hidden = !bitmap || Boolean(moving);
    const bare = this.before || !this.ready();
    this.overlay.render(
      bare ? [] : tool.shapes?.(current, store.model, this.drawing) ?? [],
      bare ? [] : tool.handles?.(current, store.model) ?? [],
    );
  }

  /** The drawn picture; between two drawings, what the tool makes of it at once. */
  draw(tool, current, bitmap) {
    const instant = !this.before && tool.instant?.(this.drawing, current, store.model);
    const image = instant || bitmap;
    const tiles = this.before ? 1 : tool.tiles?.(current) ?? 1;
    const [width, height] = [image.width * tiles, image.height * tiles];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext('2d');
    for (let i = 0; i < tiles * tiles; i++) {
      const [x, y] = [(i % tiles) * image.width, Math.floor(i / tiles) * image.height];
      if (image instanceof ImageData) context.putImageData(image, x, y);
      else context.drawImage(image, x, y);
    }
    this.canvas.classList.toggle('pixels', !this.view.fitted && this.view.zoom >= PIXELS_FROM);
  }

  place(element) {
    const { left, top, zoom, size } = this.view;
    const style = { left, top, width: size[1] * zoom, height: size[0] * zoom };
    for (const [name, value] of Object.entries(style)) element.style[name] = `${value}px`;
  }
}
