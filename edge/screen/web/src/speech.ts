// Reads phrases aloud, one after the other; a new screen ends the old sentence.
import { language, type Phrase } from "./words";

let queue: Phrase[] = [];
let playing: HTMLAudioElement | null = null;

export function hush(): void {
  queue = [];
  playing?.pause();
  playing = null;
  delete document.documentElement.dataset.saying;
}

export function read(phrases: Phrase[]): void {
  hush();
  queue = [...phrases];
  next();
}

function next(): void {
  const phrase = queue.shift();
  if (phrase === undefined) {
    hush();
    return;
  }
  const values = Object.entries(phrase.values ?? {}).map(([name, value]) => [name, String(value)]);
  const audio = new Audio(`/speech/${language.value}/${phrase.key}.wav?${new URLSearchParams(values)}`);
  playing = audio;
  document.documentElement.dataset.saying = phrase.key;
  const go = () => {
    if (playing === audio) next();
  };
  audio.onended = audio.onerror = go;
  audio.play().catch(go);
}
