// Everything here only adds: each page works the same without it.
"use strict";

(() => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function state() {
    try {
      const answer = await fetch("/.usher/claim/state", { cache: "no-store" });
      return answer.ok ? await answer.text() : "";
    } catch {
      return ""; // the gate is being started again
    }
  }

  // A claim goes on at the service in a new tab; this one waits for it.
  for (const form of document.querySelectorAll("form[data-claim]")) {
    form.addEventListener("submit", () => {
      const tab = document.createElement("input");
      tab.type = "hidden";
      tab.name = "tab";
      form.append(tab);
      form.target = "_blank";
      (async () => {
        for (let tries = 0; tries < 30; tries++) {
          await pause(500);
          if ((await state()) === "waiting") {
            location.assign("/.usher/claim");
            return;
          }
        }
      })();
    });
  }

  // What is dropped down goes away by Escape, by a press beside it, and when the keyboard goes on to what it may cover.
  for (const drop of document.querySelectorAll("details.drop")) {
    document.addEventListener("pointerdown", (e) => {
      if (!drop.contains(e.target)) drop.open = false;
    });
    drop.addEventListener("focusout", (e) => {
      const to = e.relatedTarget;
      if (to && !drop.contains(to) && drop.compareDocumentPosition(to) & Node.DOCUMENT_POSITION_FOLLOWING) drop.open = false;
    });
    drop.addEventListener("keydown", (e) => {
      if (e.key !== "Escape") return;
      drop.open = false;
      drop.querySelector("summary").focus();
    });
  }

  if (document.querySelector("[data-waiting]")) {
    (async () => {
      do await pause(2000);
      while ((await state()) !== "over");
      location.reload();
    })();
  }
})();
