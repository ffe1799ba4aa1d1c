// What a file is, by its bytes and not by its name; and the way from a picture that only the browser can read to a PNG.
import {grouped, megabytes} from './ui.js';

const text = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));
const starts = (...magic) => (b) => magic.every((value, i) => b[i] === value);
const brand = (...names) => (b) => text(b, 4, 8) === 'ftyp' && names.some((name) => text(b, 8, 32).includes(name));

// server: what its decoders read. picture: false where no browser would show it either.
const kFormats = [
  {name: 'JPEG', server: true, is: starts(0xff, 0xd8, 0xff)},
  {name: 'PNG', server: true, is: starts(0x89, 0x50, 0x4e, 0x47)},
  {name: 'BMP', server: true, is: (b) => text(b, 0, 2) === 'BM'},
  {name: 'PNM', server: true, is: (b) => /^P[1-7]\s/.test(text(b, 0, 3))},
  {name: 'WebP', is: (b) => text(b, 0, 4) === 'RIFF' && text(b, 8, 12) === 'WEBP'},
  {name: 'GIF', is: (b) => text(b, 0, 4) === 'GIF8'},
  {name: 'AVIF', is: brand('avif', 'avis')},
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

// {file, format, shown: a URL to show or null, image: the decoded <img> or null, why: what to say where nothing is shown}
export async function openPhoto(file) {
  let head;
  try {
    head = new Uint8Array(await file.slice(0, 1 << 18).arrayBuffer());
  } catch {
    throw new NoPhoto(`${file.name} could not be read. Of a folder, please choose the photos in it.`);
  }
  if (head.length === 0) throw new NoPhoto(`${file.name} is empty.`);
  const start = head.subarray(0, 512);
  const format = kFormats.find((f) => f.is(start)) ?? kUnknown;
  if (format.picture === false) throw new NoPhoto(`${file.name} is ${format.name}, not a photo. Nothing was sent.`);
  const size = sizeOf(format.name, head);
  if (size && size.width * size.height > kMostPixels) {
    const millions = grouped(Math.round((size.width * size.height) / 1e6));
    if (!format.server) throw new NoPhoto(`${file.name} has ${millions} megapixels, more than this page opens.`);
    return {file, format, image: null, why: `${millions} megapixels, not shown`};
  }
  const image = await decode(file);
  if (!image && !format.server) {
    const what = format === kUnknown ? 'in no format that is known here' : `${format.name}, which neither this browser nor the server can read`;
    throw new NoPhoto(`${file.name} is ${what}. Saved as JPEG or PNG it will do.`);
  }
  return {file, format, image, why: image ? '' : `${format.name}, which this browser does not show`};
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

// What is sent: the file itself where the server can read it, else what the browser sees.
export async function toSend(photo) {
  return photo.format.server ? photo.file : draw(photo.image, 'image/png');
}

export const smaller = (photo) => draw(photo.image, 'image/jpeg');

export function tooLarge(name, bytes, limit) {
  return `${name} has ${megabytes(bytes)}; this server takes at most ${megabytes(limit)}. Nothing was sent.`;
}

export async function draw(source, type, longSide = kLongSide) {
  const width = source.videoWidth || source.naturalWidth;
  const height = source.videoHeight || source.naturalHeight;
  const scale = Math.min(1, longSide / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  if (type === 'image/jpeg') {  // which has no transparency: white, as on the page
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
  }
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, type, 0.9); });
  if (!blob) throw new NoPhoto('The browser could not turn this picture into one that the server reads.');
  return blob;
}

// Width and height out of the header, null where it is not that simple. Only for what would be too large to open.
function sizeOf(format, b) {
  const view = new DataView(b.buffer, b.byteOffset, b.byteLength);
  if (format === 'PNG' && b.length >= 24) return {width: view.getUint32(16), height: view.getUint32(20)};
  if (format === 'GIF' && b.length >= 10) return {width: view.getUint16(6, true), height: view.getUint16(8, true)};
  if (format === 'BMP' && b.length >= 26) return {width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true))};
  if (format === 'JPEG') return sizeOfJpeg(view);
  return null;
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
