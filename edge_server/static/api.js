// The server's answers as promises, its failures as two errors. Knows no element of the page.

const CLASSIFY_TIMEOUT_MS = 20_000;
const QUICK_TIMEOUT_MS = 5_000;

/** Nothing came back: server stopped, network gone, or no answer in time. */
export class ServerGone extends Error {}

/** The server answered, and said no; the message is its own sentence, in English, or empty. */
export class ServerRefused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** Classifies one encoded image, sent as it is: resizing here would not be the model's preprocessing. */
export async function classify(blob, signal) {
  // Whatever is not named an image goes as plain bytes: the server looks into it and says what it is not.
  const type = blob.type.startsWith('image/') ? blob.type : 'application/octet-stream';
  const options = { method: 'POST', body: blob, headers: { 'Content-Type': type } };
  return request('predict', json, options, signal, CLASSIFY_TIMEOUT_MS);
}

/** The newest frame's classification; ServerRefused (503) while there is no frame. */
export async function cameraPrediction(signal) {
  return request('camera/prediction', json, {}, signal, QUICK_TIMEOUT_MS);
}

/** The newest frame: {blob, number}; ServerRefused (503) while there is none. */
export async function cameraPicture(signal) {
  const read = async (response) => ({
    // Not response.blob(): what a blob takes in the browser's process does not count when the page's garbage is due, and
    // many would wait for it; an array's bytes do.
    blob: new Blob([await response.arrayBuffer()], { type: 'image/jpeg' }),
    number: Number(response.headers.get('X-Frame-Number')),
  });
  return request('camera/snapshot.jpg', read, {}, signal, QUICK_TIMEOUT_MS);
}

/** What the page follows: {edition, model, camera}. */
export async function kioskState() {
  return request('kiosk.json', json, {}, undefined, QUICK_TIMEOUT_MS);
}

/** The device, for its owner. */
export async function deviceStatus() {
  return request('status.json', json, {}, undefined, QUICK_TIMEOUT_MS);
}

async function json(response) {
  return response.json();
}

async function request(path, read, options, signal, timeout) {
  const limit = new AbortController();
  const abort = () => limit.abort(signal.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => limit.abort(), timeout);
  try {
    // A page opened as http://edge:TOKEN@host/ would hand that on to the address, which fetch refuses.
    const address = new URL(path, location.origin + location.pathname);
    const response = await fetch(address, { cache: 'no-store', ...options, signal: limit.signal });
    if (response.ok) return await read(response);
    const body = await response.json().catch((error) => {
      if (error instanceof SyntaxError) return {};
      throw error;
    });
    throw new ServerRefused(body.error ?? '', response.status);
  } catch (error) {
    if (signal?.aborted || error instanceof ServerRefused) throw error;
    throw new ServerGone('', { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
