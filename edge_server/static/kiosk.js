// Puts the page's parts together; each part is a module of its own and knows nothing of the others.

import { ServerRefused, kioskState } from './api.js';
import { Asking } from './asking.js';
import { CameraView } from './camera_view.js';
import { Connection } from './connection.js';
import { DrawingPad } from './drawing_pad.js';
import { History } from './history.js';
import { picture } from './ink.js';
import { writePlate } from './plate.js';
import { ResultView } from './result_view.js';
import { ReturnToLive } from './return_to_live.js';
import { Tabs } from './tabs.js';
import { clock, say } from './texts.js';
import { Upload } from './upload.js';
import { Watchdog } from './watchdog.js';

const byId = (id) => document.getElementById(id);
const { edition, model, minConfidence } = byId('kiosk').dataset;
const sureFrom = Number(minConfidence);

writePlate(byId('plate-model'), byId('plate-accuracy'));

const view = new ResultView(byId('result'), sureFrom);
const history = new History(byId('history-list'), byId('history-empty'), sureFrom);
const tabs = new Tabs(document.querySelector('[role=tablist]'), opened);

// Each tab keeps its own answer, so that coming back to a drawing finds its answer beside it.
const shown = new Map([
  ['draw', { kind: 'idle', text: say('idleDraw'), detail: say('answerHere') }],
  ['upload', { kind: 'idle', text: say('idleUpload'), detail: say('answerHere') }],
  ['camera', { kind: 'idle', text: say('idleCamera') }],
]);

function showIn(tab) {
  return (state) => {
    if (state.kind === 'answer') {
      if (state.answer.model.sha256 !== model) watchdog.outdated();
      if (state.live) history.follow(state.answer);
      else history.note(state.answer, state.picture);
    }
    shown.set(tab, state);
    if (tabs.current === tab) view.render(state);
  };
}

const connection = new Connection(
  // Any answer, also one that is no news, says that the server is there.
  () => kioskState().catch((error) => {
    if (error instanceof ServerRefused) return {};
    throw error;
  }),
  {
    onChange(up) {
      byId('server-gone').hidden = up;
      byId('server-gone').textContent = up ? '' : say('serverGone', { time: clock(new Date()) });
      if (up) for (const asking of [aboutDrawing, aboutUpload, aboutTaken]) asking.again();
    },
    onNews(news) {
      const another = news.model && news.model.sha256 !== model;
      if (another || (news.edition && news.edition !== edition)) watchdog.outdated();
    },
  },
);
const watchdog = new Watchdog(() => connection.up);
const aboutDrawing = new Asking(connection, showIn('draw'));
const aboutUpload = new Asking(connection, showIn('upload'));
const aboutTaken = new Asking(connection, showIn('camera'));

if (byId('pad')) startPad();
startUpload();
const camera = byId('live') ? startCamera() : null;
const taken = camera ? startTaking() : null;
tabs.start();

function opened(tab) {
  view.render(shown.get(tab));
  watchCamera();
}

function startPad() {
  const show = showIn('draw');
  const [clear, hint] = [byId('clear'), byId('pad-hint')];
  const pad = new DrawingPad(byId('pad'), {
    onPenDown() {
      aboutDrawing.cancel();
      hint.hidden = true;
      clear.disabled = false;
      view.fade();
    },
    async onDrawn(strokes) {
      aboutDrawing.ask(await picture(strokes));
    },
    onTooSmall() {
      show({ kind: 'idle', text: say('idleDraw'), detail: say('padTooSmall') });
    },
    onCleared() {
      aboutDrawing.cancel();
      hint.hidden = false;
      clear.disabled = true;
      show({ kind: 'idle', text: say('idleDraw'), detail: say('answerHere') });
    },
  });
  clear.addEventListener('click', () => pad.clear());
}

function startUpload() {
  const parts = {
    panel: byId('panel-upload'),
    choose: byId('choose'),
    input: byId('file'),
    phone: byId('phone-camera'),
    phoneInput: byId('phone-file'),
    preview: byId('upload-preview'),
    name: byId('upload-name'),
    invitation: byId('upload-invitation'),
  };
  new Upload(
    parts,
    (file) => {
      tabs.select('upload');
      view.fade();
      aboutUpload.ask(file);
    },
    () => {
      tabs.select('upload');
      showIn('upload')({ kind: 'failed', sentence: say('noPicture') });
    },
  );
}

function startCamera() {
  document.addEventListener('visibilitychange', watchCamera);
  const parts = {
    frame: byId('panel-camera'),
    canvas: byId('live'),
    notice: byId('camera-notice'),
    caption: byId('camera-caption'),
  };
  return new CameraView(parts, connection, {
    show: showIn('camera'),
    onTurn: (part) => watchdog.moved(part),
    onReady: (ready) => { byId('take').disabled = !ready; },
  });
}

function startTaking() {
  byId('take').addEventListener('click', () => {
    const blob = camera.take();
    if (blob === null) return;
    rests();
    view.fade();
    taken.begin();
    aboutTaken.ask(blob);
  });
  return new ReturnToLive({ take: byId('take'), back: byId('back'), live: byId('live') }, () => {
    aboutTaken.cancel();
    watchCamera();
  });
}

function watchCamera() {
  if (camera === null || taken?.waiting) return;
  if (tabs.current === 'camera' && !document.hidden) {
    camera.open();
    watchdog.moved('picture');
    watchdog.moved('answer');
  } else {
    camera.close();
    rests();
  }
}

function rests() {
  watchdog.rests('picture');
  watchdog.rests('answer');
}
