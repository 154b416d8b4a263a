/** Light or dark: as the system has it, until somebody presses the button; that is remembered. */

const KEPT = "trm-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function themed(button) {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const say = () => button.setAttribute("aria-pressed", dark());
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    keep(root.dataset.theme);
    say();
  });
  system.addEventListener("change", say);
  const kept = remembered();
  if (kept) root.dataset.theme = kept;
  say();
}

// a browser that is told to keep nothing throws at the mention of its storage, and the page must go on without

function remembered() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(theme) {
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    // then it holds until the page is left
  }
}
