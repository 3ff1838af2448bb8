// QR codes (ISO/IEC 18004) of alphanumeric text, level L, versions 1 to 40, as SVG.
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const CHECK = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30];
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25];

const EXP = [];
const LOG = [];
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  LOG[value] = power;
  value = value < 128 ? value << 1 : (value << 1) ^ 0x11d;
}
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

function remainder(data, degree) {
  let divisor = [1];
  for (let root = 0; root < degree; root += 1) {
    const next = [...divisor, 0];
    divisor.forEach((value, place) => (next[place + 1] ^= times(value, EXP[root])));
    divisor = next;
  }
  const rest = [...data, ...Array(degree).fill(0)];
  data.forEach((_, place) => {
    const factor = rest[place];
    if (factor) divisor.forEach((value, offset) => (rest[place + offset] ^= times(value, factor)));
  });
  return rest.slice(data.length);
}

function alignment(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const places = [];
  for (let place = version * 4 + 10; places.length < count - 1; place -= step) places.unshift(place);
  return [6, ...places];
}

function rawModules(version) {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const count = Math.floor(version / 7) + 2;
    modules -= (25 * count - 10) * count - 55;
    if (version >= 7) modules -= 36;
  }
  return modules;
}

function codewords(text, version) {
  const bits = [];
  const put = (value, width) => {
    for (let place = width - 1; place >= 0; place -= 1) bits.push((value >>> place) & 1);
  };
  const total = Math.floor(rawModules(version) / 8);
  const room = total - CHECK[version - 1] * BLOCKS[version - 1];
  put(2, 4);
  put(text.length, version < 10 ? 9 : version < 27 ? 11 : 13);
  for (let place = 0; place < text.length; place += 2) {
    const first = LETTERS.indexOf(text[place]);
    if (place + 1 < text.length) put(first * 45 + LETTERS.indexOf(text[place + 1]), 11);
    else put(first, 6);
  }
  if (bits.length > room * 8) return null;
  put(0, Math.min(4, room * 8 - bits.length));
  put(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < room * 8; pad ^= 0xec ^ 0x11) put(pad, 8);
  const data = [];
  for (let place = 0; place < bits.length; place += 8) data.push(parseInt(bits.slice(place, place + 8).join(""), 2));
  return interleave(data, version, total);
}

function interleave(data, version, total) {
  const count = BLOCKS[version - 1];
  const short = Math.floor(total / count) - CHECK[version - 1];
  const longs = total % count;
  const blocks = [];
  for (let number = 0, start = 0; number < count; number += 1) {
    const size = short + (number >= count - longs ? 1 : 0);
    blocks.push(data.slice(start, start + size));
    start += size;
  }
  const checks = blocks.map((block) => remainder(block, CHECK[version - 1]));
  const out = [];
  for (let place = 0; place <= short; place += 1) for (const block of blocks) if (place < block.length) out.push(block[place]);
  for (let place = 0; place < CHECK[version - 1]; place += 1) for (const check of checks) out.push(check[place]);
  return out;
}

function checked(value, width, generator) {
  let rest = value << width;
  for (let bit = 31 - Math.clz32(rest); rest >> width; bit = 31 - Math.clz32(rest)) rest ^= generator << (bit - width);
  return (value << width) | rest;
}

/** The modules as rows of true (dark) and false. Throws when the text is too long or has other characters. */
export function qrModules(text) {
  if ([...text].some((letter) => !LETTERS.includes(letter))) throw new Error("not alphanumeric");
  let version = 1;
  let words = codewords(text, version);
  while (!words && version < 40) words = codewords(text, (version += 1));
  if (!words) throw new Error("too long for a QR code");
  const size = version * 4 + 17;
  const grid = Array.from({ length: size }, () => Array(size).fill(false));
  const fixed = Array.from({ length: size }, () => Array(size).fill(false));
  const set = (x, y, dark) => {
    if (x < 0 || y < 0 || x >= size || y >= size) return;
    grid[y][x] = Boolean(dark);
    fixed[y][x] = true;
  };
  for (let place = 0; place < size; place += 1) {
    set(6, place, place % 2 === 0);
    set(place, 6, place % 2 === 0);
  }
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]])
    for (let dy = -4; dy <= 4; dy += 1)
      for (let dx = -4; dx <= 4; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        set(cx + dx, cy + dy, ring !== 2 && ring !== 4);
      }
  const places = alignment(version);
  const last = places.length - 1;
  places.forEach((cy, row) => places.forEach((cx, column) => {
    if ((row === 0 && column === 0) || (row === 0 && column === last) || (row === last && column === 0)) return;
    for (let dy = -2; dy <= 2; dy += 1)
      for (let dx = -2; dx <= 2; dx += 1) set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
  }));
  const format = checked(0b01000, 10, 0x537) ^ 0x5412; // level L, mask 0
  for (let bit = 0; bit < 15; bit += 1) {
    const dark = (format >> bit) & 1;
    if (bit < 6) set(8, bit, dark);
    else if (bit < 8) set(8, bit + 1, dark);
    else if (bit === 8) set(7, 8, dark);
    else set(14 - bit, 8, dark);
    if (bit < 8) set(size - 1 - bit, 8, dark);
    else set(8, size - 15 + bit, dark);
  }
  set(8, size - 8, true);
  if (version >= 7) {
    const mark = checked(version, 12, 0x1f25);
    for (let bit = 0; bit < 18; bit += 1) {
      const [far, near] = [size - 11 + (bit % 3), Math.floor(bit / 3)];
      set(far, near, (mark >> bit) & 1);
      set(near, far, (mark >> bit) & 1);
    }
  }
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1)
      for (const x of [right, right - 1]) {
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
        if (fixed[y][x]) continue;
        const dark = bit < words.length * 8 ? (words[bit >> 3] >> (7 - (bit & 7))) & 1 : 0;
        grid[y][x] = Boolean(dark ^ ((x + y) % 2 === 0 ? 1 : 0));
        bit += 1;
      }
  }
  return grid;
}

/** The code as an SVG with its quiet zone of four modules. */
export function qrSvg(text) {
  const grid = qrModules(text);
  const size = grid.length + 8;
  let path = "";
  grid.forEach((row, y) => row.forEach((dark, x) => (path += dark ? `M${x + 4} ${y + 4}h1v1h-1z` : "")));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/></svg>`;
}
