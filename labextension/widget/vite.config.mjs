import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

const SOURCES = ['../core/src', 'src'];

/** Of a language's words, those that are said here: each view that is shown takes the module over the wire. */
function onlyOwnWords() {
  const said = SOURCES.flatMap(folder => readdirSync(folder, { recursive: true }).map(name => join(folder, name)))
    .filter(path => path.endsWith('.ts'))
    .map(path => readFileSync(path, 'utf8'))
    .join('\n');
  return {
    name: 'only-own-words',
    enforce: 'pre',
    transform(code, id) {
      if (/locale\/[^/]+\/LC_MESSAGES\/kfnb\.json$/.test(id)) {
        const own = Object.entries(JSON.parse(code)).filter(([text]) => text && said.includes(quoted(text)));
        return JSON.stringify(Object.fromEntries(own));
      }
    }
  };
}

/** A text as the sources write it. */
function quoted(text) {
  return text.includes("'") ? JSON.stringify(text) : `'${text}'`;
}

// one module and one style sheet, which anywidget reads beside the Python code
export default defineConfig({
  plugins: [onlyOwnWords()],
  build: {
    lib: { entry: 'src/run.ts', formats: ['es'], fileName: () => 'run.js', cssFileName: 'run' },
    outDir: '../../kfnb/widgets/static',
    emptyOutDir: true,
    minify: false,
    target: 'es2020'
  }
});
