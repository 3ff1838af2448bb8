// The drawing of the locker: every door in its place, the one that matters in colour and with its number.
import type { Compartment } from "./link";
import { say } from "./words";

const GAP_MM = 14;

export function Cabinet({ compartments, here }: { compartments: Compartment[]; here: number | null }) {
  const modules = [...new Set(compartments.map((item) => item.module))];
  const left = new Map<string, number>();
  let x = 0;
  for (const name of modules) {
    left.set(name, x);
    x += Math.max(...compartments.filter((item) => item.module === name).map((item) => item.width_mm)) + GAP_MM * 2;
  }
  const top = Math.max(0, ...compartments.map((item) => item.sill_mm + item.height_mm));
  const label = here === null ? say("map_plain") : say("map", { no: here });
  return (
    <svg class="cabinet" role="img" aria-label={label} viewBox={`${-GAP_MM} ${-GAP_MM} ${x + GAP_MM} ${top + 2 * GAP_MM}`}>
      {compartments.map((item) => (
        <g key={item.no} class={item.no === here ? "door here" : item.door === "open" ? "door ajar" : "door"}>
          <rect
            x={left.get(item.module) ?? 0}
            y={top - item.sill_mm - item.height_mm}
            width={item.width_mm}
            height={item.height_mm}
            rx="8"
          />
          <text
            x={(left.get(item.module) ?? 0) + item.width_mm / 2}
            y={top - item.sill_mm - item.height_mm / 2}
            dominant-baseline="central"
            text-anchor="middle"
          >
            {item.no}
          </text>
        </g>
      ))}
    </svg>
  );
}
