// One question at a time to POST /predict: a newer picture takes the place of an older one, and a picture that
// found the server gone is asked about again when it is back. Knows no element of the page.

import { ServerGone, ServerRefused, classify } from './api.js';
import { refusal, say } from './texts.js';

const LOOKING_AFTER_MS = 400;

export class Asking {
  #show;
  #connection;
  #controller = new AbortController();
  #unanswered = null;

  /** show(state): called with the states of result_view.js; an answer's state has the picture that it is about. */
  constructor(connection, show) {
    this.#connection = connection;
    this.#show = show;
  }

  /** Classifies the picture and shows what comes of it. */
  async ask(blob) {
    this.cancel();
    const { signal } = this.#controller;
    const looking = setTimeout(() => this.#show({ kind: 'looking' }), LOOKING_AFTER_MS);
    try {
      const answer = await classify(blob, signal);
      if (signal.aborted) return;
      this.#connection.heard();
      this.#show({ kind: 'answer', answer, picture: blob });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ServerGone) {
        this.#unanswered = blob;
        this.#show({ kind: 'failed', sentence: say('serverGoneShort') });
        this.#connection.missed();
      } else if (error instanceof ServerRefused) {
        this.#show({ kind: 'failed', sentence: refusal(error.status), detail: error.message });
        this.#connection.heard();
      } else {
        throw error;
      }
    } finally {
      clearTimeout(looking);
    }
  }

  /** Forgets the picture that is being asked about. */
  cancel() {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.#unanswered = null;
  }

  /** The server is back. */
  async again() {
    if (this.#unanswered !== null) await this.ask(this.#unanswered);
  }
}
