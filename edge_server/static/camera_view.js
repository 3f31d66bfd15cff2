// The live picture and the answers to it, while they are shown; and what is the matter where there is none.
// Knows nothing of how an answer is shown.

import { ServerGone, ServerRefused, cameraPrediction, kioskState } from './api.js';
import { LivePicture } from './live_picture.js';
import { rest } from './rest.js';
import { clock, refusal, say } from './texts.js';

const BETWEEN_ANSWERS_MS = 200;
const BACKOFF_MS = [500, 1_000, 2_000, 3_000];
const STARTING_MS = 5_000; // no frame this soon after opening is a start, not a loss

export class CameraView {
  #parts;
  #connection;
  #handlers;
  #picture;
  #run = null;
  #broken = false;
  #answered = false;

  /**
   * parts: {frame, canvas, notice, caption}; handlers: show(state) with the states of result_view.js, onTurn(what) after
   * each answer of the server about 'picture' or 'answer', onReady(ready) when there is a picture to take, or none.
   */
  constructor(parts, connection, handlers) {
    this.#parts = parts;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#picture = new LivePicture(parts.canvas, {
      onTurn: () => handlers.onTurn('picture'),
      onShown: () => this.#shown(),
      onBroken: () => { this.#broken = true; },
    });
  }

  /** Starts watching; does nothing when already watching. */
  open() {
    if (this.#run !== null) return;
    this.#run = new AbortController();
    this.#answered = false;
    this.#parts.frame.dataset.state = 'starting';
    this.#notice(say('cameraStarting'));
    this.#handlers.show({ kind: 'idle', text: say('idleCamera') }); // not the answer of the last visit
    this.#picture.start();
    this.#poll(this.#run.signal);
  }

  /** Stops watching, and asks for nothing more. */
  close() {
    this.#run?.abort();
    this.#run = null;
    this.#picture.stop();
    this.#notice('');
  }

  /** Stops watching with the picture as it stands, and returns it: what was seen is asked about. null: there is none. */
  take() {
    if (this.#run === null || this.#picture.blob === null) return null;
    this.close();
    this.#parts.frame.dataset.state = 'taken';
    this.#parts.caption.textContent = say('takenCaption', { time: clock(new Date()) });
    return this.#picture.blob;
  }

  #shown() {
    this.#broken = false;
    if (this.#run === null || this.#parts.frame.dataset.state === 'live') return;
    this.#parts.frame.dataset.state = 'live';
    this.#notice('');
    this.#handlers.onReady(true);
  }

  async #poll(signal) {
    const openedAt = performance.now();
    let failures = 0;
    while (!signal.aborted) {
      let wait = BETWEEN_ANSWERS_MS;
      try {
        const answer = await cameraPrediction(signal);
        if (signal.aborted) return;
        this.#tell(answer);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ServerGone || error instanceof ServerRefused)) throw error;
        const early = !this.#answered && performance.now() - openedAt < STARTING_MS;
        await this.#failed(error, early, failures, signal);
        wait = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
        failures += 1;
      }
      await rest(wait, signal);
    }
  }

  #tell(answer) {
    const { camera } = answer;
    this.#connection.heard();
    this.#handlers.onTurn('answer');
    this.#answered = true;
    if (camera.fps > 0) this.#picture.cameraRate(camera.fps);
    const live = this.#parts.frame.dataset.state === 'live';
    this.#parts.caption.textContent = live ? say('live') : '';
    if (camera.state === 'stalled') this.#notice(say('cameraStalled'));
    else if (this.#broken) this.#notice('', say('pictureBroken'));
    else if (live) this.#notice('');
    this.#handlers.show({ kind: 'answer', answer, live: true });
  }

  async #failed(error, early, failures, signal) {
    if (error instanceof ServerGone) {
      this.#connection.missed();
      this.#lose('old');
      this.#handlers.show({ kind: 'idle', text: say('idleServer') });
      return;
    }
    this.#connection.heard();
    this.#handlers.onTurn('answer');
    const state = await kioskState().catch(() => null);
    if (signal.aborted || state === null) return;
    if (state.camera?.state === 'live') {
      // Not the camera but the answer failed; once may be the moment before it is known to be lost.
      if (failures > 0) {
        this.#handlers.show({ kind: 'failed', sentence: refusal(error.status), detail: error.message });
      }
      return;
    }
    const since = state.camera?.last_frame_at;
    if (early && !since) {
      this.#notice(say('cameraStarting'), '', error.message);
    } else {
      this.#lose('lost');
      const title = since ? say('cameraLost', { time: clock(new Date(since)) }) : say('cameraNever');
      this.#notice(title, say('cameraHint'), error.message);
    }
    this.#handlers.show({ kind: 'idle', text: say('idleCamera') });
  }

  #lose(state) {
    this.#parts.frame.dataset.state = state;
    this.#parts.caption.textContent = '';
    this.#notice('');
    this.#handlers.onReady(false);
  }

  #notice(title, text = '', detail = '') {
    const { notice } = this.#parts;
    for (const [name, value] of Object.entries({ title, text, detail })) {
      const element = notice.querySelector(`[data-part=${name}]`);
      element.hidden = value === '';
      if (element.textContent !== value) element.textContent = value;
    }
    notice.hidden = title === '' && text === '';
  }
}
