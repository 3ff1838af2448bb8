// The page's one connection to the locker: what to show comes in, what people do goes out.
import { signal } from "@preact/signals";

export interface Compartment {
  no: number;
  module: string;
  width_mm: number;
  height_mm: number;
  sill_mm: number;
  door: "open" | "closed" | "unknown";
}

export interface View {
  device_id: string;
  step: "closed" | "idle" | "checking" | "label" | "opening" | "door_open" | "retry" | "done" | "refused";
  message: string;
  visit: "" | "courier" | "recipient" | "technician" | "remote";
  compartment_no: number | null;
  tries_left: number;
  more_doors: number;
  wait_s: number;
  online: boolean;
  pin_ready: boolean;
  compartments: Compartment[];
}

export const view = signal<View | null>(null);
export const connected = signal(false);

let socket: WebSocket | null = null;
const RETRY_MS = 1000;

export function connect(): void {
  socket = new WebSocket(`ws://${location.host}/session`);
  socket.onopen = () => (connected.value = true);
  socket.onmessage = (event) => {
    const body = JSON.parse(event.data as string) as { view?: View };
    if (body.view) view.value = body.view;
  };
  socket.onclose = () => {
    connected.value = false;
    setTimeout(connect, RETRY_MS);
  };
}

export function send(what: "scan" | "pin" | "press", value: string): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ do: what, value }));
}
