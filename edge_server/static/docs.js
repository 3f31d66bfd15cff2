// The trial on /docs: one picture to POST /predict, its answer, and the command that asks the same. It also opens
// what an address points at. The rest of the page needs no script.

const TIMEOUT_MS = 20_000;
const part = (name) => document.getElementById(`trial-${name}`);

let asked = 0;
let pictureAddress = '';

async function ask() {
  const file = part('file').files[0];
  if (!file) return;
  asked += 1;
  const mine = asked;
  const topK = part('top-k').validity.valid && part('top-k').value ? part('top-k').value : '3';
  // A page opened as http://edge:TOKEN@host/ would hand that on to the address, which fetch refuses.
  const address = new URL(`predict?top_k=${topK}`, location.origin + location.pathname);
  show(file, address);
  try {
    const response = await fetch(address, {
      method: 'POST',
      body: file,
      headers: { 'Content-Type': file.type.startsWith('image/') ? file.type : 'application/octet-stream' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = await response.json();
    if (mine === asked) tell(response, answer);
  } catch {
    if (mine === asked) fail('The server does not answer.', '');
  }
}

function show(file, address) {
  URL.revokeObjectURL(pictureAddress);
  pictureAddress = URL.createObjectURL(file);
  part('picture').src = pictureAddress;
  part('picture').alt = file.name;
  part('answer').textContent = 'Looking …';
  part('answer').classList.remove('failed');
  part('how').textContent = file.name;
  part('json').textContent = '';
  part('curl').textContent = `curl --data-binary @${quoted(file.name)} '${address.href}'`;
  part('result').hidden = false;
}

/** A file's name as a shell takes it. */
function quoted(name) {
  return /^[\w.-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

function tell(response, answer) {
  part('json').textContent = JSON.stringify(answer, null, 2);
  if (!response.ok) {
    fail(answer.error ?? `The server refused it (HTTP ${response.status}).`, `HTTP ${response.status}`);
    return;
  }
  part('answer').textContent = answer.prediction;
  const sureness = `${(answer.confidence * 100).toFixed(1)}\u00a0% sure`;
  part('how').textContent = `${sureness}, in ${answer.timing_ms.total}\u00a0ms, by ${answer.model.name}`;
}

function fail(sentence, detail) {
  part('answer').textContent = sentence;
  part('answer').classList.add('failed');
  part('how').textContent = detail;
}

/** Opens the folded part that the address points at. */
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

part('file').addEventListener('change', ask);
part('top-k').addEventListener('change', ask);
document.getElementById('trial').addEventListener('submit', (event) => event.preventDefault());
addEventListener('hashchange', unfold);
unfold();
