import { defineConfig } from 'vite';

// one module and one style sheet, which anywidget reads beside the Python code
export default defineConfig({
  build: {
    lib: { entry: 'src/run.ts', formats: ['es'], fileName: () => 'run.js', cssFileName: 'run' },
    outDir: '../../kfnb/widgets/static',
    emptyOutDir: true,
    minify: false,
    target: 'es2020'
  }
});
