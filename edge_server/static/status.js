// Puts the status page together: asks every few seconds, says what needs attention, and shows the rest.

import { deviceStatus } from './api.js';
import { concerns } from './status_concerns.js';
import { Rates } from './status_rates.js';
import { figures, parts } from './status_view.js';
import { clock, exactly, say } from './texts.js';

const BETWEEN_MS = 3_000;
const BACK_TO_KIOSK_MS = 120_000;

const byId = (id) => document.getElementById(id);
const rates = new Rates();
let goneSince = null;

async function update() {
  if (!document.hidden) {
    const status = await deviceStatus().catch(() => null);
    if (status === null) tellGone();
    else show(status);
  }
  setTimeout(update, BETWEEN_MS);
}

function tellGone() {
  goneSince ??= new Date();
  verdict('gone', say('statusGone', { time: clock(goneSince) }), []);
  document.documentElement.classList.add('offline');
}

function show(status) {
  goneSince = null;
  document.documentElement.classList.remove('offline');
  const found = concerns(status);
  verdict(found.length > 0 ? 'concern' : 'well', say(found.length > 0 ? 'statusConcerns' : 'statusWell'), found);
  const time = exactly(new Date(status.time));
  byId('updated').textContent = say('statusUpdated', { time });
  byId('figures').replaceChildren(...figures(status, rates.next(status)));
  for (const [name, content] of Object.entries(parts(status))) byId(name)?.replaceChildren(...content);
}

/** Spoken when it changes, so written only then. */
function verdict(state, title, found) {
  const [element, list] = [byId('verdict'), byId('concerns')];
  element.dataset.state = state;
  if (element.textContent !== title) element.textContent = title;
  if ([...list.children].map((item) => item.textContent).join('\n') === found.join('\n')) return;
  list.replaceChildren(...found.map((sentence) => {
    const item = document.createElement('li');
    item.textContent = sentence;
    return item;
  }));
}

/** A screen on the wall that somebody has left here goes back by itself. */
function goBackFromTheWall() {
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => location.assign(new URL('.', location.origin + location.pathname)), BACK_TO_KIOSK_MS);
  };
  for (const event of ['pointerdown', 'keydown', 'wheel']) document.addEventListener(event, again, { passive: true });
  again();
}

if (location.hash === '#from-kiosk') goBackFromTheWall();
update();
