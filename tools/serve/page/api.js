// Requests to the server, and patience with it: a key that it wants, a queue that is full, a server that is gone.
import {$, banner} from './ui.js';

let key = null;       // the API key, in memory alone
let asking = null;    // the one dialog for it, however many requests want it
let recovery = null;  // the one wait for a server that is gone, likewise

// What the server said no to. code is its error.code, e.g. "bad_image".
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const wait = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, 1000 * seconds);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, {once: true});
});

// The JSON of an answer. options: body (a Blob; makes it a POST), signal, onWait(sentence) when the server has no place.
export async function request(path, {body = null, signal = null, onWait = () => {}} = {}) {
  for (let broken = 0;;) {
    const sent = key;
    let response;
    try {
      response = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers: sent === null ? {} : {Authorization: `Bearer ${sent}`},
        body, signal, cache: 'no-store', credentials: 'omit',
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      // A server that is there, and still breaks off each time, would be asked for ever.
      if (++broken > 3) throw new Refused(0, 'broken', `The connection broke off${body ? ' while the photo was being sent' : ''}.`);
      await serverBack(onWait);
      continue;
    }
    broken = 0;
    if (response.status === 401) {
      if (sent === key) await (asking ??= askForKey(sent !== null).finally(() => { asking = null; }));
    } else if (response.status === 503) {
      const {error} = await response.json().catch(() => ({}));
      if (error?.code === 'loading') {
        await serverBack(onWait);
        continue;
      }
      const seconds = Math.min(30, Number(response.headers.get('Retry-After')) || 1);
      onWait(`The server is busy; next try in ${seconds}\u202fs`);
      await wait(seconds, signal);
    } else {
      return readAnswer(response);
    }
  }
}

async function readAnswer(response) {
  let document = null;
  try {
    document = await response.json();
  } catch {
    document = null;  // something in between answered, not fovea
  }
  if (response.ok && document) return document;
  throw new Refused(response.status, document?.error?.code ?? 'unknown',
    document?.error?.message ?? `The server answered ${response.status} ${response.statusText}.`);
}

// Without a key nothing works: Escape only asks again. What no header can hold is wrong without asking the server.
async function askForKey(wrong) {
  const dialog = $('#key-dialog');
  for (;;) {
    if (wrong) $('#key-text').textContent = 'That was not the right key. Please try again.';
    $('#key').value = '';
    dialog.returnValue = '';
    dialog.showModal();
    await new Promise((resolve) => { dialog.onclose = resolve; });
    const typed = $('#key').value.trim();
    $('#key').value = '';
    if (dialog.returnValue !== 'ok') continue;
    if (/^[\x21-\x7e]+$/.test(typed)) {
      key = typed;
      return;
    }
    wrong = true;
  }
}

function serverBack(onWait) {
  onWait('Waiting for the server');
  return recovery ??= untilBack().finally(() => { recovery = null; });
}

const kLoading = 'The server is still loading its model.';

// Returns when the server answers again and has its model loaded; until then it says so.
async function untilBack() {
  for (let seconds = 0.5, shown = '';; seconds = Math.min(4, 2 * seconds)) {
    let status = 0;
    try {
      status = (await fetch('/readyz', {cache: 'no-store', credentials: 'omit'})).status;
    } catch {
      status = 0;
    }
    if (status !== 0 && status !== 503) {
      if (shown) banner(shown === kLoading ? 'The server is ready.' : 'The server is back.', {seconds: 2});
      return;
    }
    shown = status === 503 ? kLoading : 'The server does not answer. Trying again until it does.';
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 1000 * seconds);
      banner(shown, {button: {label: 'Try now', run: () => { clearTimeout(timer); resolve(); }}});
    });
  }
}

// One photo's answer. query: {top, model, name, explain, class}; what is null is left out.
export async function classify(photo, query, options) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  return request(`/api/classify?${new URLSearchParams(given)}`, {...options, body: photo});
}

export async function loadModels() {
  const models = await request('/api/models', {onWait: (sentence) => banner(`${sentence}.`, {seconds: 4})});
  return {...models, models: models.models ?? []};
}
