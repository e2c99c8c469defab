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
import { cacheFolder } from '../cache.js';
import { compiled } from '../guest/programs.js';
import { run } from '../run.js';
import type { Architecture } from './catalog.js';
import type { Kernel } from './fetch.js';
import type { Mirror } from './mirror.js';
import { inside, toolchain } from './toolchain.js';

const SOURCES = join(packageRoot, 'kernel-module');

/** A module that was built. */
export interface BuiltModule {
  readonly path: string;
  /** The lines in which compiler and kbuild warn, with W=1. */
  readonly warnings: readonly string[];
}

/** Builds the module, or takes it from the cache when no source has changed. Throws with the compiler's words. */
export async function buildModule(
  kernel: Kernel,
  mirror: Mirror,
  say: (text: string) => void,
): Promise<BuiltModule> {
  const folder = join(cacheFolder, 'build', kernel.release);
  const stamp = join(folder, '.built');
  const identity = `${kernel.version} ${digestOf(SOURCES)}`;
  const log = join(folder, 'build.log');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== identity) {
    say(`${kernel.name}: building toa.ko for ${kernel.release}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(SOURCES, folder, { recursive: true });
    const compiler = kernel.source.toolchain ? kernel.compiler : gccFor(kernel.architecture);
    const make = [
      ...['make', '-C', join(kernel.root, 'usr/src', `linux-headers-${kernel.release}`), `M=${folder}`],
      ...crossCompiling(kernel),
      ...[`CC=${compiler}`, 'CONFIG_DEBUG_INFO_BTF_MODULES=', 'W=1', 'modules'],
    ];
    const [command, args] = kernel.source.toolchain
      ? inside(await toolchain(kernel.source.toolchain, kernel.compiler, mirror, say), make)
      : ([make[0]!, make.slice(1)] as const);
    writeFileSync(log, await run(command, args, { both: true }));
    writeFileSync(stamp, identity);
  }
  const warnings = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /warning:|^WARNING/i.test(line) && !isAboutTools(line));
  return { path: join(folder, 'toa.ko'), warnings };
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
