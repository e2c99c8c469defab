/** `npm run test:vm`: see the help below. Data on stdout, progress on stderr. */
import { parseArgs } from 'node:util';
import { cases } from './cases/index.js';
import { type CostResult, costTable, excesses, measureCost } from './cost.js';
import { type BuiltModule, buildModule, buildPrograms } from './kernels/build.js';
import { chooseKernels, type KernelSpec, kernelSpecs } from './kernels/catalog.js';
import { fetchKernel, type Kernel } from './kernels/fetch.js';
import { configuredMirror, type Mirror } from './kernels/mirror.js';
import { type KernelResults, toJson, toTable } from './report.js';
import { type CaseResult, logFile, runCases } from './suite.js';
import { missingPackages, widenPath } from './tools.js';

const help = `Usage: npm run test:vm [-- options]

Builds toa.ko for Debian's kernels, boots each in a virtual machine and runs the cases of test/vm/cases in it.

  --kernel NAME  one of ${kernelSpecs.map(({ name }) => name).join(', ')}; may be repeated; all without it
  --case TEXT    cases whose names contain TEXT; may be repeated; all without it
  --build-only   fetch and build, boot nothing
  --cost         measure what the module costs, instead of running cases
  --list         the names of the cases
  --json         the results for machines
  --help
`;

const BUILD_CASE = 'the module builds without a warning';

const { values: options } = parseArgs({
  options: {
    kernel: { type: 'string', multiple: true, default: [] },
    case: { type: 'string', multiple: true, default: [] },
    'build-only': { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

if (options.help) process.stdout.write(help);
else if (options.list) for (const { name } of cases) console.log(name);
else process.exitCode = await main();

async function main(): Promise<number> {
  widenPath();
  const missing = missingPackages();
  if (missing.length > 0) {
    say(
      `programs are missing; please run:\n  sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    );
    return 2;
  }
  const specs = chooseKernels(options.kernel);
  const names = chooseCases();
  const mirror = await configuredMirror();
  if (!options['build-only']) await buildPrograms();
  if (options.cost) return measure(specs, mirror);
  const kernels: KernelResults[] = [];
  for (const spec of specs) kernels.push(await testKernel(spec, mirror, names));
  const all = [BUILD_CASE, ...(options['build-only'] ? [] : names)];
  console.log(options.json ? toJson(kernels) : toTable(all, kernels));
  const failures = kernels.flatMap(({ results }) => [...results.values()]).filter(isFailure);
  return failures.length === 0 ? 0 : 1;
}

/** Costs in instructions of the guest, one kernel after another. */
async function measure(specs: readonly KernelSpec[], mirror: Mirror): Promise<number> {
  const results: CostResult[] = [];
  for (const spec of specs) {
    const kernel = await fetchKernel(spec, mirror, say);
    const module = await buildModule(kernel, mirror, say);
    say(`${kernel.version}: measuring`);
    results.push(await measureCost(kernel, module.path));
  }
  console.log(options.json ? JSON.stringify(results, undefined, 2) : costTable(results));
  const beyond = results.flatMap(excesses);
  for (const line of beyond) say(line);
  return beyond.length === 0 ? 0 : 1;
}

function chooseCases(): string[] {
  const names = cases.map(({ name }) => name);
  if (options.case.length === 0) return names;
  const chosen = names.filter((name) => options.case.some((text) => name.includes(text)));
  if (chosen.length === 0) throw new Error(`no case is called ${options.case.join(' or ')}: see --list`);
  return chosen;
}

/** Everything about one kernel. What keeps it from being built or booted counts against it, not against the others. */
async function testKernel(
  spec: KernelSpec,
  mirror: Mirror,
  names: readonly string[],
): Promise<KernelResults> {
  const results = new Map<string, CaseResult>();
  let version = spec.name;
  try {
    const kernel = await fetchKernel(spec, mirror, say);
    version = kernel.version;
    const module = await build(kernel, mirror, results);
    if (module !== undefined && !options['build-only']) {
      say(`${version}: booting`);
      for (const [name, result] of await runCases(kernel, module.path, names)) results.set(name, result);
    }
    for (const [name, result] of results) tellFailure(version, name, result, logFile(kernel));
  } catch (error) {
    say(`${version}: ${error instanceof Error ? error.message : error}`);
    for (const name of [BUILD_CASE, ...names])
      if (!results.has(name)) results.set(name, failed(String(error)));
  }
  return { version, results };
}

async function build(
  kernel: Kernel,
  mirror: Mirror,
  results: Map<string, CaseResult>,
): Promise<BuiltModule | undefined> {
  try {
    const module = await buildModule(kernel, mirror, say);
    say(`${kernel.version}: ${module.path}`);
    const isClean = module.warnings.length === 0;
    results.set(
      BUILD_CASE,
      isClean ? { outcome: 'pass', detail: '', ms: 0 } : failed(module.warnings.join('\n')),
    );
    return module;
  } catch (error) {
    results.set(BUILD_CASE, failed(error instanceof Error ? error.message : String(error)));
    return undefined;
  }
}

function failed(detail: string): CaseResult {
  return { outcome: 'fail', detail, ms: 0 };
}

function isFailure({ outcome }: CaseResult): boolean {
  return outcome === 'fail';
}

function tellFailure(version: string, name: string, result: CaseResult, log: string): void {
  if (isFailure(result)) say(`${version}: FAILED: ${name}\n${indent(result.detail)}\n  log: ${log}`);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
