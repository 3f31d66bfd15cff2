// Tabs as the ARIA Authoring Practices describe them: arrow keys, Home, End; the address's #name opens one.
// Knows nothing of what the panels hold.

export class Tabs {
  #list;
  #tabs;
  #onChange;
  current = null;

  /** list: the role=tablist element, busy until start(); onChange(name): after the panel is shown; a tab's id is `tab-NAME`. */
  constructor(list, onChange) {
    this.#list = list;
    this.#tabs = [...list.querySelectorAll('[role=tab]')];
    this.#onChange = onChange;
    list.hidden = this.#tabs.length < 2;
    for (const tab of this.#tabs) tab.addEventListener('click', () => this.select(nameOf(tab)));
    list.addEventListener('keydown', (event) => this.#key(event));
    window.addEventListener('hashchange', () => this.select(this.#asked()));
  }

  /** Opens the tab that the address names, or the first. */
  start() {
    this.select(this.#asked());
    this.#list.removeAttribute('aria-busy');
  }

  select(name) {
    if (name === this.current) return;
    this.current = name;
    for (const tab of this.#tabs) {
      const chosen = nameOf(tab) === name;
      tab.setAttribute('aria-selected', chosen);
      tab.tabIndex = chosen ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !chosen;
    }
    this.#onChange(name);
  }

  #asked() {
    const names = this.#tabs.map(nameOf);
    const asked = window.location.hash.slice(1);
    return names.includes(asked) ? asked : (this.current ?? names[0]);
  }

  #key(event) {
    const here = this.#tabs.indexOf(document.activeElement);
    const last = this.#tabs.length - 1;
    const target = {
      ArrowRight: here === last ? 0 : here + 1,
      ArrowLeft: here === 0 ? last : here - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (here === -1 || target === undefined) return;
    event.preventDefault();
    this.#tabs[target].focus();
    this.select(nameOf(this.#tabs[target]));
  }
}

function nameOf(tab) {
  return tab.id.replace('tab-', '');
}
