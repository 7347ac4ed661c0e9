// What the tests ask a page. Read into every question, so that nothing of it stays behind.

const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

const text = () => (document.body?.innerText ?? "").replace(/\s+/g, " ").trim();

// call names an element the way a person reading a complaint finds it.
const call = (element) => {
  const label = element.labels && element.labels[0] && element.labels[0].innerText;
  const words = element.getAttribute("aria-label") || label || element.innerText || element.name || element.id || "";
  return `${element.localName} “${words.replace(/\s+/g, " ").trim()}”`;
};

// select selects the first text that fits the pattern, as a double click does.
const select = (pattern) => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const found = pattern.exec(walker.currentNode.data);
    if (!found) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, found.index);
    range.setEnd(walker.currentNode, found.index + found[0].length);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return found[0];
  }
  throw new Error("nothing on the page fits " + pattern);
};

// mailLink finds the newest mail to an address in the outbox.
const mailLink = (to, subject) => {
  for (const link of document.querySelectorAll("main a")) {
    const [first, second] = link.children;
    if (first && second && first.textContent.includes(subject) && second.textContent === "to " + to) return link.href;
  }
  return "";
};

// linkTo finds the link of a mail by the path it leads to.
const linkTo = (path) => [...document.links].map((link) => link.href).find((href) => new URL(href).pathname.startsWith(path)) || "";

const focused = () => (document.activeElement === document.body ? "" : call(document.activeElement));

// ring is how the thing that has the focus shows it: the width of its outline, and whether it can be seen at all.
const ring = () => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    name: focused(),
    width: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    within: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
  };
};

const focusable = "a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select, textarea, summary";

// passed reports whether the Tab key goes past a choice of several: it reaches the one that is chosen, and the arrows the others.
const passed = (e) => e.type === "radio" && !e.checked && document.querySelector(`input[type=radio][name="${e.name}"]:checked`) !== null;

// stops are the things the Tab key reaches, in the order in which they are read. A field for a day has four: month, day, year, and the calendar.
const stops = () => [...document.querySelectorAll(focusable)].filter((e) => visible(e) && e.tabIndex >= 0 && !passed(e)).flatMap((e) => Array(e.type === "date" ? 4 : 1).fill(call(e)));

// fromTheTop lets the next Tab begin with the first thing on the page.
const fromTheTop = () => {
  getSelection().removeAllRanges();
  scrollTo(0, 0);
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute("tabindex");
};

// small lists controls that are hard to hit: under 44 by 44 CSS pixels, with the label where a press on it counts too.
const small = () => {
  const found = [];
  for (const element of document.querySelectorAll("button, .button, input, select, textarea, summary")) {
    if (!visible(element) || element.type === "hidden") continue;
    let { top, bottom, left, right } = element.getBoundingClientRect();
    if (element.type === "checkbox" || element.type === "radio") {
      for (const label of element.labels) {
        const box = label.getBoundingClientRect();
        [top, bottom, left, right] = [Math.min(top, box.top), Math.max(bottom, box.bottom), Math.min(left, box.left), Math.max(right, box.right)];
      }
    }
    const width = right - left, height = bottom - top;
    if (width < 43.9 || height < 43.9) found.push(`${call(element)} is ${width.toFixed(1)} × ${height.toFixed(1)}`);
  }
  return found;
};

// over lists what sticks out of the window sideways, where the page can be scrolled that way.
const over = () => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > width + 0.5 && !scrolls(e.parentElement));
  return [`the page is ${document.documentElement.scrollWidth} wide`, ...out.slice(-5).map(call)];
};

// fields are the names of the fields people fill, each with what a password manager reads.
const fields = () => {
  const found = {};
  for (const input of document.querySelectorAll("input:not([type=hidden]), select")) {
    found[input.name || input.id] = { autocomplete: input.autocomplete, type: input.type, mode: input.inputMode };
  }
  return found;
};

// everything is all a page holds: its text as it is now, and what stands in its fields.
const everything = () => [document.documentElement.outerHTML, ...[...document.querySelectorAll("input")].map((i) => i.value)].join("\n");

const size = () => ({ width: document.documentElement.clientWidth, height: document.documentElement.scrollHeight });

// rules runs axe-core, which has to be in the page already, and tells what it found wrong: by all its rules, or only by some.
const rules = async (only) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false, ...(only && { runOnly: only }) });
  return violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 4).map((n) => n.html + " " + n.failureSummary) }));
};
