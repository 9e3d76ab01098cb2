"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Figures travel gzipped in the page, after everything else, and are unpacked when they come near the window.
const unpacked = new Map();
async function unpack(anchor) {
  const script = document.querySelector(`script[data-packed="${CSS.escape(anchor)}"]`);
  if (!script) {
    if (document.readyState !== "loading") throw new Error(`${anchor} is not in the page`);
    await new Promise((done) => document.addEventListener("DOMContentLoaded", done, { once: true }));
    return unpack(anchor);
  }
  const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return URL.createObjectURL(new Blob([await new Response(stream).arrayBuffer()], { type: script.dataset.media }));
}
async function draw(image) {
  const anchor = image.dataset.figure;
  if (!unpacked.has(anchor)) unpacked.set(anchor, unpack(anchor));
  image.src = await unpacked.get(anchor);
}
const near = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    near.unobserve(entry.target);
    draw(entry.target);
  }
}, { rootMargin: "600px" });
all("img[data-figure]").forEach((image) => near.observe(image));
addEventListener("beforeprint", () => all("img[data-figure]").forEach(draw));

// One view at a time, named by the address: a paper, a question, a number of a paper, a family or a figure, found words.
const figures = document.getElementById("figures"), search = document.getElementById("search");
const names = Object.fromEntries(["questions", "papers", "numbers"].map((kind) => [kind, JSON.parse(figures.dataset[kind])]));
const articles = all("article", figures);
function choose(heading, about, wanted) {
  document.getElementById("heading").textContent = heading;
  document.getElementById("about").textContent = about;
  const list = document.getElementById("families");
  list.replaceChildren();
  for (const article of articles) {
    const shown = all("figure", article).filter((figure) => {
      figure.hidden = !wanted(figure, article);
      return !figure.hidden;
    });
    article.hidden = !shown.length;
    if (article.hidden) continue;
    const link = Object.assign(document.createElement("a"), { href: "#" + article.id, textContent: article.querySelector("h2").textContent });
    list.appendChild(document.createElement("li")).append(link, ` (${shown.length})`);
  }
  list.hidden = list.children.length < 2;
  document.getElementById("nothing").hidden = list.children.length > 0;
}
function show() {
  const place = decodeURIComponent(location.hash.slice(1)), [kind, key] = place.split(/:(.*)/);
  let view = "figures", target = null;
  if (search.value.trim()) {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    choose(`Figures with ${search.value.trim()}`, "", (figure, article) => {
      const text = `${figure.id} ${figure.textContent} ${article.querySelector("h2").textContent} ${names.papers[article.dataset.paper]}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
  } else if (kind === "paper" && names.papers[key]) choose(names.papers[key], "", (figure, article) => article.dataset.paper === key);
  else if (kind === "question" && names.questions[key]) choose(names.questions[key], "", (figure, article) => article.dataset.question === key);
  else if (kind === "number") {
    const number = names.numbers.find((one) => one.key === key);
    if (number) choose(`${names.papers[number.paper].split(",")[0]}, ${number.number}`, `${number.shows}. Ours: ${number.verdict}; ${number.note}.`, (figure) => number.anchors.includes(figure.id));
  } else if (place.includes("/")) {
    target = document.getElementById(place);
    const article = target?.closest("article");
    if (article) choose(names.papers[article.dataset.paper], "", (figure, other) => other === article);
    else view = "overview";
  } else view = document.getElementById(place)?.classList.contains("view") ? place : "overview";
  all(".view").forEach((section) => { section.hidden = section.id !== view; });
  all("select[data-go]").forEach((select) => { select.value = [...select.options].some((option) => option.value === place) ? place : ""; });
  if (target?.tagName === "FIGURE") target.scrollIntoView(); else scrollTo(0, 0);
}
all("select[data-go]").forEach((select) => select.addEventListener("change", () => { if (select.value) location.hash = select.value; }));
addEventListener("hashchange", () => { search.value = ""; show(); });
search.addEventListener("input", show);
show();

// Tables sort by a click on a heading: numbers before text, and empty cells last.
const numeric = (key) => key !== "" && !Number.isNaN(Number(key));
function compare(a, b) {
  if (numeric(a) && numeric(b)) return Number(a) - Number(b);
  return numeric(b) - numeric(a) || a.localeCompare(b);
}
all("table.sortable").forEach((table) => {
  const headings = all("th", table);
  headings.forEach((heading, column) => heading.addEventListener("click", () => {
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((other) => other.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const key = (row) => row.cells[column].dataset.key;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => (key(a) === "") - (key(b) === "") || sign * compare(key(a), key(b)));
    table.tBodies[0].append(...rows);
  }));
});

// The ledger's filter: rows that have every word.
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/);
  const rows = all("#ledger tbody tr");
  rows.forEach((row) => (row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word))));
  document.getElementById("shown").textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length;
});

// A figure at full width; on a phone it scrolls. Commands are copied.
const large = document.getElementById("large");
all(".enlarge").forEach((button) => button.addEventListener("click", async () => {
  await draw(button.firstElementChild);
  large.querySelector("img").src = button.firstElementChild.src;
  large.querySelector("img").alt = large.querySelector("p").textContent = button.firstElementChild.alt;
  large.showModal();
}));
all(".copy").forEach((button) => button.addEventListener("click", async () => {
  const command = button.previousElementSibling;
  try { await navigator.clipboard.writeText(command.textContent); button.textContent = "copied"; }
  catch { getSelection().selectAllChildren(command); button.textContent = "selected"; }
  setTimeout(() => { button.textContent = "copy"; }, 2000);
}));
