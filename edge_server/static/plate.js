// The model's plate: what is served, and how good exactly this file was on pictures it had never seen.
// Knows only the data- attributes of its own elements.

import { fileSize, percent, texts } from './texts.js';

export function writePlate(model, accuracy) {
  const { name, version, recipe, sizeBytes } = model.dataset;
  model.textContent = [name, texts.version(version), recipe, fileSize(Number(sizeBytes))].filter(Boolean).join(' · ');
  if (accuracy === null) return;
  const { top1, samples } = accuracy.dataset;
  accuracy.textContent = texts.accuracy(percent(Number(top1), 1), Number(samples), recipe);
}
