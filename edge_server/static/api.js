// The server's answers as promises, its failures as two errors with a sentence for people.
// Knows no element of the page.

import { texts } from './texts.js';

const CLASSIFY_TIMEOUT_MS = 20_000;
const QUICK_TIMEOUT_MS = 5_000;

/** Nothing came back: server stopped, network gone, or no answer in time. */
export class ServerGone extends Error {}

/** The server answered, and said no; the message is its own sentence. */
export class ServerRefused extends Error {
  constructor(message, status, body = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** Classifies one encoded image, sent as it is: resizing here would not be the model's preprocessing. */
export async function classify(blob, signal) {
  // Whatever is not named an image goes as plain bytes: the server looks into it and says what it is not.
  const type = blob.type.startsWith('image/') ? blob.type : 'application/octet-stream';
  const options = { method: 'POST', body: blob, headers: { 'Content-Type': type } };
  return request('predict', options, signal, CLASSIFY_TIMEOUT_MS);
}

/** The newest frame's classification; ServerRefused (503) while there is no frame. */
export async function cameraPrediction(signal) {
  return request('camera/prediction', {}, signal, QUICK_TIMEOUT_MS);
}

/** Resolves when the server is alive. */
export async function alive() {
  return request('healthz', {}, undefined, QUICK_TIMEOUT_MS);
}

/** A fresh address for each stream: browsers share one connection among pictures of the same address. */
let streams = 0;
export function streamAddress() {
  streams += 1;
  return `camera/stream.mjpg?viewer=${Date.now()}-${streams}`;
}

async function request(path, options, signal, timeout) {
  const limit = new AbortController();
  const abort = () => limit.abort(signal.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => limit.abort(), timeout);
  try {
    // A page opened as http://edge:TOKEN@host/ would hand that on to the address, which fetch refuses.
    const address = new URL(path, location.origin + location.pathname);
    const response = await fetch(address, { cache: 'no-store', ...options, signal: limit.signal });
    const body = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return {};
      throw error;
    });
    if (!response.ok) {
      throw new ServerRefused(body.error ?? texts.serverRefused(response.status), response.status, body);
    }
    return body;
  } catch (error) {
    if (signal?.aborted || error instanceof ServerRefused) throw error;
    throw new ServerGone(texts.serverGoneShort, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
