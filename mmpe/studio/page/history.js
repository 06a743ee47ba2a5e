// Undo and redo: documents are plain data that nobody changes, so a step is a document.

const LONGEST = 200;

export class History {
  constructor(present, past = [], future = []) {
    this.present = present;
    this.past = past;
    this.future = future;
  }

  /** Take a step. What was undone is given up. */
  push(document) {
    if (JSON.stringify(document) === JSON.stringify(this.present)) return;
    this.past = [...this.past, this.present].slice(-LONGEST);
    this.present = document;
    this.future = [];
  }

  undo() {
    if (!this.past.length) return;
    this.future = [this.present, ...this.future];
    this.present = this.past.at(-1);
    this.past = this.past.slice(0, -1);
  }

  redo() {
    if (!this.future.length) return;
    this.past = [...this.past, this.present];
    [this.present, ...this.future] = this.future;
  }

  toJSON() {
    return { present: this.present, past: this.past, future: this.future };
  }

  static fromJSON({ present, past, future }) {
    return new History(present, past, future);
  }
}
