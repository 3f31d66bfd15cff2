// The largest type in which a text fits its parent: a digit fills it, a long label wraps and shrinks.
// Knows nothing of what the text means.

const STEPS = 9;
const SMALLEST = 1.1; // rem

/** Sets --size on the element; the style sheet uses it as the font size, and its --largest (rem) as the limit. */
export function fit(element) {
  const box = element.parentElement;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const largest = parseFloat(getComputedStyle(element).getPropertyValue('--largest')) || Infinity;
  let [low, high] = [SMALLEST * rem, Math.min(largest * rem, box.clientHeight * 1.5)];
  if (element.textContent === '' || high <= low) return;
  const fits = (size) => {
    element.style.setProperty('--size', `${size}px`);
    return element.scrollHeight <= box.clientHeight && element.scrollWidth <= box.clientWidth;
  };
  for (let i = 0; i < STEPS; i += 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  fits(low);
  element.classList.toggle('break-words', !fits(low));
}
