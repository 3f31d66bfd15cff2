// Puts the page's parts together; each part is a module of its own and knows nothing of the others.

import { alive } from './api.js';
import { Asking } from './asking.js';
import { CameraView } from './camera_view.js';
import { Connection } from './connection.js';
import { DrawingPad } from './drawing_pad.js';
import { picture } from './ink.js';
import { modelWatch, writePlate } from './plate.js';
import { ResultView } from './result_view.js';
import { Tabs } from './tabs.js';
import { fillIn, texts } from './texts.js';
import { Upload } from './upload.js';

const byId = (id) => document.getElementById(id);

fillIn(document);
writePlate(byId('plate-model'), byId('plate-accuracy'));
const watchModel = modelWatch();

const view = new ResultView(byId('result'));
const tabs = new Tabs(document.querySelector('[role=tablist]'), opened);

// Each tab keeps its own answer, so that coming back to a drawing finds its answer beside it.
const shown = new Map([
  ['draw', { kind: 'idle', text: texts.idleDraw, detail: texts.answerHere }],
  ['upload', { kind: 'idle', text: texts.idleUpload, detail: texts.answerHere }],
  ['camera', { kind: 'idle', text: texts.idleCamera }],
]);

function showIn(tab) {
  return (state) => {
    if (state.kind === 'answer') watchModel(state.answer);
    shown.set(tab, state);
    if (tabs.current === tab) view.render(state);
  };
}

const connection = new Connection(alive, (up) => {
  byId('server-gone').hidden = up;
  byId('server-gone').textContent = up ? '' : texts.serverGone;
  document.documentElement.classList.toggle('offline', !up);
  if (up) for (const asking of [aboutDrawing, aboutUpload]) asking.again();
});
const aboutDrawing = new Asking(connection, showIn('draw'));
const aboutUpload = new Asking(connection, showIn('upload'));

if (byId('pad')) startPad();
startUpload();
const camera = byId('stream') ? startCamera() : null;
// A stream that begins before the page has loaded would keep it loading for ever.
if (document.readyState === 'complete') tabs.start();
else window.addEventListener('load', () => tabs.start(), { once: true });

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
      show({ kind: 'idle', text: texts.idleDraw, detail: texts.padTooSmall });
    },
    onCleared() {
      aboutDrawing.cancel();
      hint.hidden = false;
      clear.disabled = true;
      show({ kind: 'idle', text: texts.idleDraw, detail: texts.answerHere });
    },
  });
  clear.addEventListener('click', () => pad.clear());
}

function startUpload() {
  const parts = {
    panel: byId('panel-upload'),
    choose: byId('choose'),
    input: byId('file'),
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
      showIn('upload')({ kind: 'failed', sentence: texts.noPicture });
    },
  );
}

function startCamera() {
  document.addEventListener('visibilitychange', watchCamera);
  const parts = { stream: byId('stream'), notice: byId('camera-notice'), caption: byId('camera-caption') };
  return new CameraView(parts, connection, showIn('camera'));
}

function watchCamera() {
  if (tabs.current === 'camera' && !document.hidden) camera?.open();
  else camera?.close();
}
