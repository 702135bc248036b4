'use strict';
// Finds and hides workloads. Everything is on the page already: nothing is
// written here but which workloads are shown and how many.
(() => {
  const list = document.getElementById('list');
  if (!list) return;
  document.documentElement.classList.add('scripted');

  const form = document.getElementById('filters');
  const shown = document.getElementById('shown');
  const none = document.getElementById('none');
  const names = ['q', 'state', 'field', 'outcome', 'verdict', 'hazard', 'namespace', 'level'];
  const controls = Object.fromEntries(names.map((name) => [name, document.getElementById(name)]));
  const items = Array.from(list.children, (element) => ({
    element,
    state: element.querySelector('b').className,
    fields: (element.dataset.f || '').split(' '),
    hazards: (element.dataset.h || '').split(' '),
    namespace: element.dataset.n,
    level: element.dataset.l,
    verdict: element.dataset.v,
    text: null,
  }));

  // What a search looks at: the line of a workload, where it is from, and the
  // names and images of its containers. Read when the first search needs it.
  const textOf = (item) => item.text ??= Array.from(
    item.element.querySelectorAll('h3, .source, [scope=rowgroup]'), (e) => e.textContent).join('\n').toLowerCase();

  const number = (select) => select.selectedOptions[0]?.dataset.no;

  // The filter that the controls stand for, as a function.
  const filter = () => {
    const words = controls.q.value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = controls.state.value;
    const level = controls.level.value;
    const verdict = controls.verdict.value;
    const namespace = number(controls.namespace);
    const field = number(controls.field);
    const outcome = controls.outcome.value.slice(0, 1);
    const hazard = controls.hazard.value;
    const hazardNo = number(controls.hazard);
    return (item) => {
      if (state && item.state !== state) return false;
      if (level && item.level !== level) return false;
      if (verdict && item.verdict !== verdict) return false;
      if (namespace !== undefined && item.namespace !== namespace) return false;
      if ((field !== undefined || outcome) && !item.fields.some((token) => token &&
        (field === undefined || token.slice(1) === field) && (!outcome || token[0] === outcome))) return false;
      if (hazard === '*' && item.hazards[0] === '') return false;
      if (hazard === '-' && item.hazards[0] !== '') return false;
      if (hazardNo !== undefined && !item.hazards.includes(hazardNo)) return false;
      return words.length === 0 || words.every((word) => textOf(item).includes(word));
    };
  };

  const apply = () => {
    const matches = filter();
    let count = 0;
    for (const item of items) {
      const match = matches(item);
      if (match) count++;
      if (item.element.hidden === match) item.element.hidden = !match;
    }
    shown.textContent = `${count} of ${items.length} shown`;
    none.hidden = count > 0;
  };

  // The filters stand in the address, after "#?", so that a link leads to what is
  // shown here.
  const remember = () => {
    const query = new URLSearchParams();
    for (const name of names) if (controls[name].value) query.set(name, controls[name].value);
    const text = query.toString();
    try {
      history.replaceState(null, '', text ? '#?' + text : '#');
    } catch {
      // Some viewers of attachments have no address to change.
    }
  };

  const clear = () => { for (const name of names) controls[name].value = ''; };

  // go follows the address: to filters, or to a workload, which is opened.
  const go = () => {
    const hash = location.hash;
    if (hash.startsWith('#?')) {
      const query = new URLSearchParams(hash.slice(2));
      for (const name of names) {
        controls[name].value = query.get(name) || '';
        if (controls[name].selectedIndex === -1) controls[name].value = '';
      }
      apply();
      form.scrollIntoView();
      return;
    }
    const item = document.getElementById(hash.slice(1).replaceAll('%7E', '~'));
    if (item?.parentNode !== list) return;
    if (item.hidden) {
      clear();
      apply();
    }
    item.querySelector('details').open = true;
    item.scrollIntoView();
  };

  let timer;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { apply(); remember(); }, 120);
  };
  form.addEventListener('input', later);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', (event) => { event.preventDefault(); clear(); later(); });

  const setOpen = (open) => {
    for (const { element } of items) if (!open || !element.hidden) element.firstElementChild.open = open;
  };
  document.getElementById('open').addEventListener('click', () => setOpen(true));
  document.getElementById('close').addEventListener('click', () => setOpen(false));

  window.addEventListener('hashchange', go);
  apply(); // a browser that goes back may have kept what was typed
  go();
})();
