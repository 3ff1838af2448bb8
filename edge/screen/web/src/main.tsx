// The kiosk page: one screen for each step of the locker's session.
import { effect } from "@preact/signals";
import { render } from "preact";
import { Cabinet } from "./cabinet";
import { Keypad, forget, listen } from "./keypad";
import { type View, connect, connected, send, view } from "./link";
import { LANGUAGES, type Language, duration, language, say } from "./words";

function Top({ now }: { now: View }) {
  return (
    <header>
      <span class="brand">Parcelworks</span>
      {now.online ? null : <span class="offline">{say("offline")}</span>}
      <nav aria-label="Language">
        {(Object.keys(LANGUAGES) as Language[]).map((code) => (
          <button
            key={code}
            type="button"
            lang={code}
            aria-pressed={language.value === code}
            onClick={() => (language.value = code)}
          >
            {LANGUAGES[code]}
          </button>
        ))}
      </nav>
    </header>
  );
}

function Actions({ children }: { children: preact.ComponentChildren }) {
  return <div class="actions">{children}</div>;
}

function Press({ action, label, kind = "" }: { action: string; label: string; kind?: string }) {
  return (
    <button type="button" class={kind} onClick={() => send("press", action)}>
      {say(label)}
    </button>
  );
}

function hint(now: View): string {
  return say(now.message, { no: now.compartment_no ?? "", left: now.tries_left, wait: duration(now.wait_s) });
}

function Body({ now }: { now: View }) {
  const no = now.compartment_no;
  switch (now.step) {
    case "idle":
      return (
        <>
          <h1>{say("welcome")}</h1>
          <div class="split">
            <section class="scan">
              <ScanPicture />
              <p>{say("scan_here")}</p>
            </section>
            <section>
              <p>{say("or_pin")}</p>
              <Keypad />
            </section>
          </div>
        </>
      );
    case "label":
      return (
        <>
          <h1>{say("label")}</h1>
          <p class="hint">{hint(now) || say("label_hint")}</p>
          <ScanPicture />
          <Actions>
            <Press action="done" label="done_button" kind="major" />
          </Actions>
        </>
      );
    case "opening":
      return <DoorScreen now={now} title={say("opening", { no: no ?? "" })} />;
    case "door_open":
      return (
        <DoorScreen
          now={now}
          title={say(now.visit === "courier" ? "door_open_courier" : "door_open_recipient", { no: no ?? "" })}
          more={now.more_doors > 0 ? say("more_doors") : now.message === "confirm_when_closed" ? hint(now) : ""}
        >
          {now.message === "confirm_when_closed" ? <Press action="done" label="done_button" kind="major" /> : null}
        </DoorScreen>
      );
    case "retry":
      return (
        <DoorScreen
          now={now}
          title={say("retry", { no: no ?? "" })}
          more={say("retry_hint", { left: now.tries_left })}
        >
          <Press action="try_again" label="try_again" kind="major" />
          <Press action="cancel" label="cancel" kind="minor" />
        </DoorScreen>
      );
    case "refused":
      return (
        <>
          <h1>{say("refused")}</h1>
          <p class="hint">{hint(now)}</p>
          <Actions>
            <Press action="cancel" label="ok" kind="major" />
          </Actions>
        </>
      );
    case "done":
      return (
        <>
          <h1>{say("done")}</h1>
          <p class="hint">{now.message === "thank_you" ? "" : hint(now)}</p>
        </>
      );
    default:
      return (
        <>
          <h1>{say(now.step)}</h1>
          <p class="hint">{hint(now)}</p>
        </>
      );
  }
}

function DoorScreen(props: { now: View; title: string; more?: string; children?: preact.ComponentChildren }) {
  const no = props.now.compartment_no;
  return (
    <div class="split">
      <section>
        <p class="number" aria-hidden="true">
          {no}
        </p>
        <h1>{props.title}</h1>
        <p class="hint">{props.more ?? ""}</p>
        <Actions>{props.children}</Actions>
      </section>
      <Cabinet compartments={props.now.compartments} here={no} />
    </div>
  );
}

function ScanPicture() {
  return (
    <svg class="picture" viewBox="0 0 120 80" aria-hidden="true">
      <path d="M8 24V8h16M96 8h16v16M112 56v16H96M24 72H8V56" fill="none" stroke="currentColor" stroke-width="5" />
      <path d="M28 20v40M38 20v40M46 20v40M58 20v40M64 20v40M76 20v40M84 20v40M92 20v40" stroke="currentColor" stroke-width="4" />
      <path class="beam" d="M12 40h96" stroke-width="3" />
    </svg>
  );
}

function Page() {
  const now = view.value;
  if (now === null || !connected.value) {
    return (
      <main>
        <h1>{say("lost")}</h1>
      </main>
    );
  }
  return (
    <>
      <Top now={now} />
      <main aria-live="polite" data-step={now.step}>
        <Body now={now} />
      </main>
    </>
  );
}

effect(() => {
  document.documentElement.lang = language.value;
});
let lastStep = "";
effect(() => {
  const step = view.value?.step ?? "";
  if (step !== lastStep) forget(); // nothing of the person before stays behind
  if (step === "idle" && lastStep !== "" && lastStep !== "idle" && lastStep !== "refused") language.value = "en";
  lastStep = step;
});
listen();
connect();
render(<Page />, document.getElementById("kiosk")!);
