// Elements in one expression.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element: `h('button', {class: 'quiet', onclick: f}, 'Text', child)`. Missing children are left out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element, by attributes. */
export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked' || name === 'style') setProperty(element, name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function setProperty(element, name, value) {
  if (name === 'style') Object.assign(element.style, value);
  else element[name] = value;
}

/** A named group of buttons of which one is pressed: `choice('Axis', {x: 'Left and right'}, 'x', set)`. */
export function choice(label, options, current, set) {
  return h(
    'div',
    { class: 'field' },
    h('span', { class: 'label' }, label),
    h(
      'div',
      { class: 'choice', role: 'group', 'aria-label': label },
      Object.entries(options).map(([value, text]) =>
        h('button', { type: 'button', 'aria-pressed': String(value === current), onclick: () => set(value) }, text),
      ),
    ),
  );
}

/** A slider with its value beside it; `set(value, final)` while it is moved and when it is let go. */
export function slider(label, { min, max, step = 1, value, unit = '' }, set) {
  const output = h('output', {}, `${value}${unit}`);
  const input = h('input', { type: 'range', min, max, step, 'aria-label': label, value });
  input.addEventListener('input', () => {
    output.textContent = `${input.value}${unit}`;
    set(Number(input.value), false);
  });
  input.addEventListener('change', () => set(Number(input.value), true));
  return h('label', { class: 'field slider' }, h('span', { class: 'label' }, label), output, input);
}

/** A whole number that is typed. */
export function number(label, { min, max, value }, set) {
  const input = h('input', { type: 'number', min, max, step: 1, 'aria-label': label, value });
  input.addEventListener('change', () => {
    const given = Math.round(Number(input.value));
    input.value = Math.min(max, Math.max(min, Number.isFinite(given) ? given : value));
    set(Number(input.value));
  });
  return h('label', { class: 'field number' }, h('span', { class: 'label' }, label), input);
}

/** A switch. */
export function toggle(label, value, set) {
  const input = h('input', { type: 'checkbox', role: 'switch', checked: value });
  input.addEventListener('change', () => set(input.checked));
  return h('label', { class: 'field toggle' }, h('span', { class: 'label' }, label), input);
}
