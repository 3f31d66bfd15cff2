// The camera's picture, fetched again and again and drawn on one canvas: what a browser keeps of a picture is given
// back with the next one, so memory stays as it is for days. Knows nothing of answers and notices.

import { ServerGone, ServerRefused, cameraPicture } from './api.js';
import { rest } from './rest.js';

const MOST_A_SECOND = 15; // more is not seen on a wall, and costs a small board its processor
const BACKOFF_MS = [300, 600, 1_000, 2_000];

export class LivePicture {
  #canvas;
  #handlers;
  #run = null;
  #number = 0;
  #least;

  /** The encoded picture that is shown; null before the first of each start(). */
  blob = null;

  /** handlers: onTurn() after each answer of the server, onShown() after each new picture, onBroken(error). */
  constructor(canvas, handlers) {
    this.#canvas = canvas;
    this.#handlers = handlers;
    this.cameraRate(MOST_A_SECOND);
  }

  /** Pictures a second that the camera gives: to ask more often would show the same again. */
  cameraRate(fps) {
    const asked = Number(new URLSearchParams(location.search).get('fps')) || MOST_A_SECOND;
    this.#least = 1_000 / Math.max(1, Math.min(asked, fps));
  }

  start() {
    if (this.#run !== null) return;
    this.#run = new AbortController();
    this.blob = null;
    this.#follow(this.#run.signal);
  }

  /** Leaves the picture as it stands. */
  stop() {
    this.#run?.abort();
    this.#run = null;
  }

  async #follow(signal) {
    let failures = 0;
    while (!signal.aborted) {
      const began = performance.now();
      let wait = 0;
      try {
        await this.#next(signal);
        failures = 0;
        // A link or a board that needs long for one picture is left time for other things.
        wait = Math.max(this.#least - (performance.now() - began), (performance.now() - began) / 2);
      } catch (error) {
        if (signal.aborted) return;
        wait = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
        failures += 1;
        if (error instanceof ServerRefused) this.#handlers.onTurn();
        else if (!(error instanceof ServerGone)) this.#handlers.onBroken(error);
      }
      await rest(wait, signal);
    }
  }

  async #next(signal) {
    const { blob, number } = await cameraPicture(signal);
    if (number !== this.#number || this.blob === null) {
      const bitmap = await createImageBitmap(blob);
      if (!signal.aborted) this.#draw(bitmap, blob, number);
      bitmap.close();
    }
    if (!signal.aborted) this.#handlers.onTurn();
  }

  #draw(bitmap, blob, number) {
    const { width, height } = bitmap;
    const canvas = this.#canvas;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      canvas.style.setProperty('--ratio', width / height);
    }
    canvas.getContext('2d', { alpha: false }).drawImage(bitmap, 0, 0);
    canvas.dataset.number = number;
    this.#number = number;
    this.blob = blob;
    this.#handlers.onShown();
  }
}
