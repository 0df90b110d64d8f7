import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['core/src/wire/openapi.ts'] },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      curly: 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      // Lumino's signals take the method and its object apart
      '@typescript-eslint/unbound-method': 'off'
    }
  }
);
