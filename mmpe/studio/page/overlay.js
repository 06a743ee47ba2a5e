// What lies over the picture: outlines, and handles that mouse, finger, keyboard and screen reader can take.

import { svg } from './dom.js';

/** A box [left, top, width, height] as the corners of its pixels. */
export const corners = ([left, top, width, height]) => [
  [left - 0.5, top - 0.5],
  [left + width - 0.5, top - 0.5],
  [left + width - 0.5, top + height - 0.5],
  [left - 0.5, top + height - 0.5],
];

/**
 * Keeps an SVG like lists of shapes and handles. Elements of handles stay while their names do, so that they keep
 * the pointer and the focus.
 * A shape: {lines: lists of points, closed, kind, width, color} or {picture: url, box, kind}.
 * A handle: {name, label, at} for a knob or {name, label, lines} for an area; kind adds a class.
 */
export class Overlay {
  constructor(element, view) {
    this.view = view;
    this.shapes = svg('g', { 'aria-hidden': 'true' });
    this.knobs = svg('g');
    this.elements = new Map();
    this.handles = new Map();
    element.append(this.shapes, this.knobs);
  }

  render(shapes, handles) {
    this.shapes.replaceChildren(...shapes.map((shape) => this.shape(shape)));
    this.handles = new Map(handles.map((handle) => [handle.name, handle]));
    for (const [name, element] of this.elements) {
      if (this.handles.has(name)) continue;
      element.remove();
      this.elements.delete(name);
    }
    for (const handle of handles) this.place(handle);
  }

  focus(name) {
    this.elements.get(name)?.focus();
  }

  shape({ lines, closed, kind, width, color, picture, box }) {
    if (picture) {
      const [x, y] = this.view.toScreen([box[0] - 0.5, box[1] - 0.5]);
      const size = { width: box[2] * this.view.zoom, height: box[3] * this.view.zoom };
      return svg('image', { href: picture, x, y, ...size, preserveAspectRatio: 'none', class: kind });
    }
    const d = this.path(lines, closed);
    if (!width) return svg('g', { class: `shape ${kind ?? ''}` }, svg('path', { d, class: 'halo' }), svg('path', { d }));
    const style = { strokeWidth: `${width * this.view.zoom}px`, ...(color && { stroke: color }) };
    return svg('path', { d, class: `shape ${kind ?? ''}`, style });
  }

  path(lines, closed) {
    const dots = (line) => line.map((point) => this.view.toScreen(point).map((v) => v.toFixed(1)).join(','));
    return lines.map((line) => `M${dots(line).join('L')}${closed ? 'Z' : ''}`).join('');
  }

  place({ name, label, at, lines, kind = '' }) {
    let element = this.elements.get(name);
    if (!element) {
      const parts = lines
        ? [svg('path', { class: 'halo' }), svg('path', { class: 'area' })]
        : [svg('circle', { class: 'reach', r: 20 }), svg('circle', { class: 'knob', r: 7 })];
      element = svg('g', { class: `handle ${kind}`, role: 'button', tabindex: 0, 'data-handle': name }, parts);
      this.elements.set(name, element);
    }
    element.setAttribute('aria-label', label);
    if (lines) for (const path of element.children) path.setAttribute('d', this.path(lines, true));
    else element.setAttribute('transform', `translate(${this.view.toScreen(at).map((v) => v.toFixed(1)).join(',')})`);
    // areas below knobs, so that a knob on an area can be taken
    if (element.parentNode !== this.knobs) this.knobs[lines ? 'prepend' : 'append'](element);
  }
}
