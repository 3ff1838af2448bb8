// Seconds that are left, counted down here from the moment the locker told them.
import { computed, signal } from "@preact/signals";
import { arrivedAt, view } from "./link";

export const QUIET_S = 60; // without a touch or a key, what one person left on the page is wiped
export const WARN_S = 30;
const now = signal(performance.now());
const stirredAt = signal(performance.now());
setInterval(() => (now.value = performance.now()), 500);

export function left(seconds: number): number {
  return Math.max(0, Math.ceil(seconds - (now.value - arrivedAt.value) / 1000));
}

// Somebody touched the page or a key.
export function stirred(): void {
  stirredAt.value = now.value = performance.now();
}

export const quietLeft = computed(() => Math.max(0, Math.ceil(QUIET_S - (now.value - stirredAt.value) / 1000)));

// Seconds until the visit ends by itself, once there is reason to say so.
export const visitEndsIn = computed(() => {
  const told = view.value?.idle_left_s ?? 0;
  const rest = left(told);
  return told > 0 && rest <= WARN_S ? rest : null;
});
