/** The parameters of a pipeline, and what begins a run. */

import { button, element, setText } from '@kfnb/core/elements';
import { Translator } from '@kfnb/core/translator';

import { FormContent, FormParameter, Request, ViewState } from './model';

interface Field {
  input: HTMLInputElement | HTMLSelectElement;
  fault: HTMLElement;
  initial: string;
}

export class ParameterForm {
  readonly node = element('form', 'kfnb-RunForm');

  constructor(
    content: FormContent,
    private readonly _ask: (request: Request) => void,
    private readonly _trans: Translator
  ) {
    this.node.append(...content.parameters.map(parameter => this._row(parameter)));
    const others = content.targets.filter(target => target !== 'local');
    this._run.type = 'submit';
    this._target.setAttribute('aria-label', _trans.__('Target'));
    this._target.append(...others.map(target => new Option(target, target)));
    this._target.hidden = others.length < 2;
    this._target.addEventListener('change', () => this._name());
    this._submit = button('kfnb-Button kfnb-Run-submit', '', '', () => this._begin(this._target.value));
    this._submit.hidden = others.length === 0;
    this._name();
    const buttons = element('div', 'kfnb-RunForm-buttons');
    buttons.append(this._run, this._submit, this._target);
    this.node.append(buttons);
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      this._begin('local');
    });
    this.node.addEventListener('keydown', event => event.stopPropagation()); // the notebook's keys do not act here
  }

  show(state: ViewState, active: boolean): void {
    const faults = state.notice?.fields ?? {};
    this._fields.forEach(({ input, fault }, name) => {
      setText(fault, faults[name] ?? '');
      if (name in faults) {
        input.setAttribute('aria-invalid', 'true');
      } else {
        input.removeAttribute('aria-invalid');
      }
    });
    const free = !active && state.doing === null;
    this._run.disabled = !free;
    this._submit.disabled = !free;
    setText(this._run, state.run ? this._trans.__('Run again') : this._trans.__('Run'));
  }

  private _name(): void {
    const label = this._trans.__('Submit to %1', this._target.value);
    setText(this._submit, label);
    this._submit.title = label;
    this._submit.setAttribute('aria-label', label);
  }

  private _row(parameter: FormParameter): HTMLElement {
    const { name, type, default: initial } = parameter;
    const row = element('div', 'kfnb-RunForm-row');
    const id = `kfnb-${Math.random().toString(36).slice(2)}`;
    const label = element('label', 'kfnb-RunForm-name', name);
    label.htmlFor = id;
    label.title = type;
    const input = inputFor(parameter);
    input.id = id;
    input.setAttribute('aria-describedby', `${id}-fault`);
    const fault = element('span', 'kfnb-RunForm-fault');
    fault.id = `${id}-fault`;
    fault.setAttribute('role', 'alert');
    row.append(label, input, element('span', 'kfnb-RunForm-type', type), fault);
    this._fields.set(name, { input, fault, initial });
    return row;
  }

  private _begin(target: string): void {
    const changed = [...this._fields]
      .map(([name, { input, initial }]) => ({ name, text: textOf(input), initial }))
      .filter(({ text, initial }) => text !== initial);
    const parameters = Object.fromEntries(changed.map(({ name, text }) => [name, text]));
    this._ask({ do: 'run', parameters, target });
  }

  private readonly _fields = new Map<string, Field>();
  private readonly _run = element('button', 'kfnb-Button kfnb-mod-accept');
  private readonly _target = element('select', 'kfnb-Run-choice');
  private readonly _submit: HTMLButtonElement;
}

function inputFor({ type, default: initial, choices }: FormParameter): HTMLInputElement | HTMLSelectElement {
  if (choices) {
    const select = element('select', 'kfnb-RunForm-field');
    const all = choices.includes(initial) ? choices : [initial, ...choices];
    select.append(...all.map(choice => new Option(choice, choice, false, choice === initial)));
    return select;
  }
  const input = element('input', 'kfnb-RunForm-field');
  if (type === 'bool') {
    input.type = 'checkbox';
    input.checked = initial === 'true';
  } else {
    input.type = 'text';
    input.inputMode = type === 'int' ? 'numeric' : type === 'float' ? 'decimal' : 'text';
    input.value = initial;
    input.spellcheck = false;
  }
  return input;
}

function textOf(input: HTMLInputElement | HTMLSelectElement): string {
  return input instanceof HTMLInputElement && input.type === 'checkbox' ? String(input.checked) : input.value;
}
