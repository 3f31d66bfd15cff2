// The last answers, newest first: of pictures that were shown to it one by one, and of a live picture whenever it
// shows something else. Pictures are kept as thumbnails in this page alone, and forgotten after a while.

import { clock, percent, say } from './texts.js';

const MOST = 12;
const FORGET_MS = 30 * 60_000;
const HELD = 3; // answers in a row that make a change of the live picture one, and no flicker
const THUMBNAIL = 96; // pixels a side

export class History {
  #list;
  #empty;
  #sureFrom;
  #live = { label: null, candidate: null, times: 0 };

  /** list: the ol; empty: what stands there before the first; sureFrom: as in result_view.js. */
  constructor(list, empty, sureFrom) {
    this.#list = list;
    this.#empty = empty;
    this.#sureFrom = sureFrom;
    setInterval(() => this.#forget(), 60_000);
  }

  /** Notes the answer to one picture. */
  async note({ prediction, confidence }, picture) {
    const thumbnail = await shrunk(picture);
    this.#add(prediction, confidence, thumbnail ?? icon('icon-picture'));
  }

  /** Hears of every answer to the live picture, and notes those that begin something. */
  follow({ prediction, confidence }) {
    const live = this.#live;
    const label = confidence >= this.#sureFrom ? prediction : null;
    live.times = label === live.candidate ? live.times + 1 : 1;
    live.candidate = label;
    if (live.times !== HELD || label === live.label) return;
    live.label = label;
    if (label !== null) this.#add(prediction, confidence, icon('icon-camera'));
  }

  #add(label, confidence, mark) {
    const now = new Date();
    const item = document.createElement('li');
    item.className = 'noted';
    item.dataset.at = now.getTime();
    const sure = confidence >= this.#sureFrom;
    item.classList.toggle('noted-unsure', !sure);
    mark.classList.add('noted-mark');
    item.append(
      mark,
      part('noted-label', sure ? label : say('historyUnsure', { label })),
      part('noted-note', say('historyNote', { confidence: percent(confidence), time: clock(now) })),
    );
    this.#list.prepend(item);
    this.#list.scrollLeft = 0;
    while (this.#list.children.length > MOST) this.#list.lastElementChild.remove();
    this.#empty.hidden = true;
  }

  #forget() {
    const before = Date.now() - FORGET_MS;
    for (const item of [...this.#list.children]) if (Number(item.dataset.at) < before) item.remove();
    this.#empty.hidden = this.#list.children.length > 0;
  }
}

function part(name, text) {
  const made = document.createElement('span');
  made.className = name;
  made.textContent = text;
  return made;
}

function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const made = document.createElementNS(space, 'svg');
  made.setAttribute('class', 'icon');
  made.setAttribute('viewBox', '0 0 24 24');
  made.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(space, 'use');
  use.setAttribute('href', `#${name}`);
  made.append(use);
  return made;
}

/** The middle of a picture on a small canvas; null where the browser can't read it. */
async function shrunk(picture) {
  const bitmap = await createImageBitmap(picture).catch(() => null);
  if (bitmap === null) return null;
  const canvas = document.createElement('canvas');
  canvas.width = THUMBNAIL;
  canvas.height = THUMBNAIL;
  canvas.setAttribute('aria-hidden', 'true');
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, left, top, side, side, 0, 0, THUMBNAIL, THUMBNAIL);
  bitmap.close();
  return canvas;
}
