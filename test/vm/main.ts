/** `npm run test:vm`: see the help below. Data on stdout, progress on stderr. */
import { parseArgs } from 'node:util';
import { MODULE, writeResults } from '../../bench/output/results-file.js';
import { cases, outsideCases } from './cases/index.js';
import { type CostResult, costMarkdown, costTable, excesses, measureCost } from './cost.js';
import { guestRoot } from './guest/root.js';
import { buildModule, buildPrograms } from './kernels/build.js';
import { chooseKernels, type KernelSpec, kernelSpecs } from './kernels/catalog.js';
import { fetchKernel } from './kernels/fetch.js';
import { configuredMirror, type Mirror } from './kernels/mirror.js';
import { toJson, toTable } from './report.js';
import { run } from './run.js';
import { buildCases, testKernels } from './test-kernels.js';
import { missingPackages, widenPath } from './tools.js';

const help = `Usage: npm run test:vm [-- options]

Builds toa.ko for Debian's kernels, boots each in a virtual machine and runs the cases of test/vm/cases in it.

  --kernel NAME  one of ${kernelSpecs.map(({ name }) => name).join(', ')}; may be repeated; all without it
  --case TEXT    cases whose names contain TEXT; may be repeated; all without it
  --jobs N       guests at a time, each of which keeps a processor busy; 1 without it
  --build-only   fetch and build, boot nothing
  --cost         measure what the module costs, instead of running cases
  --write        with --cost: writes its part of bench/RESULTS.md as well; all kernels
  --list         the names of the cases
  --json         the results for machines
  --help
`;

const { values: options } = parseArgs({
  options: {
    kernel: { type: 'string', multiple: true, default: [] },
    case: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '1' },
    'build-only': { type: 'boolean', default: false },
    cost: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

if (options.help) process.stdout.write(help);
else if (options.list) for (const name of allNames()) console.log(name);
else process.exitCode = await main();

async function main(): Promise<number> {
  const specs = chooseKernels(options.kernel);
  const names = options['build-only'] ? [] : chooseCases();
  if (options.write && (!options.cost || options.kernel.length > 0)) {
    throw new Error('--write goes with --cost of all kernels, so that the file is of one run');
  }
  const jobs = Number(options.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error(`--jobs ${options.jobs}: wanted a whole number`);
  widenPath();
  const architectures = new Set(specs.map(({ architecture }) => architecture));
  const missing = missingPackages(architectures);
  if (missing.length > 0) {
    say('programs are missing; please run:');
    say(`  sudo apt-get install --no-install-recommends ${missing.join(' ')}`);
    return 2;
  }
  const mirror = await configuredMirror();
  await buildPrograms(architectures);
  if (options.cost) return measure(specs, mirror);
  const kernels = await testKernels(specs, { mirror, names, jobs, say });
  console.log(options.json ? toJson(kernels) : toTable([...buildCases, ...names], kernels));
  const outcomes = kernels.flatMap(({ results }) => [...results.values()].map(({ outcome }) => outcome));
  return outcomes.includes('fail') ? 1 : 0;
}

function allNames(): string[] {
  return [...cases, ...outsideCases].map(({ name }) => name);
}

function chooseCases(): string[] {
  const names = allNames();
  if (options.case.length === 0) return names;
  const chosen = names.filter((name) => options.case.some((text) => name.includes(text)));
  if (chosen.length === 0) throw new Error(`no case is called ${options.case.join(' or ')}: see --list`);
  return chosen;
}

/** Costs in instructions of the guest, one kernel after another: other guests would only make it slower. */
async function measure(specs: readonly KernelSpec[], mirror: Mirror): Promise<number> {
  const results: CostResult[] = [];
  for (const spec of specs) {
    const kernel = await fetchKernel(spec, mirror, say);
    const module = await buildModule('toa', kernel, mirror, say);
    say(`${kernel.version}: measuring`);
    results.push(await measureCost(kernel, module.path, await guestRoot(kernel.architecture, mirror, say)));
  }
  console.log(options.json ? JSON.stringify(results, undefined, 2) : costTable(results));
  if (options.write) {
    const [qemu] = (await run('qemu-system-x86_64', ['--version'])).split('\n');
    const day = new Date().toISOString().slice(0, 10);
    writeResults({ [MODULE]: costMarkdown(results, `${day}; ${qemu}.`) });
  }
  const beyond = results.flatMap(excesses);
  for (const line of beyond) say(line);
  return beyond.length === 0 ? 0 : 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
