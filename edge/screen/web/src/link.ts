// The page's one connection to the locker: what to show and the keypad's keys come in, what people do goes out.
import { signal } from "@preact/signals";

export interface Compartment {
  no: number;
  module: string;
  width_mm: number;
  height_mm: number;
  sill_mm: number;
  door: "open" | "closed" | "unknown";
  state?: "free" | "held" | "disabled";
}

export interface Size {
  code: string;
  free: number;
  width_mm: number;
  height_mm: number;
  depth_mm: number;
}

export type Step =
  | "closed" | "idle" | "checking" | "label" | "size" | "opening" | "door_open" | "retry" | "confirm"
  | "menu" | "second" | "check" | "done" | "refused";

export interface View {
  device_id: string;
  step: Step;
  message: string;
  visit: "" | "courier" | "recipient" | "sender" | "technician" | "remote";
  purpose: string;
  compartment_no: number | null;
  tries_left: number;
  more_doors: number;
  wait_s: number;
  reopen_no: number | null;
  reopen_left_s: number;
  idle_left_s: number | null; // null: it does not end by itself
  accessible: boolean;
  expected: number;
  online: boolean;
  pin_ready: boolean;
  sizes: Size[];
  actions: string[];
  compartments: Compartment[];
}

export const view = signal<View | null>(null);
export const connected = signal(false);
export const speaks = signal(false); // whether the locker can read its sentences aloud
export const arrivedAt = signal(0); // when the view came, on this page's clock

let socket: WebSocket | null = null;
const RETRY_MS = 1000;

export function connect(onKey: (key: string) => void): void {
  socket = new WebSocket(`ws://${location.host}/session`);
  socket.onopen = () => (connected.value = true);
  socket.onmessage = (event) => {
    const body = JSON.parse(event.data as string) as { view?: View; speech?: boolean; key?: string };
    if (body.speech !== undefined) speaks.value = body.speech;
    if (body.view) {
      arrivedAt.value = performance.now();
      view.value = body.view;
    }
    if (body.key) onKey(body.key);
  };
  socket.onclose = () => {
    connected.value = false;
    setTimeout(connect, RETRY_MS, onKey);
  };
}

export function send(what: "scan" | "pin" | "press", value: string): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ do: what, value }));
}
