// Shows one state of the answer: nothing yet, looking, an answer, or what went wrong.
// Knows nothing of where the picture came from.

import { fit } from './fit_text.js';
import { percent, texts } from './texts.js';

export const UNSURE_BELOW = 0.5;
const RUNNERS_UP = 3;
const GLYPHS = /^[\p{Lu}\p{N}]{1,3}$/u; // a label that is a sign rather than words: set as large as the space allows

export class ResultView {
  #root;
  #parts;

  /** root: the element that holds the parts by their ids. */
  constructor(root) {
    this.#root = root;
    const part = (id) => root.querySelector(`#${id}`);
    this.#parts = {
      answer: part('answer'),
      sureness: part('sureness'),
      confidence: part('confidence'),
      word: part('sureness-word'),
      bar: part('confidence-bar'),
      message: part('message'),
      list: part('runners-up'),
      announcement: part('announcement'),
    };
    for (let i = 0; i < RUNNERS_UP; i += 1) this.#parts.list.append(runnerUp());
    new ResizeObserver(() => fit(this.#parts.answer)).observe(this.#parts.answer.parentElement);
  }

  /**
   * state: {kind: 'idle', text, detail?} | {kind: 'looking'} | {kind: 'failed', sentence} |
   * {kind: 'answer', answer, live}, answer as the server sent it.
   */
  render(state) {
    this.#root.classList.remove('stale');
    if (state.kind === 'answer') this.#answer(state.answer, state.live ?? false);
    else if (state.kind === 'failed') this.#words('failed', texts.failed, state.sentence);
    else if (state.kind === 'looking') this.#words('looking', texts.looking, '');
    else this.#words('idle', state.text, state.detail ?? '');
  }

  /** What is shown belongs to a picture that is being changed. */
  fade() {
    this.#root.classList.add('stale');
  }

  #answer({ prediction, confidence, top_k: top, frame }, live) {
    const { sureness, bar, message, list, announcement } = this.#parts;
    const unsure = confidence < UNSURE_BELOW;
    const sure = percent(confidence);
    const state = unsure ? 'unsure' : 'answer';
    const changed = this.#root.dataset.label !== prediction || this.#root.dataset.state !== state;
    this.#root.dataset.state = state;
    this.#root.dataset.label = prediction;
    this.#root.dataset.frame = frame?.number ?? '';
    this.#parts.confidence.textContent = sure;
    this.#parts.word.textContent = unsure ? texts.notSureDetail(prediction) : texts.sure;
    bar.firstElementChild.style.setProperty('--share', confidence);
    sureness.hidden = false;
    bar.hidden = false;
    message.hidden = true;
    list.hidden = false;
    [...list.children].forEach((row, i) => fillRow(row, top[i + 1]));
    this.#headline(unsure ? texts.notSure : prediction);
    // A live picture is spoken of when the answer changes, not five times a second.
    if (changed || !live) {
      announcement.textContent = unsure ? texts.announceNotSure(prediction, sure) : texts.announce(prediction, sure);
    }
  }

  #words(state, headline, sentence) {
    const { sureness, bar, message, list, announcement } = this.#parts;
    this.#root.dataset.state = state;
    delete this.#root.dataset.label;
    delete this.#root.dataset.frame;
    sureness.hidden = true;
    bar.hidden = true;
    list.hidden = true;
    message.hidden = false;
    if (message.textContent !== sentence) message.textContent = sentence;
    this.#headline(headline);
    const spoken = sentence === '' ? headline : `${headline}. ${sentence}`;
    if (announcement.textContent !== spoken) announcement.textContent = spoken;
  }

  /** Last of all, because the space that is left decides the size. */
  #headline(text) {
    const { answer } = this.#parts;
    if (answer.textContent === text) return;
    answer.textContent = text;
    this.#root.classList.toggle('glyph', GLYPHS.test(text));
    fit(answer);
  }
}

function runnerUp() {
  const row = document.createElement('li');
  row.className = 'runner-up';
  for (const name of ['runner-up-label', 'runner-up-confidence']) {
    const part = document.createElement('span');
    part.className = name;
    row.append(part);
  }
  const bar = document.createElement('div');
  bar.className = 'bar bar-small';
  const fill = document.createElement('div');
  fill.className = 'bar-fill';
  bar.append(fill);
  row.append(bar);
  return row;
}

function fillRow(row, entry) {
  row.hidden = entry === undefined;
  if (entry === undefined) return;
  const [label, confidence, bar] = row.children;
  label.textContent = entry.label;
  label.title = entry.label;
  confidence.textContent = percent(entry.confidence);
  bar.firstElementChild.style.setProperty('--share', entry.confidence);
}
