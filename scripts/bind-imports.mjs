// scripts/bind-imports.mjs FOLDER...: in each compiled module, makes what it imports from modules of ours constants of
// its own: `import { A } from './b.js'` becomes `import { A as A$ } from './b.js'; const A = A$;`, on the same line.
//
// V8 loads an imported name from a cell at every use, and checks what it finds there, as the other module might assign
// it anew; a constant of the module itself becomes part of the machine code. The packet path uses hundreds of them, and
// is a quarter faster so (`npm run bench -- core`). No module may need another one in a circle then: the name would
// have no value yet, which is an error as soon as it is loaded.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** As tsc writes it: one line. */
const STATEMENT = /^import \{ (?<names>[^}]*?),? \} from '(?<module>\.[^']*)';$/;

for (const folder of process.argv.slice(2)) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (name.endsWith('.js')) rewrite(join(folder, name));
  }
}

function rewrite(path) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const bound = lines.map((line, i) => (line.startsWith('import ') ? bind(line, `${path}:${i + 1}`) : line));
  writeFileSync(path, bound.join('\n'));
}

function bind(line, where) {
  const statement = STATEMENT.exec(line);
  if (statement === null)
    throw new Error(`${where}: wanted one import of names of a module of ours, given: ${line}`);
  const names = statement.groups.names.split(', ').map((name) => name.split(' as '));
  const imported = names.map(([name, local = name]) => `${name} as ${local}$`).join(', ');
  const constants = names.map(([name, local = name]) => `${local} = ${local}$`).join(', ');
  return `import { ${imported} } from '${statement.groups.module}'; const ${constants};`;
}
