// mount.js: an element becomes an explorer.

const OPERATIONS = {};

function mount(element, state) {
  const root = element.shadowRoot || element.attachShadow({ mode: "open" });
  root.textContent = state.op;
  return { select() {}, view() {}, state: () => state, remove: () => root.replaceChildren() };
}

return { mount, open: mount };
