// What a screen reader is told: the newest sentence, and of a live picture not more often than one can listen to.
// Knows nothing of what it says.

const BETWEEN_LIVE_MS = 4_000;

export class Announcer {
  #element;
  #timer = null;
  #next = null;

  /** element: has role=status. */
  constructor(element) {
    this.#element = element;
  }

  /** Says it at once. */
  say(sentence) {
    this.#next = null;
    this.#write(sentence);
  }

  /** Says it when the last one is some seconds ago; a newer one takes its place. */
  sayInTurn(sentence) {
    if (this.#timer === null) {
      this.#write(sentence);
      this.#timer = setTimeout(() => this.#turn(), BETWEEN_LIVE_MS);
    } else {
      this.#next = sentence;
    }
  }

  #turn() {
    const sentence = this.#next;
    this.#timer = null;
    this.#next = null;
    if (sentence !== null) this.sayInTurn(sentence);
  }

  #write(sentence) {
    if (this.#element.textContent !== sentence) this.#element.textContent = sentence;
  }
}
