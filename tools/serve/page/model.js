// The model card: what the network is, what it does to a photo, which classes it knows.
import {$, grouped, megabytes} from './ui.js';

// Three channels, and one number where they agree.
const list = (values) => [...new Set(values.map((v) => Number(v.toFixed(3))))].join(', ');

function preparation(p) {
  const steps = [];
  if (p.resize) steps.push(`short side to ${p.resize} pixels (${p.interpolation})`);
  if (p.crop) steps.push(`the middle ${p.crop} \u00d7 ${p.crop}`);
  steps.push(`pixels of mean ${list(p.mean)} and deviation ${list(p.std)} made 0 and 1`);
  return steps.join('; ');
}

const kMethods = {gradcam: 'Grad-CAM', ig: 'integrated gradients', occlusion: 'occlusion'};
export const methodName = (method) => kMethods[method] ?? method;

export function showModel(model, version) {
  $('#model-name').textContent = model.name;
  $('#model-classes').textContent = ` \u00b7 ${grouped(model.classes)} classes`;
  const facts = {
    'Network': model.architecture,
    'File': `${model.weights}, ${megabytes(model.size)}`,
    'sha256': model.sha256,
    'Licence': model.license || 'not stated in the file',
    'Origin': model.origin || 'not stated in the file',
    'Looks at': preparation(model.preprocess),
    'Explains by': model.explain?.length ? model.explain.map(methodName).join(', ') : 'nothing',
    'Server': `fovea ${version}`,
  };
  $('#model-facts').replaceChildren(...Object.entries(facts).flatMap(([term, text]) => {
    const dt = document.createElement('dt');
    const dd = document.createElement('dd');
    dt.textContent = term;
    dd.textContent = text;
    dd.classList.toggle('hash', term === 'sha256');
    return [dt, dd];
  }));
  $('#class-search').value = '';
  $('#class-search').oninput = () => showClasses(model, $('#class-search').value);
  showClasses(model, '');
}

function showClasses(model, wanted) {
  const words = wanted.trim().toLowerCase().split(/\s+/);
  const found = model.class_names.filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  $('#class-count').textContent = found.length === 0 ? 'No class of that name'
    : `${grouped(found.length)} of ${grouped(model.class_names.length)}`;
  $('#classes').replaceChildren(...found.map((name) => {
    const item = document.createElement('li');
    item.textContent = name;
    return item;
  }));
}
