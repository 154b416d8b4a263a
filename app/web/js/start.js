/** Runs before the page's modules: where one of them does not arrive, the page is loaded once more; if that does not help, it says so. Knows no module. */

addEventListener(
  "error",
  ({ target }) => {
    if (target.tagName !== "SCRIPT") return;
    const [visit] = performance.getEntriesByType("navigation");
    if (visit.type !== "reload") location.reload();
    else document.getElementById("unloaded").hidden = false;
  },
  true, // an error of an element does not bubble
);
