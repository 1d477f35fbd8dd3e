// steps.js: step by step through a view: back, forth, and by itself.

const SPEEDS = [["slow", 1200], ["medium", 450], ["fast", 120]];

class Steps {
  constructor(explorer) {
    this.explorer = explorer;
    this.timer = null;
    this.element = document.createElement("div");
    this.element.className = "steps";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", say("steps.title"));
    const button = (key, sign) => `<button type="button" data-key="${key}" aria-label="${escaped(say(`steps.${key}`))}" title="${escaped(say(`steps.${key}`))}">${sign}</button>`;
    this.element.innerHTML =
      button("first", "|◀") + button("back", "◀") + button("play", "▶▶") + button("next", "▶") +
      `<input type="range" min="0" value="0" aria-label="${escaped(say("steps.which"))}">` +
      `<output></output><label>${escaped(say("steps.speed"))} <select>${SPEEDS.map(([name]) => `<option value="${name}">${escaped(say(`steps.${name}`))}</option>`).join("")}</select></label>`;
    this.slider = this.element.querySelector("input");
    this.output = this.element.querySelector("output");
    this.speed = this.element.querySelector("select");
    this.speed.value = "medium";
    this.element.addEventListener("click", (event) => {
      const key = event.target.dataset.key;
      if (key === "play") return this.timer ? this.stop() : this.play();
      if (!key) return;
      this.stop();
      this.go({ first: 0, back: this.now - 1, next: this.now + 1 }[key]);
    });
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(this.slider.valueAsNumber);
    });
  }

  // A view has other steps.
  begin(steps) {
    this.stop();
    this.list = steps;
    this.now = -1;
    this.slider.max = Math.max(0, steps.length - 1);
    this.slider.value = 0;
    this.write();
  }

  go(step) {
    if (this.list.length === 0) return;
    this.now = Math.min(Math.max(step, 0), this.list.length - 1);
    this.slider.value = this.now;
    const [array, flat] = this.list[this.now];
    this.explorer.step({ array, flat });
    this.write();
  }

  write() {
    this.output.textContent = say("steps.of", { now: this.now + 1, all: this.list.length });
    const button = this.element.querySelector('[data-key="play"]');
    button.textContent = this.timer ? "||" : "▶▶";
    button.setAttribute("aria-label", say(this.timer ? "steps.pause" : "steps.play"));
    button.title = say(this.timer ? "steps.pause" : "steps.play");
  }

  play() {
    const next = () => {
      if (this.now >= this.list.length - 1) return this.stop();
      this.go(this.now + 1);
      this.timer = setTimeout(next, SPEEDS.find(([name]) => name === this.speed.value)[1]);
    };
    if (this.now >= this.list.length - 1) this.now = -1;
    this.timer = setTimeout(next, 0);
    this.write();
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.list) this.write();
  }
}
