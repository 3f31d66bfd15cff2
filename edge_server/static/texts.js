// The page's words, in the language that the server chose for it: static/texts/LANGUAGE.json, a file a language.
// Knows nothing of the page but its language.

const language = document.documentElement.lang;
const RETRY_MS = 1_500;
const texts = await read(new URL(`texts/${language}.json`, location.origin + location.pathname));

/** However long it takes: a kiosk has nobody to load the page again. */
async function read(address) {
  for (;;) {
    const answer = await fetch(address).catch(() => null);
    const found = answer?.ok ? await answer.json().catch(() => null) : null;
    if (found !== null) return found;
    await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
  }
}

/** The browser's own kind of that language (de-AT, en-GB), for numbers and times. */
export const locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language.toLowerCase())) ?? language;

/** The text of a key, its {names} replaced. */
export function say(key, values = {}) {
  if (!(key in texts)) throw new Error(`There is no text '${key}'.`);
  return texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether there is a text of this key. */
export function has(key) {
  return key in texts;
}

/** What to tell people of an answer that the server refused. */
export function refusal(status) {
  return has(`error${status}`) ? say(`error${status}`) : say('errorOther', { status });
}

/** A fraction as a percentage for people: never "100 %" below 1, never "0 %" above 0. */
export function percent(fraction, digits = 0) {
  const smallest = 10 ** -digits;
  const value = fraction * 100;
  const format = (number) => decimal(number, digits, digits);
  if (value < 100 && value > 100 - smallest) return `> ${format(100 - smallest)}\u00a0%`;
  if (value > 0 && value < smallest) return `< ${format(smallest)}\u00a0%`;
  return `${format(value)}\u00a0%`;
}

/** A number with at most so many decimals, and at least `least`. */
export function decimal(number, most, least = 0) {
  return number.toLocaleString(locale, { minimumFractionDigits: least, maximumFractionDigits: most });
}

/** A size in the unit people expect: 84 kB, 3.2 MB. */
export function fileSize(bytes) {
  const [unit, divisor] = [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]].find(([, size]) => bytes >= size) ?? ['kB', 1e3];
  const value = bytes / divisor;
  return `${decimal(value, value < 10 ? 1 : 0)}\u00a0${unit}`;
}

/** The time of the day, with the day before it where that is not today. */
export function clock(date) {
  const time = { hour: '2-digit', minute: '2-digit' };
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday
    ? date.toLocaleTimeString(locale, time)
    : date.toLocaleString(locale, { day: 'numeric', month: 'short', ...time });
}

/** The time of the day, to the second. */
export function exactly(date) {
  return date.toLocaleTimeString(locale);
}
