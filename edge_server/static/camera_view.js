// The live picture and the answers to it, while it is shown: one stream, one question at a time.
// Knows nothing of how an answer is shown.

import { ServerGone, ServerRefused, cameraPrediction, streamAddress } from './api.js';
import { texts } from './texts.js';

const BETWEEN_ANSWERS_MS = 200;
const BACKOFF_MS = [500, 1_000, 2_000, 3_000];
const STARTING_MS = 5_000; // no frame this soon after opening is a start, not a loss
const NOTHING = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

export class CameraView {
  #parts;
  #connection;
  #show;
  #run = null;
  #streamTimer;
  #streamFailures = 0;
  #lost = false;
  #lastNumber = 0;

  /** parts: {stream, notice, caption}; show(state): called with the states of result_view.js. */
  constructor(parts, connection, show) {
    this.#parts = parts;
    this.#connection = connection;
    this.#show = show;
    parts.stream.addEventListener('load', () => this.#streamLoaded());
    parts.stream.addEventListener('error', () => this.#streamFailed());
  }

  /** Starts watching; does nothing when already watching. */
  open() {
    if (this.#run !== null) return;
    this.#run = new AbortController();
    this.#lost = false;
    this.#lastNumber = 0;
    this.#notice(texts.cameraStarting, '');
    this.#show({ kind: 'idle', text: '' }); // not the answer of the last visit
    this.#startStream();
    this.#poll(this.#run.signal);
  }

  /** Stops watching and closes the stream's connection. */
  close() {
    if (this.#run === null) return;
    this.#run.abort();
    this.#run = null;
    this.#stopStream();
  }

  async #poll(signal) {
    const openedAt = performance.now();
    let failures = 0;
    while (!signal.aborted) {
      let wait = BETWEEN_ANSWERS_MS;
      try {
        const answer = await cameraPrediction(signal);
        if (signal.aborted) return;
        this.#answered(answer);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ServerGone || error instanceof ServerRefused)) throw error;
        this.#failed(error, performance.now() - openedAt < STARTING_MS);
        wait = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
        failures += 1;
      }
      await rest(wait, signal);
    }
  }

  #answered(answer) {
    this.#connection.heard();
    const { frame, camera } = answer;
    // A lower number than before is another server process: the stream of the old one has ended without a word.
    const restarted = frame.number < this.#lastNumber;
    if (restarted || this.#lost) this.#startStream();
    this.#lastNumber = frame.number;
    this.#lost = false;
    this.#parts.stream.classList.remove('old', 'lost');
    this.#parts.caption.textContent = texts.cameraCaption(
      camera.description,
      camera.fps > 0 ? Math.round(camera.fps) : null,
    );
    if (camera.state === 'stalled') this.#notice(texts.cameraStalled, '');
    else if (this.#streamFailures > 0) this.#notice('', texts.streamBroken);
    else this.#notice('', '');
    this.#show({ kind: 'answer', answer, live: true });
  }

  #failed(error, early) {
    if (error instanceof ServerGone) {
      this.#connection.missed();
      this.#lose('old', '', '');
      this.#show({ kind: 'idle', text: texts.idleServer });
      return;
    }
    this.#connection.heard();
    if (early && this.#lastNumber === 0) this.#notice(texts.cameraStarting, error.message);
    else this.#lose('lost', texts.cameraLost, error.message);
    this.#show({ kind: 'idle', text: texts.idleCamera });
  }

  #lose(how, title, sentence) {
    this.#lost = true;
    this.#parts.stream.classList.add(how);
    this.#parts.caption.textContent = '';
    this.#notice(title, sentence);
  }

  #notice(title, text) {
    const { notice } = this.#parts;
    const set = (element, value) => {
      element.hidden = value === '';
      if (element.textContent !== value) element.textContent = value;
    };
    set(notice.querySelector('[data-part=title]'), title);
    set(notice.querySelector('[data-part=text]'), text);
    notice.hidden = title === '' && text === '';
  }

  #startStream() {
    clearTimeout(this.#streamTimer);
    this.#parts.stream.src = streamAddress();
  }

  #stopStream() {
    clearTimeout(this.#streamTimer);
    this.#streamFailures = 0;
    // Another picture is what makes every browser hang up; taking the element away does not.
    this.#parts.stream.src = NOTHING;
    this.#parts.stream.classList.remove('shown', 'old', 'lost');
  }

  #streamLoaded() {
    if (this.#run === null) return;
    this.#streamFailures = 0;
    this.#parts.stream.classList.add('shown');
  }

  #streamFailed() {
    if (this.#run === null) return;
    this.#parts.stream.classList.remove('shown');
    const wait = BACKOFF_MS[Math.min(this.#streamFailures, BACKOFF_MS.length - 1)];
    this.#streamFailures += 1;
    this.#streamTimer = setTimeout(() => this.#startStream(), wait);
  }
}

function rest(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
