// The page of the demonstration asks how the story stands, and shows the screens that belong to the step.
"use strict";

(() => {
  const get = (id) => document.getElementById(id);
  const all = (selector) => document.querySelectorAll(selector);
  const steps = [...all("[data-step]")];
  const screens = new Map([...all("[data-screen]")].map((s) => [s.dataset.screen, s]));
  let due = -1;
  let since = 0; // when the step began
  let places = {}; // addresses that have a name
  let nudged = 0; // when the screens were loaded anew last

  const frames = (step) => step.dataset.frames.trim().split(" ");
  const frame = (name) => screens.get(name).querySelector("iframe");
  function open(name, path) {
    screens.get(name).hidden = false;
    frame(name).src = places[path] || screens.get(name).dataset.origin + path;
    pressed();
  }
  function pressed() {
    for (const b of all("[data-switch]")) b.setAttribute("aria-pressed", String(!screens.get(b.dataset.switch).hidden));
  }
  function show(names) {
    for (const [name, screen] of screens) {
      screen.hidden = !names.includes(name);
      if (!screen.hidden) screen.style.order = names.indexOf(name);
      if (!screen.hidden && !frame(name).src) frame(name).src = screen.dataset.origin + "/" + (name === "tv" ? "tv" : "");
    }
    pressed();
  }
  async function copy(text, button) {
    await navigator.clipboard.writeText(text);
    const word = button.firstChild;
    word.data = "Copied";
    setTimeout(() => { word.data = "Copy"; }, 1500);
  }

  for (const b of all("[data-open]")) {
    b.addEventListener("click", () => {
      show(frames(b.closest("[data-step]")));
      open(b.dataset.open, b.dataset.path);
      screens.get(b.dataset.open).scrollIntoView({ block: "nearest" }); // where the screens stand below
    });
  }
  for (const b of all("[data-copy]")) b.addEventListener("click", () => copy(b.dataset.copy, b));
  for (const b of all("[data-switch]")) {
    b.addEventListener("click", () => {
      const screen = screens.get(b.dataset.switch);
      if (screen.hidden && !frame(b.dataset.switch).src) open(b.dataset.switch, b.dataset.switch === "tv" ? "/tv" : "/");
      else screen.hidden = !screen.hidden;
      pressed();
    });
  }
  for (const b of all("[data-again]")) b.addEventListener("click", () => { frame(b.dataset.again).src = frame(b.dataset.again).src; });
  get("copy-digits").addEventListener("click", (e) => copy(get("digits").textContent, e.currentTarget));
  for (const b of all("[data-take]")) {
    b.addEventListener("click", async () => {
      const taken = steps[due]; // by the time the answer comes, the page may have noticed that it is done, and be at the next one
      for (const other of all("[data-take]")) other.disabled = true;
      const answer = await fetch("/take", { method: "POST" });
      for (const other of all("[data-take]")) other.disabled = false;
      get("problem").hidden = answer.ok;
      if (!answer.ok) get("problem").textContent = await answer.text();
      await look();
      show(frames(taken));
      const after = taken.dataset.after.trim().split(" ");
      for (let i = 0; i + 1 < after.length; i += 2) open(after[i], after[i + 1]);
    });
  }

  const make = (name, facts = {}) => Object.assign(document.createElement(name), facts);
  function mail(list) {
    get("mail-empty").hidden = list.length > 0;
    const box = get("mail");
    const known = new Set([...box.children].map((li) => li.dataset.id));
    for (const m of [...list].reverse()) {
      if (known.has(m.id)) continue;
      const li = make("li");
      li.dataset.id = m.id;
      const details = make("details"), summary = make("summary"), actions = make("div");
      summary.append(m.subject, make("span", { textContent: "to " + m.to }));
      details.append(summary, make("pre", { textContent: m.text }));
      if (m.digits) {
        const b = make("button", { type: "button", className: "quiet" });
        b.append("Copy", make("span", { textContent: m.digits }));
        b.addEventListener("click", () => copy(m.digits, b));
        actions.append(b);
      }
      if (m.link) {
        const a = make("a", { className: "button quiet", href: m.link, target: m.frame, rel: "noreferrer", textContent: "Open its link" });
        a.addEventListener("click", () => { screens.get(m.frame).hidden = false; pressed(); });
        actions.append(a);
      }
      li.append(details, actions);
      box.prepend(li);
    }
    while (box.children.length > list.length) box.lastChild.remove();
  }

  function go(at) {
    due = at;
    since = Date.now();
    steps.forEach((li, i) => {
      li.classList.toggle("is-done", i < at);
      li.classList.toggle("is-due", i === at);
      li.querySelector("details").open = i === at;
      li.querySelector("[data-take]").hidden = i !== at; // it takes the step that is due
    });
    get("progress").value = at;
    get("where").textContent = at < steps.length ? `Step ${at + 1} of ${steps.length}: ${steps[at].querySelector("summary").lastChild.textContent}` : "The story is over";
    get("over").hidden = at < steps.length;
    const first = ![...screens.values()].some((s) => !s.hidden);
    if (at < steps.length && (first || steps[at].dataset.step === "stop")) show(frames(steps[at]));
  }

  // After the incident nobody touches anything: the screens are looked at again until they say that they are out.
  function nudge(state) {
    const now = Date.now();
    if (now - since < 5000 || now - nudged < 3000) return;
    nudged = now;
    if (!state.shut) open("server", frame("server").src.replace(screens.get("server").dataset.origin, ""));
    if (state.tv) open("tv", "/tv");
    if (state.in) open("you", "/account/devices");
  }

  async function look() {
    let state;
    try {
      const answer = await fetch("/state", { cache: "no-store" });
      if (!answer.ok) throw new Error(await answer.text());
      state = await answer.json();
    } catch (e) {
      get("where").textContent = "The demonstration has ended";
      return;
    }
    get("app").hidden = !state.digits;
    get("app-empty").hidden = Boolean(state.digits);
    get("digits").textContent = state.digits;
    get("left").textContent = `new ones in ${state.left} s`;
    places = state.places;
    mail(state.mail || []);
    if (state.at !== due) go(state.at);
    if (steps[due] && steps[due].dataset.step === "stop") nudge(state);
  }
  look();
  setInterval(look, 1000);
})();
