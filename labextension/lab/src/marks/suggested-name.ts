/** Suggests a name for a step from the code of its cell, by the rules of the server (`cell_names.py`). */

const MAX_WORDS = 4; // of a comment that is a name
const STRINGS = /#[^\n]*|"""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n]*"|'[^'\n]*'/g;
const DEFINITIONS = /\b(?:def|class)\s+\w+|^[%!@][^\n]*/gm;
const CALLS = /(\.?)\b([A-Za-z_]\w*)\s*\(/g;
const KEYWORDS =
  /^(and|as|assert|await|elif|else|except|for|from|if|import|in|is|lambda|not|or|raise|return|while|with|yield)$/;
const BUILTINS =
  /^(abs|all|any|bool|dict|enumerate|filter|float|format|getattr|hasattr|id|input|int|isinstance|iter|len|list|map|max|min|next|open|pow|range|repr|reversed|round|set|setattr|slice|sorted|str|sum|super|tuple|type|vars|zip)$/;
const SHOWS = /^(print|display)$/;
/** What well-known calls do. */
const VERBS: [string, RegExp][] = [
  ['load', /^((read|load|fetch)(_\w+)?|open_dataset|urlretrieve|urlopen)$/],
  ['split', /^(train_test_split|random_split|split)$/],
  ['train', /^(fit|fit_transform|train)$/],
  ['predict', /^(predict(_\w+)?|transform)$/],
  ['evaluate', /^(evaluate|score|\w+_score|\w+_error|classification_report|confusion_matrix)$/],
  ['plot', /^(plot|subplots|figure|scatter|hist|bar|imshow|show|savefig|\w+plot)$/],
  ['clean', /^(dropna|fillna|drop_duplicates|astype|replace)$/],
  ['join', /^(merge|concat|join)$/],
  ['summarize', /^(groupby|agg|describe|value_counts|pivot_table)$/],
  ['save', /^(to_(csv|parquet|json|excel|sql|pickle)|dump|save(_\w+)?|write_\w+)$/]
];

/** A name from a short comment at the start of the cell, else from what it calls, else from what it assigns; may be empty. */
export function suggestedName(source: string): string {
  const comment = /^\s*#+(?!\s*%)\s*(.+)/.exec(source)?.[1] ?? '';
  const words = comment.toLowerCase().match(/[a-z][a-z0-9]*/g) ?? [];
  if (words.length > 0 && words.length <= MAX_WORDS) {
    return words.join('-');
  }
  const code = source.replace(STRINGS, "''").replace(DEFINITIONS, '');
  const calls = [...code.matchAll(CALLS)].filter(([, , name]) => !KEYWORDS.test(name));
  for (const [, , name] of calls) {
    const verb = VERBS.find(([, pattern]) => pattern.test(name));
    if (verb) {
      return verb[0];
    }
  }
  const own = calls.find(
    ([, dot, name]) => !dot && name === name.toLowerCase() && !BUILTINS.test(name) && !SHOWS.test(name)
  );
  const assigned = /^([a-z][a-z0-9_]*)\s*=[^=]/im.exec(code)?.[1];
  const shows = calls.some(([, , name]) => SHOWS.test(name)) ? 'show' : '';
  return dashed(own?.[2] ?? assigned ?? shows);
}

function dashed(name: string): string {
  return name
    .toLowerCase()
    .replace(/^_+|_+$/g, '')
    .replace(/_/g, '-');
}
