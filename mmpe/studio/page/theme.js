// Light or dark: as the system says, until one is chosen.

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const WORDS = { auto: 'as the system', light: 'light', dark: 'dark' };

export function startTheme(button) {
  let theme = localStorage.getItem('theme') ?? 'auto';
  const apply = () => {
    document.documentElement.dataset.theme = theme;
    button.setAttribute('aria-label', `Colors: ${WORDS[theme]}`);
    button.title = `Colors: ${WORDS[theme]}`;
  };
  button.addEventListener('click', () => {
    theme = NEXT[theme] ?? 'auto';
    localStorage.setItem('theme', theme);
    apply();
  });
  apply();
}
