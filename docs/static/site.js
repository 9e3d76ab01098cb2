// What the theme leaves out for those who do not see the page: levels of headings, names of regions, code that scrolls by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll('p.caption[role="heading"]').forEach((caption) => caption.setAttribute("aria-level", "2"));
  document.querySelectorAll("aside").forEach((aside, i) => aside.setAttribute("aria-label", i ? "On this page" : "Pages"));
  document.querySelectorAll("article pre, .table-wrapper").forEach((block) => block.setAttribute("tabindex", "0"));
});
