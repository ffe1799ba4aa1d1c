// Small things that every part of the page uses: finding elements, writing numbers, the bars, messages.

export const $ = (selector, root = document) => root.querySelector(selector);

// An element from a <template>. Text goes in through textContent alone, so that no file name can become markup.
export const clone = (id) => $(`#${id}`).content.firstElementChild.cloneNode(true);

export const percent = (p) => `${(100 * p).toFixed(1)}\u202f%`;

export const milliseconds = (ms) => `${ms < 9.95 ? ms.toFixed(1) : Math.round(ms)}\u202fms`;

export const grouped = (n) => n.toLocaleString('en');

export function megabytes(bytes) {
  const mb = bytes / 1e6;
  return mb < 0.1 ? `${Math.max(1, Math.round(bytes / 1e3))}\u202fkB` : `${mb.toFixed(1)}\u202fMB`;
}

// For ears only: a polite message. The same one twice would not be read out again, hence the no-break space.
export function announce(text) {
  const region = $('#announcer');
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
}

// For eyes and ears: a strip at the bottom that covers nothing that was being read. button: {label, run} or nothing.
let hideBanner = 0;
export function banner(text, {button = null, seconds = 0} = {}) {
  clearTimeout(hideBanner);
  $('#banner').hidden = !text;
  // Written only when it differs: a countdown must not be read out each second.
  if ($('#banner-text').textContent !== text) $('#banner-text').textContent = text;
  $('#banner-button').hidden = !button;
  $('#banner-button').textContent = button?.label ?? '';
  $('#banner-button').onclick = button?.run ?? null;
  if (seconds) hideBanner = setTimeout(() => banner(''), 1000 * seconds);
}

// The most probable classes as bars. onPick(class index) makes buttons of the rows.
export function showTop(list, top, onPick = null) {
  list.replaceChildren(...top.map((p, i) => {
    const item = clone('row-template');
    let row = $('.row', item);
    if (onPick) {
      row.addEventListener('click', () => onPick(p.class));
      row.title = `Show what speaks for \u201c${p.name}\u201d`;
    } else {
      const plain = document.createElement('div');
      plain.className = 'row';
      plain.append(...row.childNodes);
      row.replaceWith(plain);
      row = plain;
    }
    row.dataset.class = p.class;
    row.classList.toggle('first', i === 0);
    $('.class', row).textContent = p.name;
    $('.percent', row).textContent = percent(p.probability);
    $('.bar', row).style.width = `${100 * p.probability}%`;
    return item;
  }));
}

// A line of facts that breaks between them only.
export function showFacts(line, facts) {
  line.textContent = facts.map((fact) => fact.replaceAll(' ', '\u00a0')).join(', ');
}

// Places for as many rows, so that nothing moves when the answer comes.
export function showPlaceholders(list, count = 5) {
  list.replaceChildren(...Array.from({length: count}, () => {
    const item = document.createElement('li');
    item.className = 'placeholder';
    return item;
  }));
}

export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain http on another machine there is no clipboard interface; the old command still works.
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  before?.focus();
  if (!done) throw new Error('copying is not allowed here');
}

// A button that says for a moment what it did. Its width stays what it was.
export function flash(button, text) {
  const label = button.dataset.label ??= button.textContent;
  button.style.minWidth = `${button.offsetWidth}px`;
  button.textContent = text;
  setTimeout(() => { button.textContent = label; }, 1500);
}

export async function copyFrom(button, text) {
  try {
    await copyText(text);
    flash(button, 'Copied');
    announce('Copied as JSON.');
  } catch (error) {
    flash(button, 'Not copied');
    announce(`Not copied: ${error.message}`);
  }
}
