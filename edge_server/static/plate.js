// The model's plate: what is served, and how good exactly this file was on pictures it had never seen.
// Knows only the data- attributes of its own elements.

import { fileSize, percent, say } from './texts.js';

/** model, accuracy: the elements to write into; accuracy is null where it is not known. */
export function writePlate(model, accuracy) {
  const { name, version, sizeBytes } = model.dataset;
  const recipe = model.dataset.recipe === 'unknown' ? '' : model.dataset.recipe;
  // A long name may break where its words end.
  const parts = [name.replaceAll('_', '_\u200b'), say('version', { version }), recipe, fileSize(Number(sizeBytes))];
  model.textContent = parts.filter((part) => part !== '').join(' · ');
  if (accuracy === null) return;
  const { top1, samples } = accuracy.dataset;
  const values = { percent: percent(Number(top1), 1), samples, recipe };
  accuracy.textContent = say(recipe ? 'accuracyRecipe' : 'accuracy', values);
}
