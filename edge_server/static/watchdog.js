// Loads the page anew when a part of it stands still, when its code failed, or when the server has another edition of
// it. Never in a loop: each time it waits longer, and it never leaves for a server that does not answer.

const TICK_MS = 1_000;
const FROZEN_MS = 30_000;
const SUSPENDED_MS = 10_000; // so long between two ticks, the whole browser slept
const QUIET_MS = 20_000; // nobody touches the page: it may be taken away
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 600_000;
const FORGIVEN_MS = 1_800_000; // a page that has lived so long begins with the first wait again
const RECORD = 'watchdog';

export class Watchdog {
  #isUp;
  #turns = new Map();
  #lastTick = performance.now();
  #lastTouch = -Infinity;
  #reason = null;
  #leaving = false;

  /** isUp(): whether the server answers: while it does not, nothing moves, and that is no fault of the page. */
  constructor(isUp) {
    this.#isUp = isUp;
    for (const event of ['pointerdown', 'keydown', 'drop', 'paste']) {
      document.addEventListener(event, () => { this.#lastTouch = performance.now(); }, { capture: true, passive: true });
    }
    window.addEventListener('error', (event) => { if (event.error) this.#ask('error'); });
    window.addEventListener('unhandledrejection', () => this.#ask('error'));
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** A part that should move from now on has moved. */
  moved(part) {
    this.#turns.set(part, performance.now());
  }

  /** A part need not move any more. */
  rests(part) {
    this.#turns.delete(part);
  }

  /** The server has another page than this one. */
  outdated() {
    this.#ask('outdated');
  }

  #ask(reason) {
    this.#reason ??= reason;
  }

  #tick() {
    const now = performance.now();
    const slept = now - this.#lastTick > SUSPENDED_MS || document.hidden || !this.#isUp();
    this.#lastTick = now;
    for (const [part, at] of this.#turns) {
      if (slept) this.#turns.set(part, now);
      else if (now - at > FROZEN_MS) this.#ask('frozen');
    }
    if (this.#reason !== null && !this.#leaving) this.#leaveInTime(now);
  }

  async #leaveInTime(now) {
    if (this.#reason === 'outdated' && now - this.#lastTouch < QUIET_MS) return;
    const { times, at } = record();
    const wait = Math.min(FIRST_WAIT_MS * 2 ** times, LONGEST_WAIT_MS);
    if (times > 0 && Date.now() - at < wait) return;
    this.#leaving = true;
    const there = await fetch(location.pathname, { method: 'HEAD', cache: 'no-store', headers: { Accept: 'text/html' } })
      .then((answer) => answer.ok || answer.status === 503, () => false);
    this.#leaving = false;
    if (!there) return;
    const forgiven = Date.now() - at > FORGIVEN_MS;
    sessionStorage.setItem(RECORD, JSON.stringify({ times: forgiven ? 1 : times + 1, at: Date.now(), reason: this.#reason }));
    location.reload();
  }
}

/** How often this page was loaded anew, and when last: {times, at}. */
function record() {
  try {
    return { times: 0, at: 0, ...JSON.parse(sessionStorage.getItem(RECORD)) };
  } catch {
    return { times: 0, at: 0 };
  }
}
