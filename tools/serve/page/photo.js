// What a file is, by its bytes and not by its name; and the way from a picture that only the browser can read to a PNG.
import {grouped} from './ui.js';

const text = (bytes, from = 0, to = bytes.length) => new TextDecoder('latin1').decode(bytes.subarray(from, to));
const little32 = (b, at) => (b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)) >>> 0;
const starts = (...magic) => (b) => magic.every((value, i) => b[i] === value);
const brand = (...names) => (b) => text(b, 4, 8) === 'ftyp' && names.some((name) => text(b, 8, 32).includes(name));

// Two letters make no BMP and no PNM: text begins with them too. So what has to follow is looked at, as the server does.
const kBmpHeaders = [12, 16, 40, 52, 56, 64, 108, 124];
const kPnm = /^P[1-6](#|[\t-\r ]+(#|\d+[\t-\r ]+[#\d]))/;

// server: what its decoders read. picture: false where no browser would show it either. moves(head): has it several frames?
const kFormats = [
  {name: 'JPEG', server: true, is: starts(0xff, 0xd8, 0xff)},
  {name: 'animated PNG', is: (b) => starts(0x89, 0x50, 0x4e, 0x47)(b) && text(b).includes('acTL'), moves: () => true},
  {name: 'PNG', server: true, is: starts(0x89, 0x50, 0x4e, 0x47)},
  {name: 'BMP', server: true, is: (b) => text(b, 0, 2) === 'BM' && kBmpHeaders.includes(little32(b, 14))},
  {name: 'PNM', server: true, is: (b) => kPnm.test(text(b, 0, 512))},
  {name: 'WebP', is: (b) => text(b, 0, 4) === 'RIFF' && text(b, 8, 12) === 'WEBP',
    moves: (b) => text(b, 12, 16) === 'VP8X' && (b[20] & 2) !== 0},
  {name: 'GIF', is: (b) => text(b, 0, 4) === 'GIF8', moves: (b) => /NETSCAPE2\.0|!\xf9\x04[^]*!\xf9\x04/.test(text(b))},
  {name: 'AVIF', is: brand('avif', 'avis'), moves: brand('avis')},
  {name: 'HEIC', is: brand('heic', 'heix', 'heim', 'heis', 'hevc', 'mif1', 'msf1')},
  {name: 'JPEG XL', is: (b) => starts(0xff, 0x0a)(b) || text(b, 4, 8) === 'JXL '},
  {name: 'JPEG 2000', is: (b) => text(b, 4, 8) === 'jP  '},
  {name: 'TIFF', is: (b) => starts(0x49, 0x49, 0x2a, 0)(b) || starts(0x4d, 0x4d, 0, 0x2a)(b)},
  {name: 'ICO', is: starts(0, 0, 1, 0)},
  {name: 'SVG', is: (b) => /^\s*(<\?xml[^>]*>\s*)?(<!--.*-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/s.test(text(b, 0, 512))},
  {name: 'a PDF', picture: false, is: (b) => text(b, 0, 5) === '%PDF-'},
  {name: 'a ZIP archive', picture: false, is: starts(0x50, 0x4b, 3, 4)},
  {name: 'a video', picture: false, is: (b) => text(b, 4, 8) === 'ftyp' || starts(0x1a, 0x45, 0xdf, 0xa3)(b)},
  {name: 'text', picture: false, is: (b) => b.every((v) => v >= 32 || v === 9 || v === 10 || v === 13)},
];
const kUnknown = {name: 'no format that is known here', is: () => true};

// More pixels than this are not shown: a small file can be a picture of gigabytes.
const kMostPixels = 256e6;
// A network looks at a few hundred pixels; more than this a converted photo need not have.
const kLongSide = 2048;

// A file that is no photo, and the sentence that says so.
export class NoPhoto extends Error {}

// {file, name, format, moves, image: the decoded <img> or null, why: what to say where nothing is shown}. limit: the most
// bytes that the server takes. What is within it is read into memory, once: the file may change or go before it is sent.
export async function openPhoto(given, limit) {
  const {name} = given;
  const {file, head} = await read(given, limit);
  if (head.length === 0) throw new NoPhoto(`${name} is empty.`);
  const start = head.subarray(0, 4096);
  const format = kFormats.find((f) => f.is(start)) ?? kUnknown;
  if (format.picture === false) throw new NoPhoto(`${name} is ${format.name}, not a photo. Nothing was sent.`);
  const photo = {file, name, format, moves: format.moves?.(head) ?? false, image: null, why: ''};
  const size = sizeOf(format.name, head);
  if (size && size.width * size.height > kMostPixels) {
    const millions = grouped(Math.round((size.width * size.height) / 1e6));
    if (!format.server) throw new NoPhoto(`${name} has ${millions} megapixels, more than this page opens.`);
    return {...photo, why: `${millions} megapixels, not shown`};
  }
  photo.image = await decode(file);
  if (!photo.image && !format.server) {
    const what = format === kUnknown ? 'in no format that is known here' : `${format.name}, which neither this browser nor the server can read`;
    throw new NoPhoto(`${name} is ${what}. Saved as JPEG or PNG it will do.`);
  }
  if (!photo.image) photo.why = `${format.name}, which this browser does not show`;
  return photo;
}

async function read(given, limit) {
  try {
    const file = limit && given.size > limit ? given : new Blob([await given.arrayBuffer()], {type: given.type});
    return {file, head: new Uint8Array(await file.slice(0, 1 << 18).arrayBuffer())};
  } catch {
    throw new NoPhoto(`${given.name} could not be read. It may have changed or gone since it was chosen; please choose it again.`);
  }
}

// An <img> and not createImageBitmap: it turns the picture upright, and the same one is shown.
async function decode(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    URL.revokeObjectURL(image.src);
    return null;
  }
}

// What is sent: the file itself where the server can read it, else what the browser sees. PNG keeps each pixel as it is;
// where that is too large and nothing is transparent, JPEG is near enough.
export async function toSend(photo, limit) {
  if (photo.format.server) return photo.file;
  const png = await draw(photo.image, 'image/png');
  if (!limit || png.size <= limit || isTransparent(photo.image)) return png;
  const jpeg = await draw(photo.image, 'image/jpeg');
  return jpeg.size <= limit ? jpeg : png;
}

// A JPEG that the server takes, of half the size as often as that is needed; null where even a small one is too large.
export async function smaller(photo, limit) {
  for (let side = kLongSide; side >= 128; side /= 2) {
    const jpeg = await draw(photo.image, 'image/jpeg', side);
    if (jpeg.size <= limit) return jpeg;
  }
  return null;
}

// Numbers as --max-upload counts them, in 1024s; rounded apart, lest a file of just too much look as if it fitted.
function bytesInWords(n, round) {
  return n < 1 << 20 ? `${round(n / 1024)}\u202fkB` : `${round((10 * n) / (1 << 20)) / 10}\u202fMB`;
}

export function tooLarge(photo, bytes, limit) {
  const form = bytes === photo.file ? '' : ` as ${bytes.type === 'image/png' ? 'PNG' : 'JPEG'}`;
  return `${photo.name} is ${bytesInWords(bytes.size, Math.ceil)}${form}; this server takes at most `
    + `${bytesInWords(limit, Math.floor)}. Nothing was sent.`;
}

function toCanvas(source, longSide, ground = null) {
  const width = source.videoWidth || source.naturalWidth;
  const height = source.videoHeight || source.naturalHeight;
  const scale = Math.min(1, longSide / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  if (ground) {
    context.fillStyle = ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

// JPEG has no transparency: white, as on the page.
export async function draw(source, type, longSide = kLongSide) {
  const canvas = toCanvas(source, longSide, type === 'image/jpeg' ? '#fff' : null);
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, type, 0.9); });
  if (!blob) throw new NoPhoto('The browser could not turn this picture into one that the server reads.');
  return blob;
}

function isTransparent(image) {
  const canvas = toCanvas(image, kLongSide);
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  return false;
}

// Width and height out of the header, null where it is not that simple. Only for what would be too large to open.
function sizeOf(format, b) {
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  if (/PNG$/.test(format) && b.length >= 24) return {width: view.getUint32(16), height: view.getUint32(20)};
  if (format === 'GIF' && b.length >= 10) return {width: view.getUint16(6, true), height: view.getUint16(8, true)};
  if (format === 'BMP' && b.length >= 26) {
    if (b[14] === 12) return {width: view.getUint16(18, true), height: view.getUint16(20, true)};
    return {width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true))};
  }
  if (format === 'JPEG') return sizeOfJpeg(view);
  if (format === 'WebP' && b.length >= 30) return sizeOfWebp(view, text(b, 12, 16));
  if (format === 'AVIF' || format === 'HEIC') return sizeOfAvif(view, text(b));
  return null;
}

// The first chunk: lossy (RFC 6386, 9.1), lossless (RFC 9649, 3.4) or extended (RFC 9649, 2.7).
function sizeOfWebp(view, chunk) {
  if (chunk === 'VP8 ') return {width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff};
  const bits = view.getUint32(21, true);
  if (chunk === 'VP8L') return {width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1};
  if (chunk === 'VP8X') return {width: (view.getUint32(24, true) & 0xffffff) + 1, height: (view.getUint32(26, true) >>> 8) + 1};
  return null;
}

// Each part has its `ispe` (ISO/IEC 23008-12, 6.5.3): tiles, thumbnail, alpha and the whole, which is the largest.
function sizeOfAvif(view, header) {
  const sizes = [...header.matchAll(/ispe/g)].filter(({index}) => index + 16 <= view.byteLength)
    .map(({index}) => ({width: view.getUint32(index + 8), height: view.getUint32(index + 12)}));
  return sizes.sort((a, b) => b.width * b.height - a.width * a.height)[0] ?? null;
}

// The frame header (ITU T.81, B.2.2) is one of SOF0..SOF15 without DHT, JPG and DAC; what comes before it is skipped.
function sizeOfJpeg(view) {
  for (let at = 2; at + 9 < view.byteLength && view.getUint8(at) === 0xff;) {
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return {width: view.getUint16(at + 7), height: view.getUint16(at + 5)};
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}
