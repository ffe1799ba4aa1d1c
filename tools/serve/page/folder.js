// The photos of dropped folders, those of their folders too.
import {grouped} from './ui.js';

// So much of a folder is taken: a thousand cards would make the page slow, and somebody may drop the whole disk.
const kMostPhotos = 300;
const kMostOthers = 3000;

const isPhoto = (file) => file.type.startsWith('image/') || /\.(avif|hei[cf]|jxl|p[bgnp]m)$/i.test(file.name);

async function inFolder(folder) {
  const reader = folder.createReader();
  const found = [];
  for (;;) {  // a reader gives a hundred at a time, and none at the end
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (some.length === 0) return found.sort((a, b) => a.name.localeCompare(b.name, 'en', {numeric: true}));
    found.push(...some.filter((entry) => !entry.name.startsWith('.')));
  }
}

async function walk(folder, found) {
  const entries = await inFolder(folder).catch(() => { found.unread = true; return []; });
  for (const entry of entries) {
    found.cut ||= found.photos.length >= kMostPhotos || found.others >= kMostOthers;
    if (found.cut) return;
    if (entry.isDirectory) {
      await walk(entry, found);
    } else {
      const file = await new Promise((resolve) => { entry.file(resolve, () => resolve(null)); });
      if (file && isPhoto(file)) found.photos.push(file);
      else ++found.others;
    }
  }
}

// {photos: files in the order of their names, remarks: sentences on what was left out}. Hidden files do not count.
export async function photosIn(folders) {
  const found = {photos: [], others: 0, cut: false, unread: false};
  for (const folder of folders) await walk(folder, found);
  const remarks = [
    found.photos.length === 0 && 'There is no photo in this folder.',
    found.cut && `Only the first ${grouped(found.photos.length)} photos are taken.`,
    found.others > 0 && `Left out as no photos: ${grouped(found.others)} ${found.others === 1 ? 'file' : 'files'}.`,
    found.unread && 'A part of it could not be read.',
  ].filter(Boolean);
  return {photos: found.photos, remarks};
}
