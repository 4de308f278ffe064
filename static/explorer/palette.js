// What the cells are coloured by, as a byte a cell (its slot) and a palette of 256 colours.

// Every eight groups, the shape changes, too
const { light, dark, scale } = JSON.parse(document.getElementById("explore").dataset.palette);
const MOST = 24; // groups with an entry of their own
const UNKNOWN = 255; // slot of cells without a value

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// Groups of a column: the largest in their order, then the others, then the unknown
export function groupsOf(column) {
  const order = column.counts.map((count, code) => [count, code]).sort((a, b) => b[0] - a[0] || a[1] - b[1]);
  const largest = order.slice(0, MOST).map(([, code]) => code).sort((a, b) => a - b);
  const groups = largest.map((code, slot) => ({ label: column.values[code], cells: column.counts[code], slot }));
  const slots = new Uint8Array(column.values.length + 1).fill(largest.length);
  largest.forEach((code, slot) => (slots[code] = slot));
  const others = column.values.length - largest.length;
  if (others) groups.push({ label: `${others.toLocaleString("en")} others`, cells: order.slice(MOST).reduce((sum, [count]) => sum + count, 0), slot: largest.length });
  return { groups, slots };
}

export function shadesOfCodes(codes, column, cells) {
  const { groups, slots } = groupsOf(column);
  const shades = new Uint8Array(cells);
  let unknown = 0;
  for (let n = 0; n < cells; n++) {
    const code = codes[n];
    if (code < column.values.length) shades[n] = slots[code];
    else {
      shades[n] = UNKNOWN;
      unknown += 1;
    }
  }
  if (unknown) groups.push({ label: "unknown", cells: unknown, slot: UNKNOWN });
  return { shades, groups };
}

// Which cells gates leave out: 1, or 0
export function shadesOfGates(out) {
  const gated = out.reduce((sum, one) => sum + one, 0);
  return shadesOfCodes(out, { values: ["not gated out", "gated out"], counts: [out.length - gated, gated] }, out.length);
}

// Selections with their names and colours; a cell in several has the colour of the last one
export function shadesOfSelections(selections, cells) {
  const shades = new Uint8Array(cells).fill(UNKNOWN);
  selections.forEach(({ flags }, slot) => {
    for (let n = 0; n < cells; n++) if (flags[n]) shades[n] = slot;
  });
  const counts = new Uint32Array(256);
  for (let n = 0; n < cells; n++) counts[shades[n]] += 1;
  const groups = selections.map(({ name, colour }, slot) => ({ label: name, cells: counts[slot], slot, colour }));
  groups.push({ label: "in none of them", cells: counts[UNKNOWN], slot: UNKNOWN });
  return { shades, groups };
}

// Numbers between their 1st and 99th percentile; beyond, the colour stays the same
export function shadesOfNumbers(numbers) {
  const sample = Float32Array.from(numbers.filter((_, n) => n % Math.ceil(numbers.length / 50_000) === 0)).filter(Number.isFinite).sort();
  const low = sample[Math.floor(0.01 * (sample.length - 1))] ?? 0;
  const high = sample[Math.ceil(0.99 * (sample.length - 1))] ?? 1;
  const factor = 254 / Math.max(high - low, 1e-12);
  const shades = new Uint8Array(numbers.length);
  for (let n = 0; n < numbers.length; n++) {
    const value = numbers[n];
    shades[n] = value === value ? Math.min(254, Math.max(0, Math.round((value - low) * factor))) : UNKNOWN;
  }
  return { shades, low, high };
}

// A colour of its own, if it has one: of those offered, on dark the one that is seen there
function groupColour({ slot, colour = "" }) {
  const { groups, unknown } = isDark() ? dark : light;
  if (colour) return groups[light.groups.indexOf(colour)] ?? colour;
  return slot === UNKNOWN ? unknown : groups[slot % groups.length];
}

export function scaleColour(share) {
  const at = share * (scale.length - 1);
  const [low, high] = [rgb(scale[Math.floor(at)]), rgb(scale[Math.ceil(at)])];
  return low.map((value, n) => Math.round(value + (high[n] - value) * (at - Math.floor(at))));
}

// RGBA of every slot; hidden ones have no opacity
export function paletteOf(groups, hidden) {
  const palette = new Uint8Array(4 * 256);
  const set = (slot, colour) => palette.set([...colour, hidden.has(slot) ? 0 : 255], 4 * slot);
  if (groups) groups.forEach((group) => set(group.slot, rgb(groupColour(group))));
  else {
    for (let slot = 0; slot < UNKNOWN; slot++) set(slot, scaleColour(slot / 254));
    set(UNKNOWN, rgb(groupColour({ slot: UNKNOWN })));
  }
  return palette;
}

// The mark of a group, in the legend
export function drawMark(canvas, group) {
  const { slot } = group;
  const pen = canvas.getContext("2d");
  const [c, r] = [14, 9];
  pen.clearRect(0, 0, 28, 28);
  pen.fillStyle = groupColour(group);
  pen.beginPath();
  const shape = slot < 64 ? Math.floor(slot / 8) % 4 : 0;
  if (shape === 0) pen.arc(c, c, r, 0, 2 * Math.PI);
  if (shape === 1) pen.rect(c - r * 0.82, c - r * 0.82, r * 1.64, r * 1.64);
  if (shape === 2) [[c, c - r], [c + r, c + r * 0.8], [c - r, c + r * 0.8]].forEach((at) => pen.lineTo(...at));
  if (shape === 3) [[c, c - r], [c + r, c], [c, c + r], [c - r, c]].forEach((at) => pen.lineTo(...at));
  pen.fill();
}
