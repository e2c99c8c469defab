/** `npm run test:vm`: see the help below. Data on stdout, progress on stderr. */
import { parseArgs } from 'node:util';
import { buildModule } from './kernels/build.js';
import { chooseKernels, kernelSpecs } from './kernels/catalog.js';
import { fetchKernel } from './kernels/fetch.js';
import { configuredMirror } from './kernels/mirror.js';
import { missingPackages, widenPath } from './tools.js';

const help = `Usage: npm run test:vm [-- options]

Builds toa.ko for Debian's kernels, boots each in a virtual machine and runs the cases of test/vm/cases in it.

  --kernel NAME  one of ${kernelSpecs.map(({ name }) => name).join(', ')}; may be repeated; all without it
  --build-only   fetch and build, boot nothing
  --help
`;

const { values: options } = parseArgs({
  options: {
    kernel: { type: 'string', multiple: true, default: [] },
    'build-only': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(help);
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
  const mirror = await configuredMirror();
  let failed = 0;
  for (const spec of chooseKernels(options.kernel)) {
    try {
      const kernel = await fetchKernel(spec, mirror, say);
      const { path, warnings } = await buildModule(kernel, mirror, say);
      say(`${kernel.version}: ${path}${warnings.map((line) => `\n  ${line}`).join('')}`);
      failed += warnings.length > 0 ? 1 : 0;
    } catch (error) {
      say(`${spec.name}: ${error instanceof Error ? error.message : error}`);
      failed += 1;
    }
  }
  return failed === 0 ? 0 : 1;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
