// The model's plate: what is served, and how good exactly this file was on pictures it had never seen.
// Knows only the data- attributes of its own elements.

import { fileSize, percent, texts } from './texts.js';

/** model, accuracy: the elements to write into; accuracy is null where it is not known. */
export function writePlate(model, accuracy) {
  const { name, version, sizeBytes } = model.dataset;
  const recipe = model.dataset.recipe === 'unknown' ? '' : model.dataset.recipe;
  const parts = [name, texts.version(version), recipe, fileSize(Number(sizeBytes))];
  model.textContent = parts.filter((part) => part !== '').join(' · ');
  if (accuracy === null) return;
  const { top1, samples } = accuracy.dataset;
  accuracy.textContent = texts.accuracy(percent(Number(top1), 1), Number(samples), recipe);
}

/** A function of each answer that loads the page anew when another model has begun to answer. */
export function modelWatch() {
  let sha256;
  return (answer) => {
    sha256 ??= answer.model.sha256;
    if (answer.model.sha256 !== sha256) window.location.reload();
  };
}
