// The page: photos come in by choosing, dropping, pasting or the camera, and become cards. Start reading here; card.js is
// the life of one photo, api.js the patience with the server, photo.js the formats.
import {$, announce, banner, copyFrom, grouped} from './ui.js';
import {loadModels} from './api.js';
import {methodName, showModel} from './model.js';
import {Camera, whyNoCamera} from './camera.js';
import {Card} from './card.js';
import {photosIn} from './folder.js';

const kAtOnce = 4;  // photos on their way: enough for the server to batch, few enough to leave others a place

let cards = [];
let batch = [];     // the cards that the progress counts: those since it was last done, also when they are asked again

// What cards and camera need to know of the page.
const page = {
  limit: 0,         // bytes of a photo; 0: not known yet
  models: [],
  version: '',
  model: null,      // its name
  method: null,     // how heat maps are made; null: not at all
  inTurn: turns(kAtOnce),
  explainInTurn: turns(1),  // apart, so that reasons keep no photo waiting
  changed: count,
  removed: forget,
  add,
};

// A queue: inTurn(task) runs it when fewer than `count` others are running.
function turns(count) {
  let running = 0;
  const waiting = [];
  const next = () => {
    if (running >= count || waiting.length === 0) return;
    ++running;
    waiting.shift()();
  };
  return (task) => new Promise((resolve, reject) => {
    waiting.push(() => task().then(resolve, reject).finally(() => { --running; next(); }));
    next();
  });
}

// stay: where the page is scrolled to; else the first of the new photos comes into sight.
function add(files, {stay = false} = {}) {
  if (files.length === 0) return;
  const added = files.map((file) => new Card(file, page));
  cards = [...added, ...cards];
  $('#cards').prepend(...added.map((card) => card.element));
  layOut();
  showProgress();
  if (!stay) added[0].element.scrollIntoView({block: 'nearest'});
  // Opened one after the other, since each may take much memory; their requests run beside that.
  added.reduce((before, card) => before.then(() => card.open()), ready);
}

function forget(card) {
  const place = cards.indexOf(card);
  cards = cards.filter((other) => other !== card);
  batch = batch.filter((other) => other !== card);
  const neighbour = cards[Math.min(place, cards.length - 1)];
  (neighbour ? $('.remove', neighbour.element) : $('#start').hidden ? $('#stop-camera') : $('#choose')).focus();
  layOut();
  showProgress();
}

function clear() {
  for (const card of [...cards]) card.remove();
  announce('All photos are gone from this page.');
}

function layOut() {
  $('#answers').hidden = cards.length === 0;
  document.body.classList.toggle('answered', cards.length > 0);
  $('#cards').classList.toggle('single', cards.length === 1);
  $('#copy-all').hidden = cards.length === 1;
}

function count(card) {
  if (!card.finished && !batch.includes(card)) batch.push(card);
  showProgress();
}

const hasFailed = (card) => card.element.dataset.state === 'failed';

function showProgress() {
  const done = batch.filter((card) => card.finished).length;
  const all = done === batch.length;
  const failed = cards.filter(hasFailed).length;
  $('#progress').max = Math.max(1, batch.length);
  $('#progress').value = done;
  $('#progress-text').textContent = all
    ? `${grouped(cards.length)} ${cards.length === 1 ? 'photo' : 'photos'}${failed ? `, ${grouped(failed)} failed` : ''}`
    : `${grouped(done)} of ${grouped(batch.length)}`;
  $('#answers').dataset.busy = String(!all);
  $('#copy-all').disabled = !cards.some((card) => card.answer);
  if (!all || batch.length === 0) return;
  announce(summary(batch));
  batch = [];
}

// What is read out: of one photo its answer, of many how many there are, and why some have none.
function summary(done) {
  if (done.length === 1) return done[0].sentence;
  const failed = done.filter(hasFailed);
  const sentence = `All ${grouped(done.length)} photos are done${failed.length ? `, ${grouped(failed.length)} failed` : ''}.`;
  return [sentence, ...failed.slice(0, 3).map((card) => card.sentence)].join(' ');
}

// One document, as `fovea classify --json` writes for several photos.
function allAsJson() {
  const answers = cards.filter((card) => card.answer).map((card) => card.answer);
  return JSON.stringify({...answers[0], images: answers.flatMap((answer) => answer.images)}, null, 1);
}

function useModel(name) {
  const model = page.models.find((m) => m.name === name);
  page.model = model.name;
  showModel(model, page.version);
  page.method = model.explain?.[0] ?? null;
  $('#method').replaceChildren(...(model.explain ?? []).map((method) => new Option(methodName(method), method)));
  $('#method-label').hidden = (model.explain ?? []).length < 2;
}

function changeModel(name) {
  useModel(name);
  const again = cards.filter((card) => card.bytes);
  for (const card of again) card.expect('Waiting for its turn');  // all, before the first may be done
  for (const card of again) card.ask();
}

async function fetchModels() {
  const {models, max_upload: limit, version} = await loadModels();
  Object.assign(page, {models, limit, version});
  const first = models.find((m) => m.default) ?? models[0];
  $('#model').replaceChildren(...models.map((m) => new Option(m.name, m.name, false, m === first)));
  $('#model-choice').hidden = models.length < 2;
  useModel(first.name);
}

// --- the ways in ----------------------------------------------------------------------------------------------------

const hasFiles = (event) => event.dataTransfer?.types.includes('Files');

// What was dropped or pasted: every file of it, and of folders the photos.
async function take(data) {
  // Entries and files are gone once the event is over, so they come first.
  const items = [...data.items].filter((item) => item.kind === 'file')
    .map((item) => ({file: item.getAsFile(), entry: item.webkitGetAsEntry?.()}));
  add(items.filter(({entry}) => !entry?.isDirectory).map(({file}) => file));
  const folders = items.map(({entry}) => entry).filter((entry) => entry?.isDirectory);
  if (folders.length === 0) return;
  const found = await photosIn(folders);
  add(found.photos);
  if (found.remarks.length > 0) banner(found.remarks.join(' '), {seconds: 8});
}

function listenForDrops() {
  // dragleave also comes for each element on the way; only the last one, out of the window, has no related target.
  const hint = (on) => { $('#drop-hint').hidden = !on; };
  // Else the browser would open what is dropped instead; text may go into a field.
  const keepPage = (e) => { if (hasFiles(e) || !e.target.closest?.('input')) e.preventDefault(); };
  addEventListener('dragenter', (e) => hint(hasFiles(e)));
  addEventListener('dragleave', (e) => { if (!e.relatedTarget) hint(false); });
  addEventListener('dragover', keepPage);
  addEventListener('drop', (e) => {
    keepPage(e);
    hint(false);
    if (e.dataTransfer.files.length > 0) take(e.dataTransfer);
    else if (e.defaultPrevented) banner('That was no file. Of a picture on another page, please save it first.', {seconds: 6});
  });
}

function listenForPaste() {
  addEventListener('paste', (e) => {
    if (e.clipboardData?.files.length) {
      e.preventDefault();
      take(e.clipboardData);
    } else if (!e.target.closest?.('input')) {
      banner('There is no photo in the clipboard.', {seconds: 4});
    }
  });
}

function listenForChoice() {
  $('#choose').addEventListener('click', () => $('#files').click());
  $('#files').addEventListener('change', () => {
    add([...$('#files').files]);
    $('#files').value = '';  // the same file again shall be a change again
  });
}

function offerCamera() {
  const why = whyNoCamera();
  if (why) {
    // Not `disabled`: the button stays in the tab order, and its reason is read with it.
    $('#camera').setAttribute('aria-disabled', 'true');
    $('#camera-note').textContent = why;
    $('#camera-note').dataset.reason = '';
    return;
  }
  const camera = new Camera(page);
  $('#camera').addEventListener('click', () => camera.start());
}

if (/Mac|iPhone|iPad/.test(navigator.platform)) $('#camera-note kbd').textContent = '\u2318';
$('#host').textContent = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(location.hostname)
  ? `the program on this computer (${location.host})` : location.host;
$('#model-button').addEventListener('click', () => $('#model-dialog').showModal());
$('#model').addEventListener('change', () => changeModel($('#model').value));
$('#method').addEventListener('change', () => {
  page.method = $('#method').value;
  for (const card of cards) if (card.heatOf !== null && card.answer) card.explain(card.heatOf);
});
$('#copy-all').addEventListener('click', () => copyFrom($('#copy-all'), allAsJson()));
$('#clear').addEventListener('click', clear);
listenForChoice();
listenForDrops();
listenForPaste();
offerCamera();
// Photos that come earlier wait for this: the limit is said before anything is sent.
const ready = fetchModels().catch((error) => banner(`The server did not say which models it has: ${error.message}`));
