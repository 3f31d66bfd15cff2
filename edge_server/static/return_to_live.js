// From a picture that was taken back to the live one: by the button, by Escape, and by itself after a while.
// Knows nothing of cameras.

import { say } from './texts.js';

const SECONDS = 30;

export class ReturnToLive {
  #parts;
  #onReturn;
  #timer = null;

  /** parts: {take, back, live}: the two buttons, of which one is shown, and the picture. */
  constructor(parts, onReturn) {
    this.#parts = parts;
    this.#onReturn = onReturn;
    parts.back.addEventListener('click', () => this.#end());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.waiting) this.#end();
    });
  }

  /** Whether a taken picture is shown. */
  get waiting() {
    return this.#timer !== null;
  }

  begin() {
    const { take, back, live } = this.#parts;
    const focused = document.activeElement === take;
    take.hidden = true;
    back.hidden = false;
    live.setAttribute('aria-label', say('takenAlt'));
    if (focused) back.focus();
    back.style.setProperty('--seconds', `${SECONDS}s`);
    this.#timer = setTimeout(() => this.#end(), SECONDS * 1_000);
  }

  #end() {
    const { take, back, live } = this.#parts;
    const focused = document.activeElement === back;
    clearTimeout(this.#timer);
    this.#timer = null;
    take.hidden = false;
    back.hidden = true;
    live.setAttribute('aria-label', say('liveAlt'));
    if (focused) take.focus();
    this.#onReturn();
  }
}
