/** Kernels one after another or several at a time: fetched, built for, booted, and what came of it. */
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cases } from './cases/index.js';
import { guestRoot } from './guest/root.js';
import { buildModule } from './kernels/build.js';
import type { KernelSpec } from './kernels/catalog.js';
import { fetchKernel, type Kernel } from './kernels/fetch.js';
import type { Mirror } from './kernels/mirror.js';
import { runOutside } from './outside.js';
import type { KernelResults } from './report.js';
import { type CaseResult, logFile, runCases } from './suite.js';

const BUILD_CASE = 'the module builds without a warning';
const SPARSE_CASE = 'sparse finds nothing in it';

/** What is so, or not, before a kernel is booted. */
export const buildCases = [BUILD_CASE, SPARSE_CASE];

export interface TestOptions {
  readonly mirror: Mirror;
  /** Names of the cases; none to build only. */
  readonly names: readonly string[];
  /** How many guests there may be at a time. */
  readonly jobs: number;
  readonly say: (text: string) => void;
}

/** The results in the order of `specs`. */
export async function testKernels(
  specs: readonly KernelSpec[],
  options: TestOptions,
): Promise<KernelResults[]> {
  const results: KernelResults[] = [];
  const waiting = [...specs.entries()];
  // Kernels share lists of packages and compilers: those are fetched for one at a time.
  let building: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const turn = building.then(task);
    building = turn.catch(() => undefined);
    return turn;
  };
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, spec] = next;
      results[index] = await testKernel(spec, options, inTurn);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return results;
}

/** What keeps a kernel from being built for or booted counts against it, not against the others. */
async function testKernel(
  spec: KernelSpec,
  { mirror, names, say }: TestOptions,
  inTurn: <T>(task: () => Promise<T>) => Promise<T>,
): Promise<KernelResults> {
  const results = new Map<string, CaseResult>();
  let version = spec.name;
  try {
    const { kernel, module, root } = await inTurn(async () => {
      const fetched = await fetchKernel(spec, mirror, say);
      version = fetched.version;
      const module = await build(fetched, mirror, results, say);
      return { kernel: fetched, module, root: await guestRoot(fetched.architecture, mirror, say) };
    });
    if (names.length > 0) {
      say(`${version}: booting`);
      rmSync(logFile(kernel), { force: true });
      const inside = names.filter((name) => cases.some((one) => one.name === name));
      for (const [name, result] of await runCases(kernel, module, root, inside)) results.set(name, result);
      for (const [name, result] of await runOutside(kernel, root, names)) results.set(name, result);
    }
    for (const [name, result] of results) {
      const log = buildCases.includes(name) ? join(dirname(module), 'build.log') : logFile(kernel);
      tellFailure(version, name, result, log, say);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say(`${version}: ${reason}`);
    for (const name of [...buildCases, ...names]) {
      if (!results.has(name)) results.set(name, { outcome: 'fail', detail: reason, ms: 0 });
    }
  }
  return { version, results };
}

async function build(
  kernel: Kernel,
  mirror: Mirror,
  results: Map<string, CaseResult>,
  say: (text: string) => void,
): Promise<string> {
  const { path, warnings, checked } = await buildModule('toa', kernel, mirror, say);
  const rival = await buildModule('rival_toa', kernel, mirror, say);
  say(`${kernel.version}: ${path}`);
  const detail = [...warnings, ...rival.warnings].join('\n');
  const outcome = detail === '' ? 'pass' : 'fail';
  results.set(BUILD_CASE, { outcome, detail, ms: 0 });
  results.set(
    SPARSE_CASE,
    checked
      ? { outcome, detail, ms: 0 }
      : { outcome: 'not applicable', detail: 'Debian’s sparse is too old for this kernel', ms: 0 },
  );
  return path;
}

function tellFailure(
  version: string,
  name: string,
  { outcome, detail }: CaseResult,
  log: string,
  say: (text: string) => void,
): void {
  if (outcome !== 'fail') return;
  say(`${version}: FAILED: ${name}\n${detail.replaceAll(/^/gm, '    ')}\n  log: ${log}`);
}
