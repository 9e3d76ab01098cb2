"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, parent, text = "") => parent.appendChild(Object.assign(document.createElement(tag), { textContent: text }));

// Families grouped by paper or by question, and the contents in the same order.
const figures = document.getElementById("figures");
const articles = all("article", figures);
function group(kind) {
  const contents = document.getElementById("contents");
  contents.replaceChildren();
  figures.replaceChildren();
  for (const [key, name] of Object.entries(JSON.parse(figures.dataset[kind + "s"]))) {
    const members = articles.filter((article) => article.dataset[kind] === key);
    if (!members.length) continue;
    const section = make("section", figures);
    make("h2", section, name);
    make("h2", contents, name);
    const list = make("ul", contents);
    for (const article of members) {
      section.append(article);
      make("a", make("li", list), article.querySelector("h3").textContent).href = "#" + article.id;
    }
  }
}
all("#grouping input").forEach((input) => input.addEventListener("change", () => group(input.value)));
group(document.querySelector("#grouping input:checked").value);
document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav details").open = false;

// A panel that is wider than a column takes the row.
function widen(image) {
  image.closest("figure").classList.toggle("wide", image.naturalWidth > 1.6 * image.naturalHeight);
}
all(".enlarge img").forEach((image) => (image.complete ? widen(image) : image.addEventListener("load", () => widen(image))));
all("figure table").forEach((table) => table.closest("figure").classList.add("wide"));

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

// A figure at full width; on a phone it scrolls.
const large = document.getElementById("large");
all(".enlarge").forEach((button) => button.addEventListener("click", () => {
  large.querySelector("img").src = button.firstElementChild.src;
  large.querySelector("p").textContent = button.firstElementChild.alt;
  large.showModal();
}));
