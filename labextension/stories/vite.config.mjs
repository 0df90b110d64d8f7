import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const workspace = dirname(dirname(fileURLToPath(import.meta.url)));
// the themes are those of the JupyterLab whose environment is first on PATH
const prefix = execFileSync('python', ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8' }).trim();
const themes = join(prefix, 'share', 'jupyter', 'lab', 'themes', '@jupyterlab');

export default defineConfig({
  root: join(workspace, 'stories'),
  base: './',
  resolve: {
    alias: [
      { find: '@themes', replacement: themes },
      // the sources, so that a change shows without a build
      { find: /^@kfnb\/core\/(?!style\/)/, replacement: join(workspace, 'core', 'src') + '/' }
    ]
  },
  server: { fs: { allow: [workspace, themes] } },
  build: { outDir: join(workspace, '..', 'build', 'stories'), emptyOutDir: true, minify: false }
});
