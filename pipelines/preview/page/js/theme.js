// The system's theme, dark, light: a button that goes round.

const THEMES = ["", "dark", "light"];

export function startTheme(button) {
  const show = () => {
    const theme = document.documentElement.dataset.theme || "";
    button.textContent = theme ? `Theme: ${theme}` : "Theme";
    button.title = `Theme: ${theme || "as the system"}`;
  };
  button.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("preview-theme", next);
    } catch {
      // a browser that lets the page remember nothing: the choice lasts as long as the page
    }
    show();
  });
  show();
}
