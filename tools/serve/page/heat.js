// The heat map of an answer, coloured and laid over the photo.

// Inferno's middle (Smith and van der Walt 2015), from violet through orange to pale yellow: readable without colour
// vision and in grey, as its lightness grows throughout.
const kStops = [[40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

function colour(value) {
  const at = (value / 255) * (kStops.length - 1);
  const low = Math.min(Math.floor(at), kStops.length - 2);
  return kStops[low].map((from, i) => from + (at - low) * (kStops[low + 1][i] - from));
}

// Each of the 256 greys as red, green, blue, alpha. What does not matter stays clear, so that the photo is seen.
const kTable = Array.from({length: 256}, (_, v) => [...colour(v), 255 * Math.min(1, v / 140)]);

// explanation: {width, height, png: base64 of 8-bit grey}. The style sheet fits canvas and photo into the same box.
// Throws, and leaves the canvas to whoever came later, when `signal` is aborted meanwhile.
export async function drawHeat(canvas, explanation, signal) {
  const grey = new Image();
  grey.src = `data:image/png;base64,${explanation.png}`;
  await grey.decode();
  signal.throwIfAborted();
  canvas.width = explanation.width;
  canvas.height = explanation.height;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(grey, 0, 0, canvas.width, canvas.height);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set(kTable[pixels.data[i]], i);
  context.putImageData(pixels, 0, 0);
}
