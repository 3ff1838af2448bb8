// The drawing of the locker: every door in its place, the one that matters in colour, open and with its lamp lit.
import { useMemo } from "preact/hooks";
import type { Compartment } from "./link";
import { say } from "./words";

const GAP_MM = 16;
const PLINTH_MM = 90;

interface Place extends Compartment {
  x: number;
  y: number;
}

interface Cabinets {
  doors: Place[];
  bodies: { x: number; width: number }[];
  width: number;
  height: number;
}

// Doors of one module that would cover each other stand in columns side by side.
function columns(doors: Compartment[]): Compartment[][] {
  const found: Compartment[][] = [];
  for (const door of doors) {
    const free = found.find((column) =>
      column.every((other) => door.sill_mm >= other.sill_mm + other.height_mm || other.sill_mm >= door.sill_mm + door.height_mm),
    );
    if (free) free.push(door);
    else found.push([door]);
  }
  return found;
}

export function arrange(compartments: Compartment[]): Cabinets {
  const height = Math.max(0, ...compartments.map((item) => item.sill_mm + item.height_mm));
  const doors: Place[] = [];
  const bodies: Cabinets["bodies"] = [];
  let x = 0;
  for (const name of new Set(compartments.map((item) => item.module))) {
    const start = x;
    for (const column of columns(compartments.filter((item) => item.module === name))) {
      for (const door of column) doors.push({ ...door, x, y: height - door.sill_mm - door.height_mm });
      x += Math.max(...column.map((item) => item.width_mm)) + GAP_MM;
    }
    bodies.push({ x: start - GAP_MM, width: x - start + GAP_MM });
    x += GAP_MM * 2;
  }
  return { doors, bodies, width: x - GAP_MM * 2, height };
}

export function Cabinet({ compartments, here }: { compartments: Compartment[]; here: number | null }) {
  const shape = JSON.stringify(compartments);
  const all = useMemo(() => arrange(compartments), [shape]);
  const label = here === null ? say({ key: "map_plain" }) : say({ key: "map", values: { no: here } });
  const box = `${-GAP_MM * 3} ${-GAP_MM * 3} ${all.width + GAP_MM * 5} ${all.height + PLINTH_MM + GAP_MM * 4}`;
  const last = all.doors.filter((door) => door.no !== here);
  const first = all.doors.filter((door) => door.no === here);
  return (
    <svg class="cabinet" role="img" aria-label={label} viewBox={box} direction="ltr">
      {all.bodies.map((body) => (
        <rect key={body.x} class="body" x={body.x} y={-GAP_MM * 2} width={body.width} height={all.height + GAP_MM * 3} rx="14" />
      ))}
      <rect class="floor" x={-GAP_MM * 3} y={all.height + PLINTH_MM - 6} width={all.width + GAP_MM * 5} height="6" rx="3" />
      {[...last, ...first].map((door) => (
        <Door key={door.no} door={door} here={door.no === here} />
      ))}
    </svg>
  );
}

function Door({ door, here }: { door: Place; here: boolean }) {
  const { x, y, width_mm: width, height_mm: height } = door;
  const ajar = door.door === "open";
  const lean = Math.min(48, width * 0.14);
  const size = Math.min(height * (here ? 0.86 : 0.6), width * 0.42, here ? 190 : 96);
  const lamp = { x: x + width - (here ? 44 : 34), y: y + Math.min(here ? 44 : 34, height / 2) };
  return (
    <g class={`door${here ? " here" : ""}${ajar ? " ajar" : ""}${door.state === "disabled" ? " disabled" : ""}`}>
      <rect class="front" x={x} y={y} width={width} height={height} rx="8" />
      {ajar ? (
        <path
          class="leaf"
          d={`M${x} ${y} L${x + width * 0.3} ${y + lean} L${x + width * 0.3} ${y + height + lean} L${x} ${y + height} Z`}
        />
      ) : null}
      <text x={x + width / 2 + (ajar ? width * 0.12 : 0)} y={y + height / 2} font-size={size} dominant-baseline="central" text-anchor="middle">
        {door.no}
      </text>
      {here ? <circle class="glow" cx={lamp.x} cy={lamp.y} r="34" /> : null}
      <circle class="lamp" cx={lamp.x} cy={lamp.y} r={here ? 22 : 9} />
    </g>
  );
}
