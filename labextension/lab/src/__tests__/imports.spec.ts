import { describe, expect, it } from 'vitest';

declare global {
  interface ImportMeta {
    /** Vite replaces a call of this function by the texts of the files, by their paths. */
    glob(patterns: string[], options: object): Record<string, string>;
  }
}

/** From the bottom to the top: a folder imports from itself and from the folders before it. */
const LAYERS = [
  'common',
  'preferences',
  'server',
  'marks',
  'session',
  'outputs',
  'problems',
  'dialogs',
  'cells',
  'commands',
  'graph',
  'panel',
  'run-page',
  'inspector',
  'submit',
  'unmarked',
  'all-runs',
  'comparison',
  'experiments',
  'startup',
  'schedules',
  'status',
  ''
];
const MAX_MODULES = 12; // in one folder

const sources = import.meta.glob(['../**/*.ts', '../**/*.tsx', '!../**/__tests__/*', '!../**/*.d.ts'], {
  query: '?raw',
  import: 'default',
  eager: true
});

/** The modules without their endings, and the modules that each one imports. */
const imports = new Map(
  Object.entries(sources).map(([path, source]) => {
    const module = path.replace(/^\.\.\//, '').replace(/\.tsx?$/, '');
    const names = [...source.matchAll(/from '(\.[^']*)'/g)]
      .map(match => match[1])
      .filter(name => !name.endsWith('.svg'));
    return [module, names.map(name => resolve(folderOf(module), name))];
  })
);

function folderOf(module: string): string {
  return module.split('/').slice(0, -1).join('/');
}

function resolve(folder: string, name: string): string {
  return new URL(name, `file:///${folder}/`).pathname.replace(/^\/+/, '');
}

/** The modules on a way from `module` back to itself; null without one. */
function cycleThrough(module: string): string[] | null {
  const visited = new Set<string>();
  const follow = (name: string, path: string[]): string[] | null => {
    for (const next of imports.get(name) ?? []) {
      if (next === module) {
        return [...path, next];
      }
      if (!visited.has(next)) {
        visited.add(next);
        const cycle = follow(next, [...path, next]);
        if (cycle) {
          return cycle;
        }
      }
    }
    return null;
  };
  return follow(module, [module]);
}

describe('the modules of the extension', () => {
  it('exist where they are imported', () => {
    expect(imports.size).toBeGreaterThan(30);
    const missing = [...imports.values()].flat().filter(name => !imports.has(name));
    expect(missing).toEqual([]);
  });

  it('do not import each other in a circle', () => {
    expect([...imports.keys()].map(cycleThrough).filter(cycle => cycle !== null)).toEqual([]);
  });

  it('import only from their own folder and from the layers below it', () => {
    const upward = [...imports].flatMap(([module, names]) =>
      names
        .filter(name => LAYERS.indexOf(folderOf(name)) > LAYERS.indexOf(folderOf(module)))
        .map(name => `${module} imports ${name}`)
    );
    expect(upward).toEqual([]);
  });

  it('are few in each folder, and no name occurs twice', () => {
    const names = [...imports.keys()].map(module => module.split('/').pop());
    expect(new Set(names).size).toBe(names.length);
    const sizes = LAYERS.map(folder => [...imports.keys()].filter(module => folderOf(module) === folder).length);
    expect([Math.max(...sizes) <= MAX_MODULES, Math.min(...sizes) > 0]).toEqual([true, true]);
  });
});
