// One photo on the page: from the file to its answer, its heat map, and whatever can go wrong in between.
import {$, announce, clone, copyFrom, milliseconds, percent, showFacts, showPlaceholders, showTop} from './ui.js';
import {Refused, classify} from './api.js';
import {NoPhoto, openPhoto, smaller, toSend, tooLarge} from './photo.js';
import {drawHeat} from './heat.js';

let cardsSoFar = 0;

export class Card {
  // page: {limit, model, method, inTurn(task), explainInTurn(task), changed(card), removed(card)}, see page.js.
  constructor(file, page) {
    this.file = file;
    this.page = page;
    this.answer = null;    // the server's JSON
    this.finished = false;
    this.sentence = '';    // how it finished, to be read out
    this.photo = null;     // of openPhoto
    this.bytes = null;     // what is sent
    this.heatOf = null;    // the class that the heat map is of, or will be
    this.gone = new AbortController();
    this.asked = null;     // AbortController of the request for the answer
    this.reasons = null;   // likewise for the heat map
    this.element = clone('card-template');
    $('.name', this.element).textContent = file.name;
    $('.name', this.element).id = `photo-${++cardsSoFar}`;
    this.element.setAttribute('aria-labelledby', $('.name', this.element).id);
    $('.remove', this.element).setAttribute('aria-label', `Remove ${file.name}`);
    $('.remove', this.element).addEventListener('click', () => this.remove());
    $('.copy', this.element).addEventListener('click', (e) => copyFrom(e.target, JSON.stringify(this.answer, null, 1)));
    $('.again', this.element).addEventListener('click', () => this.ask());
    $('.shrink', this.element).addEventListener('click', () => this.shrink());
    $('.heat', this.element).addEventListener('change', (e) => (e.target.checked ? this.explain(this.best().class) : this.hideHeat()));
    $('.strength', this.element).addEventListener('input', () => this.setStrength());
    this.expect(page.model ? 'Reading' : 'Waiting for the server');
  }

  best() { return this.answer.images[0].top[0]; }

  // Opens the file, shows it, and leaves asking to itself. Every end of it stands on the card; nothing is thrown.
  async open() {
    const {signal} = this.gone;
    if (signal.aborted) return;
    this.say('Reading');
    await this.attempt(signal, async () => {
      this.photo = await openPhoto(this.file, this.page.limit);
      this.bytes = await toSend(this.photo, this.page.limit);
      this.showPicture();
    });
    if (signal.aborted) this.release();
    else if (this.bytes) this.ask();
  }

  showPicture() {
    const {image, why, format} = this.photo;
    if (!image) return this.showNoPicture(why);
    // Of what was converted, just what was sent: an animation would run on under the answer to its first frame.
    $('img', this.element).src = format.server ? image.src : URL.createObjectURL(this.bytes);
    $('img', this.element).alt = this.file.name;
    showFacts($('.facts', this.element), [this.size()]);
  }

  // The photo's own size where it is known: of a large one, a smaller copy may have been sent.
  size(sent = null) {
    const {image} = this.photo;
    const [width, height] = image ? [image.naturalWidth, image.naturalHeight] : [sent.width, sent.height];
    return `${width} \u00d7 ${height} pixels`;
  }

  showNoPicture(why) {
    $('.no-picture', this.element).textContent = why;
    $('.no-picture', this.element).hidden = false;
    $('img', this.element).hidden = true;
  }

  // A new question makes the one before void: of two models, the later one's answer shall stand.
  async ask() {
    this.expect('Waiting for its turn');
    this.asked?.abort();
    const {signal} = this.asked = new AbortController();
    const {limit, model} = this.page;
    if (limit && this.bytes.size > limit) {
      this.fail(tooLarge(this.photo, this.bytes, limit), {shrink: this.photo.image !== null});
      return;
    }
    await this.attempt(signal, () => this.page.inTurn(async () => {
      signal.throwIfAborted();
      this.say('Looking');
      const start = performance.now();
      const answer = await classify(this.bytes, {top: 5, model, name: this.file.name},
        {signal, onWait: (sentence) => { if (!signal.aborted) this.say(sentence); }});
      const image = answer.images[0];
      if (image.error) throw new Refused(200, 'bad_image', image.error);
      this.answer = answer;
      this.show(image, performance.now() - start);
    }));
  }

  // Nothing is said once `signal` is aborted: the card is gone, or about to say something newer.
  async attempt(signal, task) {
    try {
      await task();
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof NoPhoto) this.fail(error.message);
      else if (error instanceof Refused) this.fail(error.message, {again: error.status === 0 || error.status >= 500});
      else this.fail(`Something went wrong on this page: ${error.message}`, {again: true});
    }
  }

  show(image, total) {
    const {decode, preprocess, inference} = image.speed_ms;
    this.element.dataset.state = 'done';
    this.sayWhatStands();
    const canExplain = this.page.method !== null && this.photo.image !== null;
    showTop($('.top', this.element), image.top, canExplain ? (index) => this.pick(index) : null);
    showFacts($('.facts', this.element), [`network ${milliseconds(inference)}`, `decoding ${milliseconds(decode + preprocess)}`,
      `in all ${milliseconds(total)}`, this.size(image)]);
    const best = image.top[0];
    $('img', this.element).alt = `${this.file.name}: probably ${best.name}`;
    $('.copy', this.element).disabled = false;
    $('.heat', this.element).disabled = !canExplain;
    this.finish(`${this.file.name}: ${best.name}, ${percent(best.probability)}.`);
  }

  fail(sentence, {again = false, shrink = false} = {}) {
    this.element.dataset.state = 'failed';
    this.say(sentence);
    if (!$('img', this.element).src && !this.photo?.why) this.showNoPicture('No picture to show');
    $('.top', this.element).replaceChildren();
    $('.again', this.element).hidden = !again;
    $('.shrink', this.element).hidden = !shrink;
    this.finish(sentence);
  }

  // Back to the beginning: another model, another try.
  expect(sentence) {
    this.answer = null;
    this.finished = false;
    this.element.dataset.state = 'waiting';
    this.say(sentence);
    this.hideHeat();
    showPlaceholders($('.top', this.element));
    $('.copy', this.element).disabled = true;
    $('.heat', this.element).disabled = true;
    $('.again', this.element).hidden = true;
    $('.shrink', this.element).hidden = true;
    this.page.changed(this);
  }

  finish(sentence) {
    this.finished = true;
    this.sentence = sentence;
    this.page.changed(this);
  }

  say(sentence) { $('.state', this.element).textContent = sentence; }

  // The line over the list. Where it is empty, the style sheet writes `Most probable`.
  sayWhatStands() { this.say(this.photo.moves ? 'Most probable in its first frame' : ''); }

  async shrink() {
    this.expect('Making a smaller copy');
    await this.attempt(this.gone.signal, async () => {
      const copy = await smaller(this.photo, this.page.limit);
      if (!copy) throw new NoPhoto(`Even a small copy of ${this.file.name} is more than this server takes.`);
      this.bytes = copy;
      if (!this.gone.signal.aborted) this.ask();
    });
  }

  // A row of the answer: its heat map, and a second time none.
  pick(index) {
    const row = $(`.row[data-class="${index}"]`, this.element);
    if (row.getAttribute('aria-pressed') === 'true') this.hideHeat();
    else this.explain(index);
  }

  // Seconds with Grad-CAM, perhaps minutes with the others: so the time is shown, and switching off gives it up.
  async explain(index) {
    const {method, model} = this.page;
    this.markHeat(index);
    $('canvas', this.element).hidden = true;  // it is of another class or method
    const {signal} = this.reasons = new AbortController();
    const start = performance.now();
    const clock = setInterval(() => this.say(`Looking for the reasons, ${Math.round((performance.now() - start) / 1000)}\u202fs`), 1000);
    signal.addEventListener('abort', () => clearInterval(clock));
    this.say('Looking for the reasons');
    try {
      const answer = await this.page.explainInTurn(() => classify(this.bytes,
        {top: 1, model, name: this.file.name, explain: method, class: index}, {signal}));
      await drawHeat($('canvas', this.element), answer.images[0].explain, signal);
      this.setStrength();
      $('canvas', this.element).hidden = false;
      this.sayWhatStands();
      announce(`The heat map shows what speaks for ${answer.images[0].explain.name}.`);
    } catch (error) {
      if (signal.aborted) return;
      this.hideHeat();
      this.say(`No heat map: ${error.message}`);
      announce(`No heat map: ${error.message}`);
    } finally {
      clearInterval(clock);
    }
  }

  markHeat(index) {
    this.reasons?.abort();
    this.heatOf = index;
    $('.heat', this.element).checked = index !== null;
    $('.strength', this.element).disabled = index === null;
    for (const row of this.element.querySelectorAll('button.row'))
      row.setAttribute('aria-pressed', String(Number(row.dataset.class) === index));
  }

  hideHeat() {
    this.markHeat(null);
    $('canvas', this.element).hidden = true;
    if (this.finished && this.answer) this.sayWhatStands();
  }

  setStrength() { $('canvas', this.element).style.opacity = $('.strength', this.element).value / 100; }

  remove() {
    this.gone.abort();
    this.asked?.abort();
    this.reasons?.abort();
    this.release();
    this.element.remove();
    this.page.removed(this);
  }

  // Memory that the browser would keep for these addresses.
  release() {
    URL.revokeObjectURL($('img', this.element).src);
    if (this.photo?.image) URL.revokeObjectURL(this.photo.image.src);
  }
}
