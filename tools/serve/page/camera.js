// The live camera: one frame is on its way at any time, the next is taken when its answer is there. So it runs as fast as
// the machine answers, and nothing queues.
import {$, announce, banner, flash, milliseconds, percent, showFacts, showPlaceholders, showTop} from './ui.js';
import {classify} from './api.js';
import {draw} from './photo.js';

const kFrameSide = 640;      // pixels: four times what the networks look at
const kAnnounceEvery = 3000; // ms: a screen reader must be able to finish

// Why there is no camera here, or nothing.
export function whyNoCamera() {
  if (!window.isSecureContext)
    return 'The camera is off: browsers give it only to pages on https or on this computer (http://127.0.0.1).';
  if (!navigator.mediaDevices?.getUserMedia) return 'The camera is off: this browser has no way to it.';
  return '';
}

const kRefusals = {
  NotAllowedError: 'The camera was not allowed. The lock or camera sign beside the address lets you change that.',
  NotFoundError: 'No camera was found.',
  NotReadableError: 'The camera is used by another program.',
};

export class Camera {
  // page: {model, add(files, {stay})}, see page.js.
  constructor(page) {
    this.page = page;
    this.stream = null;
    this.starting = false;
    this.stopping = null;
    this.kept = 0;
    this.video = $('#live video');
    $('#stop-camera').addEventListener('click', () => this.stop());
    $('#keep-frame').addEventListener('click', () => this.keep());
  }

  async start() {
    if (this.starting) return;  // the browser is still asking whether it may
    this.starting = true;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia(
        {video: {facingMode: 'environment', width: {ideal: 1280}, height: {ideal: 720}}, audio: false});
    } catch (error) {
      banner(kRefusals[error.name] ?? `The camera did not start: ${error.message}`, {seconds: 8});
      return;
    } finally {
      this.starting = false;
    }
    // Its own signal: by the time that this run notices its end, another may have begun.
    const {signal} = this.stopping = new AbortController();
    showPlaceholders($('#live .top'));
    $('#keep-frame').disabled = true;  // until there is a picture
    $('#start').hidden = true;
    $('#live').hidden = false;
    $('#stop-camera').focus();
    this.video.srcObject = this.stream;
    this.stream.getVideoTracks()[0].addEventListener('ended', () => { if (!signal.aborted) this.stop(); });  // unplugged
    try {
      await this.video.play();
      $('#keep-frame').disabled = false;
      announce('The camera is on.');
      await this.run(signal);
    } catch (error) {
      if (signal.aborted) return;
      this.stop();
      banner(`The camera stopped: ${error.message}`, {seconds: 8});
    }
  }

  async run(signal) {
    const ends = [];  // when the last answers came
    while (!signal.aborted) {
      await new Promise(requestAnimationFrame);  // which rests while the page is out of sight
      const frame = await draw(this.video, 'image/jpeg', kFrameSide);
      const answer = await classify(frame, {top: 5, model: this.page.model, name: 'camera.jpg'},
        {signal, onWait: (sentence) => { $('#live-facts').textContent = sentence; }});
      if (signal.aborted) return;
      ends.push(performance.now());
      if (ends.length > 15) ends.shift();
      this.show(answer.images[0], ends);
    }
  }

  show(image, ends) {
    showTop($('#live .top'), image.top);
    showFacts($('#live-facts'), [`network ${milliseconds(image.speed_ms.inference)}`,
      `decoding ${milliseconds(image.speed_ms.decode + image.speed_ms.preprocess)}`]);
    if (ends.length > 1) {
      const rate = (1000 * (ends.length - 1)) / (ends.at(-1) - ends[0]);
      $('#live-rate').textContent = `${rate.toFixed(rate < 10 ? 1 : 0)} frames a second`;
    }
    const best = image.top[0];
    const now = performance.now();
    if (best.name !== this.said && now - (this.saidAt ?? -Infinity) > kAnnounceEvery) {
      announce(`${best.name}, ${percent(best.probability)}`);
      this.said = best.name;
      this.saidAt = now;
    }
  }

  async keep() {
    const blob = await draw(this.video, 'image/jpeg');
    this.page.add([new File([blob], `camera-${++this.kept}.jpg`, {type: blob.type})], {stay: true});
    flash($('#keep-frame'), 'Kept below');
  }

  stop() {
    this.stopping?.abort();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    $('#live').hidden = true;
    $('#start').hidden = false;
    $('#live-rate').textContent = '\u00a0';
    $('#camera').focus();
    announce('The camera is off.');
  }
}
