// Whether the server is there: told by every request, asked by a heartbeat when nobody else asks.
// Knows no element of the page and no route but the one it is given.

const HEARTBEAT_MS = 5_000;
const RETRY_MS = 1_500;

export class Connection {
  #probe;
  #onChange;
  #timer;
  #probing = false;
  up = true;

  /** probe: () => Promise, rejects when the server is gone; onChange(up: boolean) on every change. */
  constructor(probe, onChange) {
    this.#probe = probe;
    this.#onChange = onChange;
    this.#schedule();
    window.addEventListener('online', () => this.#ask());
  }

  /** Some request was answered, well or not. */
  heard() {
    this.#set(true);
  }

  /** Some request got no answer. */
  missed() {
    this.#set(false);
  }

  #set(up) {
    const changed = up !== this.up;
    this.up = up;
    this.#schedule();
    if (changed) this.#onChange(up);
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), this.up ? HEARTBEAT_MS : RETRY_MS);
  }

  async #ask() {
    if (this.#probing) return;
    this.#probing = true;
    const up = await this.#probe().then(() => true, () => false);
    this.#probing = false;
    this.#set(up);
  }
}
