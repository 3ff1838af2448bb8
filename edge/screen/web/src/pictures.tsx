// Small drawings: the scanner, signs for what happened, and a box in its size.
import type { Size } from "./link";

export function Scanner() {
  return (
    <svg class="picture scanner" viewBox="0 0 240 180" aria-hidden="true">
      <rect class="glass" x="60" y="8" width="120" height="62" rx="12" />
      <path class="beam" d="M78 70 L48 164 H192 L162 70 Z" />
      <rect class="paper" x="66" y="100" width="108" height="72" rx="8" />
      <path class="bars" d="M80 114v44M88 114v44M100 114v44M106 114v44M118 114v44M130 114v44M136 114v44M148 114v44M158 114v44" />
      <path class="ray" d="M58 136h124" />
    </svg>
  );
}

const SIGNS = {
  tick: "M28 62 L52 86 L94 36",
  stop: "M60 26 V70 M60 88 V92",
  wait: "M60 30 V62 L82 74",
  people: "M42 50a14 14 0 1 0-.1 0ZM18 96c0-34 48-34 48 0M80 50a12 12 0 1 0-.1 0ZM74 66c20-6 30 8 30 30",
} as const;

export function Sign({ name }: { name: keyof typeof SIGNS }) {
  return (
    <svg class={`picture sign ${name}`} viewBox="0 0 120 120" aria-hidden="true">
      <circle cx="60" cy="60" r="56" />
      <path d={SIGNS[name]} />
    </svg>
  );
}

// A box seen from the front and a little from above, at the same scale for all sizes.
export function Box({ size, scale }: { size: Size; scale: number }) {
  const width = size.width_mm * scale;
  const height = size.height_mm * scale;
  const run = size.depth_mm * scale * 0.35;
  const rise = run * 0.6;
  const [left, foot] = [(150 - width - run) / 2, 116];
  return (
    <svg class="box" viewBox="0 0 150 124" aria-hidden="true">
      <path class="lid" d={`M${left} ${foot - height} l${run} ${-rise} h${width} l${-run} ${rise} Z`} />
      <path class="side" d={`M${left + width} ${foot} l${run} ${-rise} v${-height} l${-run} ${rise} Z`} />
      <rect class="front" x={left} y={foot - height} width={width} height={height} />
      <path class="tape" d={`M${left + width / 2} ${foot - height} v${Math.min(height, 14)} M${left + width / 2} ${foot - height} l${run} ${-rise}`} />
    </svg>
  );
}

export function boxScale(sizes: Size[]): number {
  const fits = sizes.map((size) => {
    const run = size.depth_mm * 0.35;
    return Math.min(140 / (size.width_mm + run), 108 / (size.height_mm + run * 0.6));
  });
  return Math.min(...fits);
}
