/** The live view of a run, or of a pipeline that can be run. Plain DOM; names and logs are only ever text. */

const SHAPES = {
  pending: '○', running: '▶', succeeded: '✓', failed: '✗', skipped: '–', omitted: '∅', cached: '⟲', cancelled: '■'
};
const FINAL = ['succeeded', 'failed', 'cancelled'];
const TIMED = ['running', ...FINAL];
const DONE = [...FINAL, 'skipped', 'omitted', 'cached'];
const DOING = { run: 'starting …', cancel: 'cancelling …', retry: 'starting again …' };
const WAITS = 'asked; the kernel has not answered yet: it is busy with a cell, or gone';
const MOST_LINES = 1000;
const PATIENCE = 400; // milliseconds in which a kernel that is not busy answers
const LOOK_AGAIN = 2000; // milliseconds between two questions whether a run was taken up again
const MARGIN = 8;
const NOTE = 48; // letters of a note that are shown
const LETTER = 5.9; // pixels that a letter of a note takes
const SMALLEST = 0.7; // of its size the graph may be shrunk to, before it is scrolled
const SVG = 'http://www.w3.org/2000/svg';

// ------------------------------------------------------------------ what is known
/** What the kernel has told; every view of it is told when something has changed. */
class Store {
  constructor(model) {
    this.model = model;
    this.views = new Set();
    this.waiting = new Map(); // what was asked and not yet heard
    this.number = 0;
    this.busy = false;
    this.take(model.get('shown'));
    model.on('msg:custom', message => this.hear(message));
  }

  take(shown) {
    this.state = { ...shown };
    this.late = Date.now() / 1000 - shown.now; // by which this clock is before the kernel's
  }

  hear(message) {
    if ('heard' in message) {
      window.clearTimeout(this.waiting.get(message.heard));
      this.waiting.delete(message.heard);
      this.busy = false;
      return this.tell();
    }
    if ('graph' in message && 'form' in message) {
      this.take(message);
      return this.tell();
    }
    if (message.told_before > this.state.told_before + 1) {
      return this.ask({ do: 'again' });
    }
    if (message.told_before <= this.state.told_before) {
      return;
    }
    const { steps, log, fresh, ...rest } = message;
    Object.assign(this.state, rest);
    if (steps) {
      const all = Object.entries(fresh ? steps : { ...this.state.steps, ...steps });
      this.state.steps = Object.fromEntries(all.filter(([, step]) => step !== null));
    }
    if (log?.add) {
      this.state.log = { ...this.state.log, lines: [...this.state.log.lines, ...log.add].slice(-MOST_LINES) };
    } else if (log !== undefined) {
      this.state.log = log;
    }
    this.tell(steps, log?.add);
  }

  /** Ask the kernel for something. One that is busy with a cell may hear it later: that is shown. */
  ask(what) {
    const number = ++this.number;
    this.model.send({ ...what, number });
    this.waiting.set(
      number,
      window.setTimeout(() => {
        this.busy = true;
        this.tell();
      }, PATIENCE)
    );
  }

  tell(steps = undefined, added = undefined) {
    this.views.forEach(view => view.show(steps, added));
  }

  get now() {
    return Date.now() / 1000 - this.late;
  }

  get active() {
    return this.state.run !== null && !FINAL.includes(this.state.run.state);
  }
}

// ------------------------------------------------------------------ small helpers
function element(tag, name, text = '', attributes = {}) {
  const node = document.createElement(tag);
  node.className = name;
  node.textContent = text;
  Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
  return node;
}

function drawn(tag, attributes, text = '') {
  const node = document.createElementNS(SVG, tag);
  Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, String(value)));
  node.textContent = text;
  return node;
}

function button(name, label, act) {
  const node = element('button', `kfnb-Button ${name}`, label, { type: 'button' });
  node.addEventListener('click', act);
  return node;
}

/** Change what is new only: a page is not laid out for nothing. */
function say(node, text) {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

function short(text) {
  return text.length > NOTE ? `${text.slice(0, NOTE - 1)}…` : text;
}

export function duration(seconds) {
  if (seconds < 9.95) {
    return `${Math.max(0, seconds).toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  const two = n => String(n).padStart(2, '0');
  if (whole < 60) {
    return `${whole} s`;
  }
  return whole < 3600
    ? `${Math.floor(whole / 60)}:${two(whole % 60)} min`
    : `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}

function took(step, now) {
  if (!step || step.started === null || !TIMED.includes(step.state)) {
    return '';
  }
  return duration((step.finished ?? now) - step.started);
}

function pathOf(points) {
  return points.slice(1).reduce((path, [x1, y1], at) => {
    const [x0, y0] = points[at];
    const middle = (y0 + y1) / 2;
    return `${path}C${x0},${middle} ${x1},${middle} ${x1},${y1}`;
  }, `M${points[0][0]},${points[0][1]}`);
}

// ------------------------------------------------------------------ the graph
class Dag {
  constructor(onStep) {
    this.node = element('div', 'kfnb-Run-graph');
    this.boxes = new Map();
    this.onStep = onStep;
  }

  draw(graph) {
    this.graph = graph;
    const [width, height] = [graph.width + 2 * MARGIN, graph.height + 2 * MARGIN];
    const svg = drawn('svg', {
      class: 'kfnb-Dag', role: 'group', 'aria-label': 'Graph of the pipeline',
      viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`
    });
    svg.style.width = `${width}px`;
    svg.style.minWidth = `${SMALLEST * width}px`;
    this.boxes.clear();
    svg.append(...graph.frames.map(frame => this.frame(frame)), ...graph.lines.map(line => this.line(line)));
    svg.append(...graph.boxes.map(box => this.box(box)));
    this.node.replaceChildren(svg);
  }

  frame(frame) {
    const group = drawn('g', { class: 'kfnb-Dag-frame', 'data-kind': frame.kind });
    const { x, y, width, height } = frame;
    group.append(drawn('title', {}, frame.label), drawn('rect', { x, y, width, height, rx: 8 }));
    group.append(drawn('text', { x: x + 10, y: y + 16 }, short(frame.label)));
    return group;
  }

  line(line) {
    const group = drawn('g', { class: 'kfnb-Dag-line' });
    const [x, y] = line.points[line.points.length - 1];
    const tip = `M${x - 4},${y - 7}L${x},${y - 1}L${x + 4},${y - 7}`;
    group.append(drawn('title', {}, line.why), drawn('path', { d: pathOf(line.points) }), drawn('path', { d: tip }));
    return group;
  }

  box(box) {
    const { x, y, width, height } = box;
    const [middle, centre] = [x + width / 2, y + height / 2];
    const group = drawn('g', {
      class: 'kfnb-Dag-box', 'data-kind': box.kind, 'data-step': box.step, tabindex: 0, role: 'button'
    });
    const title = drawn('title', {});
    const bar = drawn('rect', { class: 'kfnb-Dag-percent', x: x + 8, y: y + height - 4, width: 0, height: 4 });
    const note = drawn('text', { class: 'kfnb-Dag-note', x: middle, y: centre + 14 });
    group.append(title, drawn('rect', { class: 'kfnb-Dag-rect', x, y, width, height, rx: 8 }), bar);
    group.append(drawn('text', { class: 'kfnb-Dag-name', x: middle, y: centre - 3 }, box.step), note);
    group.addEventListener('click', () => this.onStep(box.step));
    group.addEventListener('keydown', event => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        event.stopPropagation();
        this.onStep(box.step);
      }
    });
    this.boxes.set(box.step, { box, group, title, bar, note });
    return group;
  }

  show(name, step, chosen) {
    const found = this.boxes.get(name);
    if (!found) {
      return;
    }
    const { box, group, title, bar, note } = found;
    const items = step?.iterations ? ` ${step.ended}/${step.iterations}` : '';
    const word = step ? `${step.state}${items}` : '';
    const fits = (word.length + 3) * LETTER < box.width;
    group.dataset.state = step?.state ?? '';
    group.setAttribute('aria-label', word ? `${name}: ${word}` : name);
    group.setAttribute('aria-pressed', String(chosen));
    say(note, step ? `${SHAPES[step.state]} ${fits ? word : items.trim()}` : short(box.note) || box.where);
    say(title, [name, box.note, box.where, step?.reason].filter(Boolean).join(' · '));
    const percent = step?.percent ?? null;
    bar.setAttribute('width', String(percent === null ? 0 : ((box.width - 16) * percent) / 100));
  }
}

// ------------------------------------------------------------------ terminal colours
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const CODES = /\x1b\[([0-9;]{0,64})m|\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,512}(?:\x07|\x1b\\)?|\x1b.?/g;
const PLAIN = { foreground: '', background: '', bold: false, underline: false };

function styled(before, codes) {
  let style = { ...before };
  const numbers = codes === '' ? [0] : codes.split(';').map(Number);
  for (let at = 0; at < numbers.length; at++) {
    const [code, tens, name] = [numbers[at], Math.floor(numbers[at] / 10), NAMES[numbers[at] % 10]];
    if (code === 0) {
      style = { ...PLAIN };
    } else if (code === 1 || code === 22) {
      style.bold = code === 1;
    } else if (code === 4 || code === 24) {
      style.underline = code === 4;
    } else if (code === 38 || code === 48) {
      at += numbers[at + 1] === 5 ? 2 : 4; // colours by number: themes have none
    } else if (code === 39) {
      style.foreground = '';
    } else if (code === 49) {
      style.background = '';
    } else if (name && (tens === 3 || tens === 9)) {
      style.foreground = `ansi-${name}${tens === 9 ? '-intense' : ''}-fg`;
    } else if (name && (tens === 4 || tens === 10)) {
      style.background = `ansi-${name}${tens === 10 ? '-intense' : ''}-bg`;
    }
  }
  return style;
}

/** The pieces of a line and the style after it. A carriage return begins the line anew, as progress bars do. */
function pieces(line, start) {
  const shown = line.replace(/\r+$/, '').split('\r').pop();
  const found = [];
  let [style, at] = [start, 0];
  const add = text => {
    const classes = [style.foreground, style.background, style.bold && 'ansi-bold', style.underline && 'ansi-underline'];
    const name = classes.filter(Boolean).join(' ');
    if (text) {
      found.push(name ? element('span', name, text) : text);
    }
  };
  for (const match of shown.matchAll(CODES)) {
    add(shown.slice(at, match.index));
    at = match.index + match[0].length;
    style = match[1] === undefined ? style : styled(style, match[1]);
  }
  add(shown.slice(at));
  return [found, style];
}

// ------------------------------------------------------------------ the log of the chosen step
class Log {
  constructor(ask) {
    this.ask = ask;
    this.node = element('div', 'kfnb-Run-log', '', { role: 'region' });
    this.title = element('strong', 'kfnb-Run-step');
    this.told = element('span', 'kfnb-Run-told');
    this.paths = this.choice('Iteration');
    this.tries = this.choice('Attempt');
    const head = element('div', 'kfnb-Run-logHead');
    head.append(this.title, this.told, this.paths, this.tries);
    this.body = element('pre', 'kfnb-Run-logBody', '', { tabindex: '0', 'aria-label': 'Log' });
    this.node.append(head, this.body);
    this.known = null;
  }

  choice(label) {
    const node = element('select', 'kfnb-Run-choice', '', { 'aria-label': label });
    node.addEventListener('change', () => {
      const attempt = node === this.tries ? Number(this.tries.value) : null;
      this.ask({ do: 'choose', step: this.step, path: this.paths.value || null, attempt });
    });
    return node;
  }

  show(state, now, added) {
    this.node.hidden = state.chosen === null;
    if (this.node.hidden) {
      this.known = null;
      return;
    }
    const step = state.steps[state.chosen];
    this.step = state.chosen;
    this.node.setAttribute('aria-label', `Log of step ${state.chosen}`);
    this.node.dataset.state = step?.state ?? '';
    say(this.title, state.chosen);
    this.tick(state, now);
    if (state.log !== this.known) {
      this.lines(state.log?.step === state.chosen ? state.log : null, added);
      this.known = state.log;
    }
  }

  tick(state, now) {
    const step = state.steps[state.chosen];
    const words = step
      ? [
          `${SHAPES[step.state]} ${step.state}${step.iterations ? ` ${step.ended}/${step.iterations}` : ''}`,
          took(step, now),
          step.attempts > 1 && !step.iterations ? `attempt ${step.attempts}` : '',
          step.reason ?? ''
        ]
      : ['has not run'];
    say(this.told, words.filter(Boolean).join(' · '));
  }

  lines(log, added) {
    const options = (node, values, label) => {
      if (node.childElementCount !== values.length || node.lastChild?.value !== String(values[values.length - 1])) {
        node.replaceChildren(...values.map(value => new Option(label(value), value)));
      }
      node.hidden = values.length < 2;
    };
    options(this.paths, log?.paths ?? [], path => path);
    options(this.tries, Array.from({ length: log?.attempts ?? 0 }, (_, at) => at + 1), number => `attempt ${number}`);
    this.paths.value = log?.path ?? '';
    this.tries.value = String(log?.attempt ?? '');
    const atEnd = this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 24;
    if (!added) {
      this.body.replaceChildren();
      this.style = PLAIN;
    }
    this.body.append(...(added ?? log?.lines ?? []).map(line => this.row(line)));
    while (this.body.childElementCount > MOST_LINES) {
      this.body.firstElementChild.remove();
    }
    this.node.classList.toggle('kfnb-mod-empty', this.body.childElementCount === 0);
    if (atEnd || !added) {
      this.body.scrollTop = this.body.scrollHeight;
    }
  }

  row(line) {
    const row = element('div', 'kfnb-Run-line');
    const [found, style] = pieces(line, this.style);
    this.style = style;
    row.append(...found);
    return row;
  }
}

// ------------------------------------------------------------------ parameters, and what begins a run
class Form {
  constructor(form, ask) {
    this.node = element('form', 'kfnb-Form');
    this.fields = new Map();
    form.parameters.forEach(parameter => this.node.append(this.row(parameter)));
    const others = form.targets.filter(target => target !== 'local');
    this.run = element('button', 'kfnb-Button kfnb-mod-accept', 'Run', { type: 'submit' });
    this.target = element('select', 'kfnb-Run-choice', '', { 'aria-label': 'Target' });
    this.target.append(...others.map(target => new Option(target, target)));
    this.target.hidden = others.length < 2;
    this.target.addEventListener('change', () => this.name());
    this.submit = button('kfnb-Run-submit', '', () => this.begin(ask, this.target.value));
    this.submit.hidden = others.length === 0;
    this.name();
    const buttons = element('div', 'kfnb-Form-buttons');
    buttons.append(this.run, this.submit, this.target);
    this.node.append(buttons);
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      this.begin(ask, 'local');
    });
    this.node.addEventListener('keydown', event => event.stopPropagation()); // the notebook's keys do not act here
  }

  name() {
    this.submit.textContent = `Submit to ${this.target.value}`;
  }

  row({ name, type, default: standard }) {
    const row = element('div', 'kfnb-Form-row');
    const id = `kfnb-${Math.random().toString(36).slice(2)}`;
    const label = element('label', 'kfnb-Form-name', name, { for: id, title: type });
    const input = element('input', 'kfnb-Form-field', '', { id, 'aria-describedby': `${id}-fault` });
    if (type === 'bool') {
      input.type = 'checkbox';
      input.checked = standard === 'true';
    } else {
      input.type = 'text';
      input.inputMode = type === 'int' ? 'numeric' : type === 'float' ? 'decimal' : 'text';
      input.value = standard;
      input.spellcheck = false;
    }
    const fault = element('span', 'kfnb-Form-fault', '', { id: `${id}-fault`, role: 'alert' });
    row.append(label, input, element('span', 'kfnb-Form-type', type), fault);
    this.fields.set(name, { input, fault, standard });
    return row;
  }

  begin(ask, target) {
    const given = [...this.fields].map(([name, { input, standard }]) => {
      const text = input.type === 'checkbox' ? String(input.checked) : input.value;
      return [name, text, standard];
    });
    const changed = given.filter(([, text, standard]) => text !== standard);
    ask({ do: 'run', parameters: Object.fromEntries(changed), target });
  }

  show(state, active) {
    const faults = state.told?.fields ?? {};
    this.fields.forEach(({ input, fault }, name) => {
      say(fault, faults[name] ?? '');
      input.toggleAttribute('aria-invalid', name in faults);
      if (name in faults) {
        input.setAttribute('aria-invalid', 'true');
      }
    });
    const free = !active && state.doing === null;
    this.run.disabled = !free;
    this.submit.disabled = !free;
    this.run.textContent = state.run ? 'Run again' : 'Run';
  }
}

// ------------------------------------------------------------------ the view
class View {
  constructor(store, node) {
    this.store = store;
    this.node = node;
    const ask = what => store.ask(what);
    node.classList.add('kfnb-Run');
    node.setAttribute('role', 'region');
    node.dataset.lmSuppressShortcuts = 'true';
    this.state = element('span', 'kfnb-Run-state');
    this.name = element('strong', 'kfnb-Run-name');
    this.time = element('span', 'kfnb-Run-time');
    this.count = element('span', 'kfnb-Run-count');
    this.id = element('code', 'kfnb-Run-id');
    this.cancel = button('kfnb-Run-cancel', 'Cancel', () => ask({ do: 'cancel' }));
    this.retry = button('kfnb-Run-retry', 'Retry', () => ask({ do: 'retry' }));
    this.from = button('kfnb-Run-from', '', () => ask({ do: 'retry', step: store.state.chosen }));
    const head = element('div', 'kfnb-Run-head');
    const spring = element('span', 'kfnb-Run-spring');
    head.append(this.state, this.name, this.time, this.count, this.id, spring, this.cancel, this.retry, this.from);
    this.bar = element('div', 'kfnb-Run-bar', '', { role: 'progressbar', 'aria-label': 'Steps that have ended' });
    this.fill = element('div', 'kfnb-Run-fill');
    this.bar.append(this.fill);
    this.given = element('div', 'kfnb-Run-given');
    this.told = element('div', 'kfnb-Run-message', '', { role: 'alert' });
    this.waits = element('div', 'kfnb-Run-waits', '', { role: 'status' });
    this.spoken = element('div', 'kfnb-Run-spoken', '', { role: 'status', 'aria-live': 'polite' });
    this.dag = new Dag(step => ask({ do: 'choose', step }));
    this.log = new Log(ask);
    this.form = store.state.form ? new Form(store.state.form, ask) : null;
    const body = element('div', 'kfnb-Run-body');
    body.append(this.dag.node, this.log.node);
    const form = this.form ? [this.form.node] : [];
    node.append(head, this.bar, this.given, ...form, this.told, this.waits, body, this.spoken);
    node.addEventListener('pointerenter', () => this.look());
    node.addEventListener('focusin', () => this.look());
    this.looked = 0;
    store.views.add(this);
    this.timer = window.setInterval(() => this.tick(), 200);
    this.show();
  }

  close() {
    window.clearInterval(this.timer);
    this.store.views.delete(this);
    this.node.remove();
  }

  /** A run that has ended may have been taken up again from elsewhere. */
  look() {
    if (this.store.state.run && !this.store.active && Date.now() - this.looked > LOOK_AGAIN) {
      this.looked = Date.now();
      this.store.model.send({ do: 'look', number: 0 });
    }
  }

  tick() {
    if (this.store.active) {
      const { state, now } = this.store;
      say(this.time, took(state.run, now));
      this.log.tick(state, now);
    }
  }

  show(steps = undefined, added = undefined) {
    const { state, now, active } = this.store;
    if (state.graph !== this.dag.graph) {
      this.dag.draw(state.graph);
      steps = undefined;
    }
    const changed = steps && state.chosen === this.chosen ? Object.keys(steps) : [...this.dag.boxes.keys()];
    changed.forEach(name => this.dag.show(name, state.steps[name], name === state.chosen));
    this.chosen = state.chosen;
    this.showHead(state, active, now);
    this.form?.show(state, active);
    this.log.show(state, now, added);
    say(this.waits, this.store.busy ? WAITS : '');
    this.speak(state, steps);
  }

  showHead(state, active, now) {
    const { run } = state;
    const all = Object.values(state.steps);
    const done = all.filter(step => DONE.includes(step.state)).length;
    const doing = state.doing === 'cancel' || !state.doing ? '' : DOING[state.doing];
    this.node.dataset.state = run?.state ?? '';
    this.node.setAttribute('aria-label', `${run ? 'Run of ' : ''}${state.name}`);
    say(this.name, state.name);
    say(this.state, doing || (run ? `${SHAPES[run.state]} ${run.state}` : ''));
    say(this.time, run ? took(run, now) : '');
    say(this.count, run ? `${done}/${all.length} steps` : '');
    say(this.id, run?.id ?? '');
    this.cancel.hidden = !active;
    this.cancel.title = 'Cancel this run; pressed again, its exit handlers do not run';
    this.retry.hidden = !run || active || run.state === 'succeeded';
    this.from.hidden = !run || active || state.chosen === null;
    this.retry.disabled = this.from.disabled = state.doing !== null;
    say(this.from, `Retry from ${state.chosen}`);
    this.bar.hidden = !run;
    this.bar.setAttribute('aria-valuenow', String(all.length ? Math.round((100 * done) / all.length) : 0));
    this.fill.style.width = `${all.length ? (100 * done) / all.length : 0}%`;
    const given = Object.entries(run?.parameters ?? {});
    this.given.hidden = given.length === 0 || this.form !== null;
    say(this.given, given.map(([name, value]) => `${name} = ${value}`).join('   '));
    this.showMessage(state);
  }

  showMessage({ run, told }) {
    const error = run?.error;
    const step = error?.step ? [`step ${error.step}`] : [];
    const place = [...step, ...(error?.cell ? [`cell ${error.cell}, line ${error.line ?? 1}`] : [])].join(', ');
    const said = error ? `${place}${place ? ': ' : ''}${error.type}: ${error.message}` : '';
    const way = error?.step ? `%pipeline load ${error.step} --run ${run.id} puts what it saw into the kernel` : '';
    const text = [told?.text, said, way].filter(Boolean).join('\n');
    say(this.told, text);
    this.told.hidden = !text;
    this.told.dataset.kind = error || told?.kind === 'error' ? 'error' : 'warning';
  }

  /** What a screen reader says: how the run ends, and which step failed. */
  speak(state, steps) {
    const failed = Object.entries(steps ?? {}).find(([, step]) => step?.state === 'failed');
    const { run } = state;
    if (run && FINAL.includes(run.state)) {
      say(this.spoken, `${state.name} ${run.state}`);
    } else if (failed) {
      say(this.spoken, `step ${failed[0]} failed`);
    }
  }
}

// ------------------------------------------------------------------ where it stands
/**
 * In Jupyter's pages: beside the picture, whose place it takes while the kernel is there.
 * A saved notebook keeps the picture only, and shows it.
 */
function mount(model, store) {
  const name = model.get('picture');
  const views = new Map();
  let waiting = 0;
  const look = () => {
    waiting = 0;
    for (const [child, view] of views) {
      if (!child.contains(view.node)) {
        view.close();
        views.delete(child);
      }
    }
    for (const image of document.querySelectorAll(`img[src*="kfnb-${name}"]`)) {
      const child = image.closest('.jp-OutputArea-child');
      if (child && !views.has(child)) {
        const node = element('div', 'jp-OutputArea-output');
        child.append(node);
        child.classList.add('kfnb-mod-live');
        views.set(child, new View(store, node));
      }
    }
  };
  const observer = new MutationObserver(() => {
    waiting ||= window.setTimeout(look, 50);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    observer.disconnect();
    window.clearTimeout(waiting);
    for (const [child, view] of views) {
      child.classList.remove('kfnb-mod-live');
      view.close();
    }
    views.clear();
  };
}

/** Call back when the kernel that the model belongs to is gone. */
async function whenGone(model, gone) {
  const whole = await model.widget_manager.get_model(model.get('picture'));
  whole.on('comm_live_update', () => {
    if (!whole.comm_live) {
      gone();
    }
  });
}

export default {
  initialize({ model }) {
    const unmount = mount(model, new Store(model));
    void whenGone(model, unmount).catch(() => undefined); // a page that does not say so
    return unmount;
  },
  render({ model, el }) {
    const view = new View(new Store(model), el.appendChild(element('div', '')));
    return () => view.close();
  }
};
