// Whether the server is there: told by every request, asked by a heartbeat. Knows no element of the page and no route
// but the one it is given.

const HEARTBEAT_MS = 5_000;
const RETRY_MS = 1_500;

export class Connection {
  #probe;
  #handlers;
  #timer;
  #probing = false;
  up = true;

  /** probe(): a promise of news, rejected when the server is gone; handlers: onChange(up), onNews(news). */
  constructor(probe, handlers) {
    this.#probe = probe;
    this.#handlers = handlers;
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
    if (up === this.up) return;
    this.up = up;
    this.#schedule();
    this.#handlers.onChange(up);
  }

  #schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), this.up ? HEARTBEAT_MS : RETRY_MS);
  }

  async #ask() {
    if (this.#probing) return;
    this.#probing = true;
    const news = await this.#probe().catch(() => null);
    this.#probing = false;
    this.#set(news !== null);
    this.#schedule();
    if (news !== null) this.#handlers.onNews(news);
  }
}
