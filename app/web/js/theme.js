/** Light or dark: as the system has it, until somebody presses the button; that is remembered. */

const KEPT = "trm-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function themed(button) {
  const root = document.documentElement;
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const say = () => button.setAttribute("aria-pressed", dark());
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    localStorage.setItem(KEPT, root.dataset.theme);
    say();
  });
  system.addEventListener("change", say);
  const kept = localStorage.getItem(KEPT);
  if (kept) root.dataset.theme = kept;
  say();
}
