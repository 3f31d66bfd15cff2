// Every word of the kiosk page, a language an object; a translation is one more object with the same keys.
// Knows nothing of the page but the attributes data-text, data-text-label and data-text-alt.

const ENGLISH = {
  stage: 'Picture',
  tabs: 'Where the picture comes from',
  tabDraw: 'Draw',
  tabCamera: 'Camera',
  tabUpload: 'Picture',
  result: 'Answer',
  runnersUp: 'Other possibilities',
  plateModel: 'Model',
  plateAccuracy: 'Accuracy',

  padLabel: 'Drawing pad: draw one digit with finger, pen or mouse',
  padHint: 'Draw here',
  padTooSmall: 'That was very small. Please draw the digit larger.',
  clear: 'Clear',

  uploadHint: 'Drop a picture here, paste one, or',
  choose: 'Choose a picture',
  chooseAnother: 'Choose another picture',
  pastedPicture: 'Pasted picture',
  noPicture: 'There is no picture in that. Choose a picture file.',
  uploadAlt: (name) => `Your picture ${name}`,

  streamAlt: 'Live picture of the camera',
  cameraStarting: 'The camera is starting',
  cameraLost: 'No picture from the camera',
  cameraStalled: 'The camera picture stands still',
  streamBroken: 'The live picture can’t be shown at the moment. The answers go on.',
  cameraCaption: (description, fps) => (fps === null ? description : `${description} · ${fps} pictures a second`),

  idleDraw: 'Draw a digit',
  idleUpload: 'Show a picture',
  idleCamera: 'Waiting for the camera',
  idleServer: 'Waiting for the server',
  answerHere: 'The answer appears here.',
  looking: 'Looking …',
  sure: 'sure',
  notSure: 'Not sure',
  notSureDetail: (label) => `perhaps ${label}`,
  failed: 'That did not work',
  announce: (label, confidence) => `${label}, ${confidence} sure`,
  announceNotSure: (label, confidence) => `Not sure. Perhaps ${label}, ${confidence}`,

  serverGone: 'The server does not answer. This page goes on by itself as soon as it is back.',
  serverGoneShort: 'The server does not answer.',
  serverRefused: (status) => `The server refused this (HTTP ${status}).`,

  version: (version) => `version ${version}`,
  accuracy: (percent, samples, recipe) =>
    `${percent} on ${samples} held-out photos${recipe ? `, ${recipe} file` : ''}`,
};

const GERMAN = {
  stage: 'Bild',
  tabs: 'Woher das Bild kommt',
  tabDraw: 'Zeichnen',
  tabCamera: 'Kamera',
  tabUpload: 'Bild',
  result: 'Antwort',
  runnersUp: 'Andere Möglichkeiten',
  plateModel: 'Modell',
  plateAccuracy: 'Genauigkeit',

  padLabel: 'Zeichenfläche: eine Ziffer mit Finger, Stift oder Maus zeichnen',
  padHint: 'Hier zeichnen',
  padTooSmall: 'Das war sehr klein. Bitte die Ziffer größer zeichnen.',
  clear: 'Löschen',

  uploadHint: 'Bild hierher ziehen, einfügen oder',
  choose: 'Bild auswählen',
  chooseAnother: 'Anderes Bild auswählen',
  pastedPicture: 'Eingefügtes Bild',
  noPicture: 'Darin ist kein Bild. Bitte eine Bilddatei auswählen.',
  uploadAlt: (name) => `Ihr Bild ${name}`,

  streamAlt: 'Live-Bild der Kamera',
  cameraStarting: 'Die Kamera startet',
  cameraLost: 'Kein Bild von der Kamera',
  cameraStalled: 'Das Kamerabild steht still',
  streamBroken: 'Das Live-Bild lässt sich gerade nicht zeigen. Die Antworten gehen weiter.',
  cameraCaption: (description, fps) => (fps === null ? description : `${description} · ${fps} Bilder je Sekunde`),

  idleDraw: 'Eine Ziffer zeichnen',
  idleUpload: 'Ein Bild zeigen',
  idleCamera: 'Warten auf die Kamera',
  idleServer: 'Warten auf den Server',
  answerHere: 'Die Antwort erscheint hier.',
  looking: 'Moment …',
  sure: 'sicher',
  notSure: 'Unsicher',
  notSureDetail: (label) => `vielleicht ${label}`,
  failed: 'Das hat nicht geklappt',
  announce: (label, confidence) => `${label}, zu ${confidence} sicher`,
  announceNotSure: (label, confidence) => `Unsicher. Vielleicht ${label}, ${confidence}`,

  serverGone: 'Der Server antwortet nicht. Diese Seite macht von selbst weiter, sobald er wieder da ist.',
  serverGoneShort: 'Der Server antwortet nicht.',
  serverRefused: (status) => `Der Server hat das abgelehnt (HTTP ${status}).`,

  version: (version) => `Version ${version}`,
  accuracy: (percent, samples, recipe) =>
    `${percent} auf ${samples} zurückgehaltenen Fotos${recipe ? `, ${recipe}-Datei` : ''}`,
};

const LANGUAGES = { en: ENGLISH, de: GERMAN };

const languageOf = (tag) => tag.slice(0, 2).toLowerCase();

/** The first locale of the browser's list that there are texts for (de-AT, en-GB, ...); English otherwise. */
const locale = navigator.languages.find((tag) => languageOf(tag) in LANGUAGES) ?? 'en';
const language = languageOf(locale);

export const texts = LANGUAGES[language];

/** Writes the texts into the elements that ask for them. */
export function fillIn(root) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll('[data-text]')) element.textContent = texts[element.dataset.text];
  for (const element of root.querySelectorAll('[data-text-label]')) {
    element.setAttribute('aria-label', texts[element.dataset.textLabel]);
  }
  for (const element of root.querySelectorAll('[data-text-alt]')) element.alt = texts[element.dataset.textAlt];
}

/** A fraction as a percentage for people: never "100 %" below 1, never "0 %" above 0. */
export function percent(fraction, digits = 0) {
  const smallest = 10 ** -digits;
  const value = fraction * 100;
  const format = (number) =>
    number.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  if (value < 100 && value > 100 - smallest) return `> ${format(100 - smallest)}\u00a0%`;
  if (value > 0 && value < smallest) return `< ${format(smallest)}\u00a0%`;
  return `${format(value)}\u00a0%`;
}

/** A file size in the unit people expect: 84 kB, 3.2 MB. */
export function fileSize(bytes) {
  const [unit, divisor] = bytes < 1e6 ? ['kB', 1e3] : ['MB', 1e6];
  const value = bytes / divisor;
  return `${value.toLocaleString(locale, { maximumFractionDigits: value < 10 ? 1 : 0 })}\u00a0${unit}`;
}
