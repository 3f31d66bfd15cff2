// Shows one state of the answer: nothing yet, looking, an answer, or what went wrong.
// Knows nothing of where the picture came from.

import { Announcer } from './announcer.js';
import { fit } from './fit_text.js';
import { percent, say } from './texts.js';

const RUNNERS_UP = 3;
const GLYPHS = /^[\p{Lu}\p{N}]{1,3}$/u; // a label that is a sign rather than words: set as large as the space allows

export class ResultView {
  #root;
  #parts;
  #sureFrom;
  #announcer;

  /** root: the element that holds the parts by their ids; sureFrom: the confidence from which an answer is told as one. */
  constructor(root, sureFrom) {
    this.#root = root;
    this.#sureFrom = sureFrom;
    const part = (id) => root.querySelector(`#${id}`);
    this.#parts = {
      answer: part('answer'),
      sureness: part('sureness'),
      confidence: part('confidence'),
      word: part('sureness-word'),
      bar: part('confidence-bar'),
      message: part('message'),
      detail: part('message-detail'),
      list: part('runners-up'),
    };
    this.#announcer = new Announcer(part('announcement'));
    this.#parts.bar.style.setProperty('--mark', sureFrom);
    for (let i = 0; i < RUNNERS_UP; i += 1) this.#parts.list.append(runnerUp());
    new ResizeObserver(() => fit(this.#parts.answer)).observe(this.#parts.answer.parentElement);
  }

  /**
   * state: {kind: 'idle', text, detail?} | {kind: 'looking'} | {kind: 'failed', sentence, detail?} |
   * {kind: 'answer', answer, live?}, answer as the server sent it; a failure's detail is in the server's English.
   */
  render(state) {
    this.#root.classList.remove('stale');
    if (state.kind === 'answer') this.#answer(state.answer, state.live ?? false);
    else if (state.kind === 'failed') this.#words('failed', say('failed'), state.sentence, state.detail ?? '');
    else if (state.kind === 'looking') this.#words('looking', say('looking'), '');
    else this.#words('idle', state.text, state.detail ?? '');
  }

  /** What is shown belongs to a picture that is being changed. */
  fade() {
    this.#root.classList.add('stale');
  }

  #answer({ prediction, confidence, top_k: top, frame }, live) {
    const { sureness, bar, message, detail, list } = this.#parts;
    const unsure = confidence < this.#sureFrom;
    const sure = percent(confidence);
    const state = unsure ? 'unsure' : 'answer';
    const changed = this.#root.dataset.label !== prediction || this.#root.dataset.state !== state;
    this.#root.dataset.state = state;
    this.#root.dataset.label = prediction;
    this.#root.dataset.frame = frame?.number ?? '';
    this.#parts.confidence.textContent = sure;
    this.#parts.word.textContent = unsure ? say('notSureDetail', { label: prediction }) : say('sure');
    bar.firstElementChild.style.setProperty('--share', confidence);
    sureness.hidden = false;
    bar.hidden = false;
    message.hidden = true;
    detail.hidden = true;
    list.hidden = false;
    [...list.children].forEach((row, i) => fillRow(row, top[i + 1]));
    this.#headline(unsure ? say('notSure') : prediction);
    const spoken = say(unsure ? 'announceUnsure' : 'announce', { label: prediction, confidence: sure });
    // A live picture is spoken of when the answer changes, not five times a second.
    if (!live) this.#announcer.say(spoken);
    else if (changed) this.#announcer.sayInTurn(spoken);
  }

  #words(state, headline, sentence, serverSentence = '') {
    const { sureness, bar, message, detail, list } = this.#parts;
    this.#root.dataset.state = state;
    delete this.#root.dataset.label;
    delete this.#root.dataset.frame;
    sureness.hidden = true;
    bar.hidden = true;
    list.hidden = true;
    message.hidden = false;
    if (message.textContent !== sentence) message.textContent = sentence;
    detail.hidden = serverSentence === '';
    if (detail.textContent !== serverSentence) detail.textContent = serverSentence;
    this.#headline(headline);
    this.#announcer.say(sentence === '' ? headline : `${headline}. ${sentence}`);
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
  confidence.textContent = percent(entry.confidence);
  bar.firstElementChild.style.setProperty('--share', entry.confidence);
}
