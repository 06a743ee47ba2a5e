// Where the picture lies on the stage: zoom and place, and the way between pixels of the picture and of the screen.

const MOST = 64; // screen pixels per pixel of the picture
const MARGIN = 40;

export class View {
  /** `changed` is called after each change; sizes are [height, width]. */
  constructor(element, changed) {
    Object.assign(this, { element, changed, size: [1, 1], zoom: 1, left: 0, top: 0, fitted: true });
    new ResizeObserver(() => (this.fitted ? this.fit() : this.changed())).observe(element);
  }

  setSize(size) {
    if (size[0] === this.size[0] && size[1] === this.size[1]) return;
    this.size = size;
    if (this.fitted && !this.held) this.fit();
    else this.changed();
  }

  /** Keep zoom and place while something is dragged, also if the picture's size changes. */
  hold(held) {
    this.held = held;
    this.element.classList.toggle('held', held);
    if (this.fitted && !held) this.fit();
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    const [height, width] = this.size;
    this.zoom = Math.max(0.02, Math.min((clientWidth - 2 * MARGIN) / width, (clientHeight - 2 * MARGIN) / height, MOST));
    this.left = (clientWidth - width * this.zoom) / 2;
    this.top = (clientHeight - height * this.zoom) / 2;
    this.fitted = true;
    this.changed();
  }

  /** Zoom by a factor about a point of the screen, as the stage counts it; default: its center. */
  zoomBy(factor, [x, y] = [this.element.clientWidth / 2, this.element.clientHeight / 2]) {
    const zoom = Math.min(MOST, Math.max(0.05, this.zoom * factor));
    this.left = x - (x - this.left) * (zoom / this.zoom);
    this.top = y - (y - this.top) * (zoom / this.zoom);
    this.zoom = zoom;
    this.fitted = false;
    this.changed();
  }

  panBy(right, down) {
    this.left += right;
    this.top += down;
    this.fitted = false;
    this.changed();
  }

  /** The pixel centers of the picture are at whole numbers. */
  toScreen([x, y]) {
    return [this.left + (x + 0.5) * this.zoom, this.top + (y + 0.5) * this.zoom];
  }

  toPicture([x, y]) {
    return [(x - this.left) / this.zoom - 0.5, (y - this.top) / this.zoom - 0.5];
  }
}
