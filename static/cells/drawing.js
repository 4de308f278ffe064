// Counts of channels as pixels on the screen.

// Red, green and blue of a colour such as #0072b2
export function rgb(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// Counts as shades from 0 to 255, by the counts shown black and white
export function shadesOf(plane, { low, high }) {
  const scale = 255 / (high > low ? high - low : 1);
  return Uint8ClampedArray.from(plane, (value) => (value - low) * scale);
}

// Adds a coloured channel to a composite, three numbers a pixel
export function addTo(sum, shades, colour) {
  for (let pixel = 0; pixel < shades.length; pixel++) {
    for (let n = 0; n < 3; n++) sum[3 * pixel + n] += (shades[pixel] * colour[n]) / 255;
  }
}
