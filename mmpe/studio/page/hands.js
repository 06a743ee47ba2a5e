// Pointers and keys on the stage: a drag of a handle, a press beside all handles, a pan, a pinch.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const KEYS_REST = 500; // milliseconds after the last arrow key until its moves are one step of the history

/**
 * Let hands work on a stage.
 * `tool` offers marks(), handle(name), press(point), set(marks, final) and remove(name); see stage.js.
 */
export function takeHold(element, view, tool) {
  const pointers = new Map();
  let drag = null;
  let keys = null;

  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function begin(event) {
    view.hold(true);
    const name = event.target.closest?.('[data-handle]')?.dataset.handle;
    const at = view.toPicture(place(event));
    const start = tool.marks();
    const { move } = tool.handle(name);
    drag = { start, marks: start, at, ...(move ? { move } : tool.press(at)) };
    if (name) tool.focus(name);
    if (drag.marks !== start) tool.set(drag.marks, false);
    if (drag.focus) tool.focus(drag.focus);
  }

  function follow(event) {
    const point = view.toPicture(place(event));
    const [right, down] = [point[0] - drag.at[0], point[1] - drag.at[1]];
    tool.set(drag.move(drag.marks, right, down, point), false);
  }

  function pinch(event) {
    const before = [...pointers.values()];
    pointers.set(event.pointerId, place(event));
    const after = [...pointers.values()];
    const middle = (points) => [0, 1].map((i) => (points[0][i] + points[1][i]) / 2);
    const apart = (points) => Math.hypot(points[0][0] - points[1][0], points[0][1] - points[1][1]);
    const [from, to] = [middle(before), middle(after)];
    view.panBy(to[0] - from[0], to[1] - from[1]);
    view.zoomBy(apart(after) / Math.max(1, apart(before)), to);
  }

  function cancel() {
    if (drag) tool.set(drag.start, false);
    drag = null;
    view.hold(false);
  }

  element.addEventListener('pointerdown', (event) => {
    if (event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
    settleKeys();
    if (pointers.size > 1) cancel();
    else if (event.button === 1 || tool.panning()) drag = null;
    else begin(event);
    event.preventDefault();
  });

  element.addEventListener('pointermove', (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    if (pointers.size > 1) return pinch(event);
    const [x, y] = place(event);
    pointers.set(event.pointerId, [x, y]);
    if (drag?.move) follow(event);
    else if (!drag) view.panBy(x - last[0], y - last[1]);
  });

  const end = (event) => {
    if (!pointers.delete(event.pointerId) || !drag) return;
    if (event.type === 'pointercancel') return cancel();
    const changed = tool.marks() !== drag.start;
    drag = null;
    view.hold(false);
    if (changed) tool.set(tool.marks(), true);
  };
  element.addEventListener('pointerup', end);
  element.addEventListener('pointercancel', end);

  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    view.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), place(event));
  }, { passive: false });

  function settleKeys() {
    if (!keys) return;
    clearTimeout(keys);
    keys = null;
    tool.set(tool.marks(), true);
  }

  element.addEventListener('keydown', (event) => {
    const name = event.target.closest?.('[data-handle]')?.dataset.handle;
    if (event.key === 'Escape' && drag) return cancel();
    if (!name) return;
    const handle = tool.handle(name);
    if ((event.key === 'Delete' || event.key === 'Backspace') && handle.remove) {
      tool.set(handle.remove(tool.marks()), true);
    } else if (STEPS[event.key] && handle.move) {
      const [right, down] = STEPS[event.key].map((value) => value * (event.shiftKey ? 8 : 1));
      tool.set(handle.move(tool.marks(), right, down), false);
      clearTimeout(keys);
      keys = setTimeout(settleKeys, KEYS_REST);
    } else return;
    event.preventDefault();
  });
}
