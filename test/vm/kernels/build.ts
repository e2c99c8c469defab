/** Builds toa.ko for a kernel, without a header of this machine's own kernel. */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packageRoot } from '../../../lib/native.js';
import { builtModule, compiled } from '../guest/programs.js';
import { run } from '../run.js';
import type { Architecture } from './catalog.js';
import type { Kernel } from './fetch.js';
import type { Mirror } from './mirror.js';
import { inside, toolchain } from './toolchain.js';

/** Where the sources of modules are: of ours, and of one that stands for another of its kind. */
const SOURCES = { toa: 'kernel-module', rival_toa: 'test/vm/modules/rival' } as const;

/** A module that was built. */
export interface BuiltModule {
  readonly path: string;
  /** The lines in which compiler (with W=1), sparse and kbuild warn. */
  readonly warnings: readonly string[];
  /** Whether sparse has looked at it: the makefiles of some kernels do without, where they hold it for too old. */
  readonly checked: boolean;
}

/** Builds a module, or takes it from the cache when no source has changed. Throws with the compiler's words. */
export async function buildModule(
  name: keyof typeof SOURCES,
  kernel: Kernel,
  mirror: Mirror,
  say: (text: string) => void,
): Promise<BuiltModule> {
  const path = builtModule(name, kernel.release);
  const folder = dirname(path);
  const sources = join(packageRoot, SOURCES[name]);
  const stamp = join(folder, '.built');
  const make = [
    ...['make', '-C', join(kernel.root, 'usr/src', `linux-headers-${kernel.release}`), `M=${folder}`],
    ...crossCompiling(kernel),
    `CC=${kernel.source.toolchain ? kernel.compiler : gccFor(kernel.architecture)}`,
    ...['CONFIG_DEBUG_INFO_BTF_MODULES=', 'W=1', 'C=2', 'CF=-D__CHECK_ENDIAN__', 'modules'],
  ];
  const identity = `${kernel.version} ${digestOf(sources)} ${make.join(' ')}`;
  const log = join(folder, 'build.log');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== identity) {
    say(`${kernel.name}: building ${basename(path)} for ${kernel.release}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(sources, folder, { recursive: true });
    const [command, args] = kernel.source.toolchain
      ? inside(await toolchain(kernel.source.toolchain, kernel.compiler, mirror, say), make)
      : ([make[0]!, make.slice(1)] as const);
    writeFileSync(log, await run(command, args, { both: true }));
    writeFileSync(stamp, identity);
  }
  const said = readFileSync(log, 'utf8');
  const warnings = said
    .split('\n')
    .filter((line) => /warning:|error:|^WARNING/i.test(line) && !isAboutTools(line));
  return { path, warnings, checked: /^ +CHECK /m.test(said) };
}

function crossCompiling({ architecture }: Kernel): string[] {
  return architecture === 'arm64' ? ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-'] : [];
}

function gccFor(architecture: Architecture): string {
  return architecture === 'arm64' ? 'aarch64-linux-gnu-gcc' : 'gcc';
}

/** Kbuild remarks that the tools here are not those that built the kernel. */
function isAboutTools(line: string): boolean {
  return /(compiler|pahole version) differs from the one used to build the kernel/.test(line);
}

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  const names = readdirSync(folder, { recursive: true }) as string[];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Compiles the C programs that cases call. */
export async function buildPrograms(architectures: Iterable<Architecture>): Promise<void> {
  for (const architecture of architectures) await buildProgramsFor(architecture);
}

async function buildProgramsFor(architecture: Architecture): Promise<void> {
  const machine = architecture === 'arm64' ? 'arm64' : 'x64';
  const sources = join(packageRoot, 'test/vm/programs');
  mkdirSync(dirname(compiled('x', machine)), { recursive: true });
  for (const file of readdirSync(sources).filter((name) => name.endsWith('.c'))) {
    const target = compiled(basename(file, '.c'), machine);
    const source = join(sources, file);
    const made = statSync(target, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (made > statSync(source).mtimeMs) continue;
    await run(gccFor(architecture), ['-O2', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', target, source]);
  }
}
