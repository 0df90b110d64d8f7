/** One value of a step, in the form that suits it, with its download and the Python that loads it. */

import { Clipboard } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';

import { element } from '@kfnb/core/elements';
import { errorText, valueText } from '@kfnb/core/format';
import { Pager } from '@kfnb/core/table/pager';
import { ColumnInfo, ValuePage } from '@kfnb/core/wire/api-types';
import { Attempt, Way } from './attempt';

const MAX_ITEMS = 200; // of one list or object in a tree
/** What a value's HTML may use in its frame, in which no script runs: nothing from elsewhere. */
const POLICY = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'";

/** The view of a value, which is loaded when this is called. */
export function valueView(attempt: Attempt, name: string, way: Way, trans: TranslationBundle): HTMLElement {
  const node = element('div', 'kfnb-Value');
  const body = element('div', 'kfnb-Value-body', trans.__('Loading …'));
  const tools = element('div', 'kfnb-Value-tools');
  const told = element('span', 'kfnb-Value-told');
  told.setAttribute('role', 'status');
  const download = tool(trans.__('Download'), () => {
    told.textContent = trans.__('Loading …');
    attempt.download(name, way).then(
      () => (told.textContent = ''),
      error => (told.textContent = errorText(error))
    );
  });
  const copy = tool(trans.__('Copy as Python'), () => {
    Clipboard.copyToSystem(pythonOf(attempt.run, attempt.path, name, way));
    told.textContent = trans.__('Copied');
  });
  tools.append(download, copy, told);
  node.append(body, tools);
  const show = (start: number) =>
    attempt.value(name, way, start).then(
      page => body.replaceChildren(...form(page, row => void show(row), trans)),
      error => body.replaceChildren(element('div', 'kfnb-Log-problem', errorText(error)))
    );
  void show(0);
  return node;
}

/** The Python that loads a value in any kernel that has kfnb. JSON strings are also Python strings. */
export function pythonOf(run: string, path: string, name: string, way: Way): string {
  const [id, step, value] = [run, path, name].map(text => JSON.stringify(text));
  return `import kfnb\n${name} = kfnb.Run(${id})[${step}]${way === 'inputs' ? '.inputs' : ''}[${value}]`;
}

function form(page: ValuePage, load: (start: number) => void, trans: TranslationBundle): HTMLElement[] {
  if (page.kind === 'table') {
    return table(page, load, trans);
  }
  if (page.kind === 'image') {
    const image = element('img', 'kfnb-Value-image');
    image.src = `data:${page.mime};base64,${page.data}`;
    image.alt = page.type;
    return [image];
  }
  if (page.kind === 'html') {
    const frame = element('iframe', 'kfnb-Value-frame');
    frame.setAttribute('sandbox', '');
    frame.title = page.type;
    frame.srcdoc = `<meta http-equiv="Content-Security-Policy" content="${POLICY}">${page.text ?? ''}`;
    return [frame];
  }
  if (page.kind === 'json') {
    return [tree(page.value)];
  }
  const text = element('pre', 'kfnb-Value-text', page.text);
  text.tabIndex = 0; // so that the keyboard scrolls it
  return [text];
}

function table(page: ValuePage, load: (start: number) => void, trans: TranslationBundle): HTMLElement[] {
  const { columns = [], rows = [], start = 0, count = 0, total = 0, width = 0 } = page;
  const node = element('table', 'kfnb-Value-table');
  const head = element('tr', '');
  head.append(element('td', ''));
  for (const column of columns) {
    const cell = element('th', '', column.name);
    cell.scope = 'col';
    cell.append(element('div', 'kfnb-Value-facts', facts(column, trans)));
    head.append(cell);
  }
  const lines = rows.map(([name, ...cells]) => {
    const line = element('tr', '');
    const first = element('th', '', String(name));
    first.scope = 'row';
    line.append(first, ...cells.map(cellOf));
    return line;
  });
  const thead = element('thead', '');
  thead.append(head);
  const tbody = element('tbody', '');
  tbody.append(...lines);
  node.append(thead, tbody);
  const scroller = element('div', 'kfnb-Value-scroller');
  scroller.tabIndex = 0;
  scroller.append(node);
  const pager = new Pager(trans, load);
  pager.show({ start, count, rows: total });
  const left = width - columns.length;
  const note = left > 0 ? [element('div', '', trans._n('%1 more column', '%1 more columns', left))] : [];
  return [scroller, pager.node, ...note];
}

function cellOf(value: unknown): HTMLElement {
  const cell = element('td', '', value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value));
  cell.title = cell.textContent ?? ''; // all of what is cut off
  return cell;
}

function facts(column: ColumnInfo, trans: TranslationBundle): string {
  const range =
    column.least === undefined
      ? ''
      : trans.__('%1 to %2, mean %3', ...[column.least, column.greatest, column.mean].map(valueText));
  const missing = column.missing ? trans.__('%1 missing', column.missing) : '';
  const different = column.different === undefined ? '' : trans.__('%1 different', column.different);
  return [column.type, range, different, missing].filter(Boolean).join('\n');
}

/** A tree of what JSON has. What is inside an object or a list is made when it is unfolded. */
function tree(value: unknown, name = ''): HTMLElement {
  const label = name ? `${name}: ` : '';
  if (typeof value !== 'object' || value === null) {
    return element('div', 'kfnb-Value-leaf', label + JSON.stringify(value));
  }
  const isList = Array.isArray(value);
  const parts = Object.entries(value);
  const node = element('details', 'kfnb-Value-tree');
  node.append(element('summary', '', `${label}${isList ? `[${parts.length}]` : `{${parts.length}}`}`));
  const fill = () => {
    if (node.open && node.childElementCount === 1) {
      node.append(...parts.slice(0, MAX_ITEMS).map(([key, part]) => tree(part, key)));
      if (parts.length > MAX_ITEMS) {
        node.append(element('div', 'kfnb-Value-leaf', `… ${parts.length - MAX_ITEMS}`));
      }
    }
  };
  node.addEventListener('toggle', fill);
  node.open = !name;
  fill();
  return node;
}

function tool(text: string, act: () => void): HTMLButtonElement {
  const node = element('button', 'kfnb-Value-tool', text);
  node.type = 'button';
  node.addEventListener('click', act);
  return node;
}
