// One photo on the page: from the file to its answer, its heat map, and whatever can go wrong in between.
import {$, announce, clone, copyFrom, milliseconds, percent, showFacts, showPlaceholders, showTop} from './ui.js';
import {Refused, classify} from './api.js';
import {NoPhoto, openPhoto, smaller, toSend, tooLarge} from './photo.js';
import {drawHeat} from './heat.js';

export class Card {
  // page: {limit, model, method, inTurn(task), explainInTurn(task), changed(sentence), removed(card)}, see page.js.
  constructor(file, page) {
    this.file = file;
    this.page = page;
    this.answer = null;    // the server's JSON
    this.finished = false;
    this.photo = null;     // of openPhoto
    this.bytes = null;     // what is sent
    this.heatOf = null;    // the class that the heat map is of, or will be
    this.asking = null;    // AbortController of the request for it
    this.gone = new AbortController();
    this.element = clone('card-template');
    $('.name', this.element).textContent = file.name;
    $('.remove', this.element).setAttribute('aria-label', `Remove ${file.name}`);
    $('.remove', this.element).addEventListener('click', () => this.remove());
    $('.copy', this.element).addEventListener('click', (e) => copyFrom(e.target, JSON.stringify(this.answer, null, 1)));
    $('.again', this.element).addEventListener('click', () => this.ask());
    $('.shrink', this.element).addEventListener('click', () => this.shrink());
    $('.heat', this.element).addEventListener('change', (e) => (e.target.checked ? this.explain(this.best().class) : this.hideHeat()));
    $('.strength', this.element).addEventListener('input', () => this.setStrength());
    this.expect('Reading');
  }

  best() { return this.answer.images[0].top[0]; }

  // Opens the file, shows it, and leaves asking to itself. Every end of it stands on the card; nothing is thrown.
  async open() {
    if (this.gone.signal.aborted) return;
    await this.attempt(async () => {
      this.photo = await openPhoto(this.file);
      if (this.gone.signal.aborted) return;
      this.showPicture();
      this.bytes = await toSend(this.photo);
    });
    if (this.bytes) this.ask();
  }

  showPicture() {
    const {image, why} = this.photo;
    if (image) {
      $('img', this.element).src = image.src;
      $('img', this.element).alt = this.file.name;
      // The server's own reading may differ in a pixel; this is what is on the screen meanwhile.
      showFacts($('.facts', this.element), [`${image.naturalWidth} \u00d7 ${image.naturalHeight} pixels`]);
    } else {
      this.showNoPicture(why);
    }
  }

  showNoPicture(why) {
    $('.no-picture', this.element).textContent = why;
    $('.no-picture', this.element).hidden = false;
    $('img', this.element).hidden = true;
  }

  async ask() {
    const {limit, model} = this.page;
    if (limit && this.bytes.size > limit) {
      this.fail(tooLarge(this.file.name, this.bytes.size, limit), {shrink: this.photo.image !== null});
      return;
    }
    this.expect('Waiting for its turn');
    await this.attempt(() => this.page.inTurn(async () => {
      this.say('Looking');
      const start = performance.now();
      this.answer = await classify(this.bytes, {top: 5, model, name: this.file.name}, this.patience());
      const image = this.answer.images[0];
      if (image.error) throw new Refused(200, 'bad_image', image.error);
      this.show(image, performance.now() - start);
    }));
  }

  patience() { return {signal: this.gone.signal, onWait: (sentence) => this.say(sentence)}; }

  async attempt(task) {
    try {
      await task();
    } catch (error) {
      if (this.gone.signal.aborted) return;
      if (error instanceof NoPhoto) this.fail(error.message);
      else if (error instanceof Refused) this.fail(error.message, {again: error.status === 0 || error.status >= 500});
      else this.fail(`Something went wrong on this page: ${error.message}`, {again: true});
    }
  }

  show(image, total) {
    const {decode, preprocess, inference} = image.speed_ms;
    this.element.dataset.state = 'done';
    this.say('');
    showTop($('.top', this.element), image.top, (index) => this.pick(index));
    showFacts($('.facts', this.element), [`network ${milliseconds(inference)}`, `decoding ${milliseconds(decode + preprocess)}`,
      `in all ${milliseconds(total)}`, `${image.width} \u00d7 ${image.height} pixels`]);
    const best = image.top[0];
    $('img', this.element).alt = `${this.file.name}: probably ${best.name}`;
    $('.copy', this.element).disabled = false;
    $('.heat', this.element).disabled = !this.page.method;
    this.finish(`${this.file.name}: ${best.name}, ${percent(best.probability)}.`);
  }

  fail(sentence, {again = false, shrink = false} = {}) {
    this.element.dataset.state = 'failed';
    this.say(sentence);
    if (!this.photo) this.showNoPicture('No picture to show');
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
    this.page.changed();
  }

  finish(sentence) {
    this.finished = true;
    this.page.changed(sentence);
  }

  say(sentence) { $('.state', this.element).textContent = sentence; }

  async shrink() {
    await this.attempt(async () => { this.bytes = await smaller(this.photo); });
    await this.ask();
  }

  // A row of the answer: its heat map, and a second time none.
  pick(index) {
    if (!this.page.method) return;
    const row = $(`.row[data-class="${index}"]`, this.element);
    if (row.getAttribute('aria-pressed') === 'true') this.hideHeat();
    else this.explain(index);
  }

  // Seconds with Grad-CAM, perhaps minutes with the others: so the time is shown, and switching off gives it up.
  async explain(index) {
    const {method, model} = this.page;
    this.markHeat(index);
    const {signal} = this.asking = new AbortController();
    const start = performance.now();
    const clock = setInterval(() => this.say(`Looking for the reasons, ${Math.round((performance.now() - start) / 1000)}\u202fs`), 1000);
    this.say('Looking for the reasons');
    try {
      const answer = await this.page.explainInTurn(() => classify(this.bytes,
        {top: 1, model, name: this.file.name, explain: method, class: index}, {signal}));
      await drawHeat($('canvas', this.element), answer.images[0].explain);
      if (signal.aborted) return;
      this.setStrength();
      $('canvas', this.element).hidden = false;
      this.say('');
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
    this.asking?.abort();
    this.heatOf = index;
    $('.heat', this.element).checked = index !== null;
    $('.strength', this.element).disabled = index === null;
    for (const row of this.element.querySelectorAll('button.row'))
      row.setAttribute('aria-pressed', String(Number(row.dataset.class) === index));
  }

  hideHeat() {
    this.markHeat(null);
    $('canvas', this.element).hidden = true;
    if (this.finished && this.answer) this.say('');
  }

  setStrength() { $('canvas', this.element).style.opacity = $('.strength', this.element).value / 100; }

  remove() {
    this.gone.abort();
    this.asking?.abort();
    if (this.photo?.image) URL.revokeObjectURL(this.photo.image.src);
    this.element.remove();
    this.page.removed(this);
  }
}
