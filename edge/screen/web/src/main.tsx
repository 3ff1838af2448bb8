// The kiosk page: draws what the table in screen.ts says.
import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Cabinet } from "./cabinet";
import { stirred } from "./clock";
import { digit, enter, erase, forgetKeys, listen, PIN_DIGITS, pressKey, readScreen } from "./keys";
import { connect, connected, type View, view } from "./link";
import * as modes from "./modes";
import { Box, boxScale, Scanner, Sign } from "./pictures";
import { type Choice, duration, languageName, type Screen, screen, state } from "./screen";
import { CODES, direction, language, loadWords, number, type Phrase, ready, say, speakIn } from "./words";

function Top({ now, shown }: { now: View; shown: Screen }) {
  return (
    <header>
      <span class="brand">Parcelworks</span>
      <nav aria-label={say({ key: "choose_language" })}>
        {shown.name === "idle"
          ? CODES.map((code) => (
              <button key={code} type="button" lang={code} aria-pressed={language.value === code} onClick={() => speakIn(code)}>
                {languageName(code)}
              </button>
            ))
          : null}
        {shown.name === "options" ? null : (
          <button type="button" class="display" onClick={() => (modes.optionsOpen.value = true)}>
            <Eye />
            <span>{say({ key: "options" })}</span>
            <kbd aria-hidden="true">*</kbd>
          </button>
        )}
      </nav>
    </header>
  );
}

function Eye() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="7" r="4" />
      <path d="M5 13l8 2v5l-3 9M27 13l-8 2v5l3 9M13 15h6" />
    </svg>
  );
}

function Button({ choice, scale = 1 }: { choice: Choice; scale?: number }) {
  const name = choice.shows ?? choice.says;
  const key = choice.kind === "major" && choice.key !== "*" ? "#" : choice.key;
  return (
    <button
      type="button"
      class={`choice ${choice.kind}${choice.size ? " size" : ""}`}
      data-choice={choice.id}
      lang={choice.language}
      aria-pressed={choice.on}
      onClick={choice.run}
    >
      {choice.size ? (
        <>
          <Box size={choice.size} scale={scale} />
          <strong>{choice.letter}</strong>
        </>
      ) : null}
      <span>{name === null ? languageName(choice.language!) : say(name)}</span>
      {choice.on !== undefined && !choice.language ? <em>{say({ key: choice.on ? "on" : "off" })}</em> : null}
      {choice.size ? <small>{say(places(choice.size.free))}</small> : null}
      {choice.seconds === undefined ? null : <small>{say(duration(choice.seconds))}</small>}
      {key === undefined ? null : <kbd aria-hidden="true">{key}</kbd>}
    </button>
  );
}

function places(free: number): Phrase {
  return free > 0 ? { key: "size_free", values: { n: free } } : { key: "size_none" };
}

function Choices({ shown, now }: { shown: Screen; now: View }) {
  if (shown.choices.length === 0) return null;
  const scale = boxScale(now.sizes);
  const here = shown.choices.filter((choice) => choice.id !== "more_time");
  const rows = [here.filter((choice) => choice.size), here.filter((choice) => !choice.size)].filter((row) => row.length > 0);
  return rows.map((row, index) => (
    <div key={index} class={`choices of-${shown.name}`}>
      {row.map((choice) => (
        <Button key={choice.id} choice={choice} scale={scale} />
      ))}
    </div>
  ));
}

function Keypad() {
  const text = modes.entered.value;
  const tap = (act: () => void) => () => {
    stirred();
    act();
  };
  return (
    <div class="keypad" dir="ltr">
      <output class="code" aria-label={say({ key: "pin_label" })} dir={direction.value}>
        <span dir="ltr" aria-hidden="true">
          {Array.from({ length: PIN_DIGITS }, (_, index) => (
            <b key={index} class={index < text.length ? "filled" : ""}>
              {text[index] ?? "•"}
            </b>
          ))}
        </span>
        <span class="unseen">{say({ key: "typed", values: { n: text.length, of: PIN_DIGITS } })}</span>
      </output>
      <div class="keys">
        {["1", "2", "3", "4", "5", "6", "7", "8", "9"].map((key) => (
          <button key={key} type="button" onClick={tap(() => digit(key))}>
            {key}
          </button>
        ))}
        <button type="button" class="minor" onClick={tap(erase)}>
          {say({ key: "delete" })}
        </button>
        <button type="button" onClick={tap(() => digit("0"))}>
          0
        </button>
        <button type="button" class="major" disabled={text.length !== PIN_DIGITS} onClick={tap(enter)}>
          {say({ key: "ok" })}
        </button>
      </div>
    </div>
  );
}

function Doors({ now }: { now: View }) {
  return (
    <div class="doors">
      {now.compartments.map((item) => (
        <button key={item.no} type="button" class={item.state} onClick={() => (modes.door.value = item.no)}>
          <strong>{number(item.no)}</strong>
          <small>{say(state(item))}</small>
        </button>
      ))}
    </div>
  );
}

function Counts({ now }: { now: View }) {
  return (
    <ul class="counts">
      {(["free", "held", "disabled"] as const).map((kind) => (
        <li key={kind} class={kind}>
          {say({ key: `${kind}_doors`, values: { n: now.compartments.filter((item) => item.state === kind).length } })}
        </li>
      ))}
    </ul>
  );
}

function Picture({ shown, now }: { shown: Screen; now: View }) {
  switch (shown.picture) {
    case "scan":
      return <Scanner />;
    case "door":
      return <Cabinet compartments={now.compartments} here={typeof modes.door.value === "number" ? modes.door.value : now.compartment_no} />;
    case "doors":
      return <Cabinet compartments={now.compartments} here={null} />;
    case "tick":
    case "stop":
    case "wait":
    case "people":
      return <Sign name={shown.picture} />;
    default:
      return null;
  }
}

function Words({ shown, now }: { shown: Screen; now: View }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const place = `${shown.name}/${shown.title.values?.no ?? ""}`;
  useEffect(() => {
    heading.current?.closest("main")?.scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true }); // the next Tab starts from here
  }, [place]);
  const no = typeof modes.door.value === "number" ? modes.door.value : now.compartment_no;
  return (
    <div class="words" aria-live="polite">
      {shown.picture === "door" && no !== null && shown.name !== "doors" ? (
        <p class="number" aria-hidden="true">
          {number(no)}
        </p>
      ) : null}
      <h1 ref={heading} tabIndex={-1}>
        {say(shown.title)}
      </h1>
      {shown.hints.map((hint) => (
        <p key={hint.key} class="hint" aria-live={hint.key.endsWith("_left") ? "off" : undefined}>
          {say(hint)}
        </p>
      ))}
      {shown.types === "door" ? (
        <output class="typed-door">{modes.entered.value === "" ? "–" : modes.entered.value}</output>
      ) : null}
      {shown.name === "menu" ? <Counts now={now} /> : null}
    </div>
  );
}

function Warning({ shown }: { shown: Screen }) {
  const more = shown.choices.find((choice) => choice.id === "more_time");
  if (shown.endsIn === null || more === undefined) return null;
  return (
    <aside class="warning" aria-label={say({ key: "still_there" })}>
      <p>
        <strong role="alert">{say({ key: "still_there" })}</strong>
        <span>{say({ key: "ends_in", values: { n: shown.endsIn } })}</span>
      </p>
      <Button choice={more} />
    </aside>
  );
}

function Page() {
  const now = view.value;
  const shown = screen.value;
  if (!ready.value) return null;
  if (now === null || shown === null || !connected.value) {
    return (
      <main data-step="lost">
        <div class="words">
          <h1>{say({ key: "lost" })}</h1>
          <p class="hint">{say({ key: "lost_hint" })}</p>
        </div>
      </main>
    );
  }
  const top = <Top now={now} shown={shown} />;
  return (
    <>
      {modes.reach.value ? null : top}
      {now.online ? null : <p class="offline">{say({ key: "offline" })}</p>}
      {/* With nothing to press on it, a page that has to be scrolled must take the keyboard itself. */}
      <main data-step={now.step} data-screen={shown.name} class={`is-${shown.picture}`} tabIndex={shown.choices.length === 0 ? 0 : undefined}>
        <Words shown={shown} now={now} />
        <div class="show">
          {shown.name === "idle" ? <p>{say({ key: "scan_here" })}</p> : null}
          {shown.name === "doors" ? <Doors now={now} /> : <Picture shown={shown} now={now} />}
        </div>
        {shown.types === "pin" ? (
          <div class="code-side">
            <p>{say({ key: "or_pin" })}</p>
            <Keypad />
          </div>
        ) : null}
        <div class="all-choices">
          <Choices shown={shown} now={now} />
        </div>
      </main>
      <Warning shown={shown} />
      {modes.reach.value ? top : null}
    </>
  );
}

// A visit's end wipes the page; so does a minute without anybody on the first screen.
let visiting = false;
let lastPlace = "";
effect(() => {
  const now = view.value;
  const place = `${now?.step}/${now?.compartment_no}`;
  if (place === lastPlace) return;
  lastPlace = place;
  forgetKeys();
  modes.optionsOpen.value = false;
  if (now?.step !== "menu") modes.door.value = "";
  if (now?.visit) visiting = true;
  if (now?.step === "idle" && visiting) {
    visiting = false;
    modes.forget();
  }
});
effect(() => {
  if (screen.value?.name !== "idle" || screen.value.endsIn !== 0) return;
  forgetKeys();
  modes.forget();
});
let lastSaid = "";
effect(() => {
  const shown = screen.value;
  const said = `${modes.speech.value}${language.value}${shown?.name}${JSON.stringify(shown?.title)}${shown?.hints[0]?.key}${shown?.endsIn === null}`;
  if (said !== lastSaid) readScreen();
  lastSaid = said;
});

listen();
void loadWords();
connect(pressKey);
render(<Page />, document.getElementById("kiosk")!);
