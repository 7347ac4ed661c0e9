// Everything here only adds: each page works the same without it.
"use strict";

(() => {
  const locale = navigator.languages && navigator.languages.length ? [...navigator.languages] : undefined;
  const all = (selector) => document.querySelectorAll(selector);

  // Passwords can be shown.
  for (const box of all("[data-reveal]")) {
    const input = box.querySelector("input");
    const label = document.querySelector(`label[for="${input.id}"]`);
    const button = document.createElement("button");
    button.type = "button";
    const set = (shown) => {
      input.type = shown ? "text" : "password";
      button.textContent = shown ? "Hide" : "Show";
      button.setAttribute("aria-label", `${button.textContent} ${label.textContent.toLowerCase()}`);
    };
    button.addEventListener("click", () => {
      set(input.type === "password");
      input.focus();
    });
    // A shown password must not be kept by the browser as ordinary text.
    if (input.form) input.form.addEventListener("submit", () => set(false));
    set(false);
    box.append(button);
    box.classList.add("with-button");
  }

  // Addresses such as /auth#?resetPassword say behind the # what is meant.
  for (const box of all("[data-auth]")) {
    const said = new URLSearchParams(location.hash.replace(/^#[?!/]*/, ""));
    if (said.get("code")) { // an app's: it goes into the field, where somebody looks at it
      const link = new URLSearchParams({ user_code: said.get("code") });
      if (said.get("forwardUrl")) link.set("forward", said.get("forwardUrl"));
      location.replace("/link?" + link);
      continue;
    }
    const meant = [...said.keys()][0];
    const way = [...box.querySelectorAll("[data-when]")].find((a) => a.dataset.when === meant) || box.querySelector("a");
    if (location.hash) location.replace(way.href);
  }

  // A form that only leads on is sent at once.
  for (const form of all("[data-submit]")) form.requestSubmit();

  // Six digits are a whole code: they are sent once, when the sixth is typed or all are pasted.
  for (const form of all("[data-submit-code]")) {
    const input = form.querySelector("input.code");
    let sent = false;
    input.addEventListener("input", () => {
      if (sent || !/^[0-9]{6}$/.test(input.value.replace(/[\s-]/g, ""))) return;
      sent = true;
      form.requestSubmit();
    });
  }

  // A line under a new password says how it holds, while it is typed.
  for (const input of all("[data-strength]")) {
    const meter = document.querySelector(`[data-meter="${input.id}"]`);
    const line = meter.querySelector(".hint");
    const first = line.textContent;
    const steps = document.createElement("div");
    steps.className = "steps";
    steps.hidden = true;
    steps.setAttribute("aria-hidden", "true");
    for (let i = 0; i < 4; i++) steps.append(document.createElement("i"));
    meter.prepend(steps);

    let timer = 0;
    let running = null;
    const rest = () => {
      steps.hidden = true;
      delete meter.dataset.score;
      line.textContent = first;
    };
    const ask = async () => {
      running = new AbortController();
      const form = new URLSearchParams({ password: input.value });
      for (const name of ["email", "username", "user_name"]) {
        const other = input.form && input.form.elements.namedItem(name);
        if (other && other.value) form.set(name, other.value);
      }
      try {
        const answer = await fetch(input.dataset.strength, {
          method: "POST", body: form, credentials: "same-origin", signal: running.signal,
        });
        if (!answer.ok) return rest();
        const { score, sentence } = await answer.json();
        meter.dataset.score = String(score);
        steps.hidden = false;
        if (line.textContent !== sentence) line.textContent = sentence;
      } catch (e) {
        if (e.name !== "AbortError") rest();
      }
    };
    input.addEventListener("input", () => {
      clearTimeout(timer);
      if (running) running.abort();
      if (input.value === "") return rest();
      timer = setTimeout(ask, 350);
    });
  }

  // What goes on by itself is looked at again, while somebody looks at it.
  for (const part of all("[data-live]")) {
    const look = async () => {
      if (!document.hidden) {
        try {
          const answer = await fetch(part.dataset.live, { credentials: "same-origin" });
          if (answer.redirected) return; // signed out: the page stays as it is
          const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
          if (fresh && !part.contains(document.activeElement)) { // nobody is about to press something in it
            part.replaceChildren(...fresh.childNodes);
            writeTimes();
            writeCounts();
          }
        } catch {
          // away for a moment
        }
      }
      setTimeout(look, 3000);
    };
    setTimeout(look, 3000);
  }

  // How long something still works.
  for (const left of all("[data-countdown]")) {
    const end = new Date(left.dataset.countdown);
    const tick = () => {
      const seconds = Math.max(0, Math.round((end - Date.now()) / 1000));
      left.textContent = seconds ? ` (${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left)` : " (it has ended)";
      if (seconds) setTimeout(tick, 1000);
    };
    tick();
  }

  // What is shown once can be copied.
  for (const button of all("[data-copy]")) {
    const from = document.querySelector(button.dataset.copy);
    if (!from || !navigator.clipboard) continue;
    const text = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(from.value || from.textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = text; }, 2000);
    });
  }

  // What is shown once can be kept as a file, and on paper.
  for (const button of all("[data-download]")) {
    const from = document.querySelector(button.dataset.download);
    if (!from) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${location.host}\n\n${from.textContent.trim()}\n`], { type: "text/plain" }));
      link.download = button.dataset.file;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    });
  }
  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }

  // Times in the reader's own locale and zone; the exact one stays in the tooltip.
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const dayThisYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
  const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const steps = [["minute", 60], ["hour", 3600], ["day", 86400]];

  const dayOf = (at, now) => (at.getFullYear() === now.getFullYear() ? dayThisYear : day).format(at);
  const ago = (at, now) => {
    const seconds = (at - now) / 1000;
    if (Math.abs(seconds) < 45) return relative.format(0, "second");
    if (Math.abs(seconds) >= 7 * 86400) return dayOf(at, now);
    let [unit, length] = steps[0];
    for (const [u, l] of steps) if (Math.abs(seconds) >= l) [unit, length] = [u, l];
    return relative.format(Math.round(seconds / length), unit);
  };
  const shortClock = (at, now) =>
    at.toDateString() === now.toDateString() ? clock.format(at) : moment.format(at);
  const shapes = { ago, day: dayOf, clock: shortClock, moment: (at) => moment.format(at) };

  const writeTimes = () => {
    const now = new Date();
    for (const element of all("time[data-time]")) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      const text = shapes[element.dataset.time](at, now);
      if (element.textContent !== text) element.textContent = text;
      element.title = exact.format(at);
      element.lang = exact.resolvedOptions().locale;
    }
  };
  writeTimes();
  setInterval(writeTimes, 60000);

  const count = new Intl.NumberFormat(locale);
  const writeCounts = () => {
    for (const element of all("data[value]")) element.textContent = count.format(Number(element.value));
  };
  writeCounts();

  // On a narrow screen the top list may start off the current item.
  const current = document.querySelector(".side [aria-current]");
  const side = current && current.closest(".side");
  const showCurrent = () => { side.scrollLeft = current.offsetLeft - (side.clientWidth - current.offsetWidth) / 2; };
  if (side) {
    showCurrent();
    addEventListener("resize", showCurrent);
  }

  // One press sends a form once; whoever stops the page may press again soon.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault();
    if (form.method !== "post") return;
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
  addEventListener("pageshow", () => { for (const form of all("form[data-sent]")) delete form.dataset.sent; });
})();

// Passkeys: the ways that need a script, where the browser knows them. Pages say what else works.
(() => {
  const forms = [...document.querySelectorAll("[data-passkey]")];
  const number = /^[0-9.]+$|^\[/.test(location.hostname); // passkeys belong to names
  if (!window.PublicKeyCredential || !navigator.credentials || number) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  // A sentence instead of a question.
  class Refusal extends Error {}

  const ask = async (form) => {
    const answer = await fetch(form.dataset.passkey, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
    const json = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (!answer.ok || !json) throw new Refusal(json ? (await answer.json()).problem : "That did not work. Load this page anew.");
    const options = await answer.json();
    options.challenge = bytes(options.challenge);
    options.allowCredentials = known(options.allowCredentials);
    options.excludeCredentials = known(options.excludeCredentials);
    if (options.user) options.user.id = bytes(options.user.id);
    return options;
  };

  const send = (form, found) => {
    const response = { clientDataJSON: text(found.response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (found.response[part]) response[part] = text(found.response[part]);
    }
    if (found.response.getTransports) response.transports = found.response.getTransports();
    form.elements.passkey.value = JSON.stringify({
      id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {},
      authenticatorAttachment: found.authenticatorAttachment || undefined,
    });
    form.requestSubmit();
  };

  const said = {
    NotAllowedError: "It was stopped, or took too long. Try once more, or go on without a passkey.",
    InvalidStateError: "There is a passkey for your account in it already.",
    SecurityError: "Passkeys do not work at this address.",
    NotSupportedError: "Your device does not have what is needed. Try another one.",
  };

  // The offer in the address field, as long as nobody presses the button.
  let offer = null;
  const stop = () => {
    if (offer) offer.abort();
    offer = null;
  };
  const renew = 4 * 60 * 1000;
  const makeOffer = async (form) => {
    stop();
    const mine = new AbortController();
    offer = mine;
    const again = () => {
      if (offer !== mine) return;
      if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
      else makeOffer(form);
    };
    const late = setTimeout(again, renew);
    try {
      const publicKey = await ask(form);
      if (offer !== mine) return;
      delete publicKey.timeout;
      send(form, await navigator.credentials.get({ publicKey, mediation: "conditional", signal: mine.signal }));
    } catch {
      // nothing was chosen, or nothing can be: the page goes on without
      if (offer === mine && !mine.signal.aborted) clearTimeout(late);
    }
  };

  for (const form of forms) {
    const button = form.querySelector("button");
    const line = form.querySelector("[data-said]");
    for (const without of form.querySelectorAll("[data-without]")) without.hidden = true;
    form.hidden = button.hidden = false;
    form.addEventListener("submit", async (event) => {
      if (form.elements.passkey.value) return;
      event.preventDefault();
      event.stopPropagation(); // it is not sent yet
      if (button.disabled) return;
      stop();
      line.hidden = button.disabled = true;
      try {
        const publicKey = await ask(form);
        send(form, await (publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })));
      } catch (e) {
        line.textContent = e instanceof Refusal ? e.message : said[e.name] || "That did not work. Try once more, or go on without a passkey.";
        line.hidden = false;
      }
      button.disabled = false;
    });
    if ("offered" in form.dataset && PublicKeyCredential.isConditionalMediationAvailable) {
      PublicKeyCredential.isConditionalMediationAvailable().then((can) => { if (can) makeOffer(form); });
    }
  }
  addEventListener("pageshow", (event) => {
    for (const form of forms) {
      form.elements.passkey.value = "";
      if (event.persisted && "offered" in form.dataset) makeOffer(form); // the one before ended when the page was left
    }
  });
})();
