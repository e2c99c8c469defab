/**
 * Checks the arrows of the architecture over every import of lib/ and cli/: `node scripts/check-imports.mjs [ROOT]`.
 * Prints a line for each import that points the wrong way, and exits 1 if there is one.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The house. Modules of one unit may import each other and any unit on a lower floor, never one beside or above.
 * A unit is a folder or some of the files that stand directly in lib/; `only` narrows what it may import.
 */
const units = {
  cli: { floor: 4 },
  'lib/daemon': { floor: 3 },
  'lib/index.ts': { floor: 3 }, // and the other entry points
  'lib/balancer': { floor: 2, builtins: false, packages: false },
  'lib/capture': { floor: 2 },
  'lib/link': { floor: 2 },
  'lib/probe': { floor: 2 },
  'lib/receiver': { floor: 2 },
  'lib/net': { floor: 1, only: [], builtins: false, packages: false },
  'lib/toa': { floor: 1, only: ['lib/net/address.ts', 'lib/errors.ts'], builtins: false, packages: false },
  'lib/native.ts': { floor: 1 }, // and the other single files of lib/
  'lib/errors.ts': { floor: 0, builtins: false, packages: false },
};

const entryPoints = ['lib/index.ts', 'lib/register.ts', 'lib/fastify.ts', 'lib/testing.ts'];

/** The unit of a module of ours, by its path; undefined for one that is not shipped. */
function unitOf(path) {
  const [top, second, third] = path.split('/');
  if (top === 'cli') return 'cli';
  if (top !== 'lib') return undefined;
  if (third !== undefined) return `lib/${second}`;
  if (entryPoints.includes(path)) return 'lib/index.ts';
  return path === 'lib/errors.ts' ? path : 'lib/native.ts';
}

/**
 * The specifiers that a source imports, with their lines. One pass that consumes comments and strings first,
 * so that an import statement in an example or a message is not taken for one.
 */
function* importsOf(source) {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/.*|\b(?:import|export)\b(?:[\w$\s{},*]*?\bfrom)?\s*(?<quote>['"])(?<statement>[^'"\n]+)\k<quote>|\b(?:import|require)\s*\(\s*['"](?<call>[^'"\n]+)['"]|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g;
  for (const match of source.matchAll(token)) {
    const specifier = match.groups.statement ?? match.groups.call;
    if (specifier === undefined) continue;
    const line = source.slice(0, match.index).split('\n').length;
    yield { specifier, line };
  }
}

/** What is wrong with an import of a package or of a part of Node; undefined if nothing is. */
function outsideFault(unitName, specifier, dependencies) {
  const unit = units[unitName];
  if (isBuiltin(specifier)) {
    return unit.builtins === false ? `${unitName} imports nothing of Node` : undefined;
  }
  if (unit.packages === false) return `${unitName} imports no packages`;
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return dependencies.has(name) ? undefined : `${name} is not among the dependencies of package.json`;
}

/** What is wrong with an import of one of our own modules; undefined if nothing is. */
function insideFault(unitName, targetPath, exists) {
  if (!exists) return 'there is no such module';
  const targetName = unitOf(targetPath);
  if (targetName === undefined) return 'shipped code imports only lib/ and cli/';
  if (targetName === unitName) return undefined;
  const unit = units[unitName];
  const target = units[targetName];
  if (target === undefined) return `${targetName} has no floor in scripts/check-imports.mjs`;
  if (unit.only !== undefined) {
    return unit.only.includes(targetPath)
      ? undefined
      : `${unitName} imports only ${['itself', ...unit.only].join(', ')}`;
  }
  if (target.floor > unit.floor) return `${targetName} is above ${unitName}`;
  if (target.floor === unit.floor) return `${targetName} and ${unitName} do not know each other`;
  return undefined;
}

/** The first circle that is met from each module not yet seen, as a list of paths. */
function* circles(graph) {
  const done = new Set();
  const trail = [];
  function* visit(path) {
    const at = trail.indexOf(path);
    if (at >= 0) yield [...trail.slice(at), path];
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) yield* visit(target);
    trail.pop();
    done.add(path);
  }
  for (const path of graph.keys()) yield* visit(path);
}

function faultsOf(root) {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const dependencies = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }));
  const paths = ['lib', 'cli']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((path) => `${folder}/${path}`),
    )
    .filter((path) => path.endsWith('.ts'))
    .sort();

  const faults = [];
  const graph = new Map();
  for (const path of paths) {
    const unitName = unitOf(path);
    const targets = new Set();
    graph.set(path, targets);
    if (units[unitName] === undefined) {
      faults.push(`${path}: ${unitName} has no floor in scripts/check-imports.mjs`);
      continue;
    }
    for (const { specifier, line } of importsOf(readFileSync(join(root, path), 'utf8'))) {
      let fault;
      if (specifier.startsWith('.')) {
        const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.ts');
        targets.add(target);
        fault = insideFault(unitName, target, existsSync(join(root, target)));
      } else {
        fault = outsideFault(unitName, specifier, dependencies);
      }
      if (fault !== undefined) faults.push(`${path}:${line}: imports ${specifier}, but ${fault}`);
    }
  }
  for (const circle of circles(graph))
    faults.push(`${circle[0]}: imports itself in a circle: ${circle.join(' → ')}`);
  return faults;
}

const faults = faultsOf(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
