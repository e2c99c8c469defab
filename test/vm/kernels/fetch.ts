/** Finds the newest version of a kernel, and unpacks its image, modules and headers into the cache, once. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../cache.js';
import { run } from '../run.js';
import { PrivateApt } from './apt.js';
import type { Architecture, KernelSource, KernelSpec } from './catalog.js';
import type { Mirror } from './mirror.js';

/** A kernel that is there, ready to boot and to build for. */
export interface Kernel {
  /** As `--kernel` names it. */
  readonly name: string;
  /** As reports name it: `6.1.192`, `6.12.117+deb13`. */
  readonly version: string;
  /** What `uname -r` says. */
  readonly release: string;
  /** The folder that it was unpacked into. */
  readonly root: string;
  readonly source: KernelSource;
  readonly architecture: Architecture;
  /** The Debian package of the compiler that its headers ask for. */
  readonly compiler: string;
}

interface Candidate {
  readonly source: KernelSource;
  readonly apt: PrivateApt;
  readonly version: string;
  readonly release: string;
}

/** The apt that knows one suite. */
export async function aptFor(
  mirror: Mirror,
  source: Pick<KernelSource, 'suite' | 'archive'>,
  architecture: Architecture,
): Promise<PrivateApt> {
  const apt = new PrivateApt(
    join(cacheFolder, 'apt', `${source.suite}-${architecture}`),
    {
      uri: mirror[source.archive],
      suite: source.suite,
    },
    architecture,
  );
  await apt.update();
  return apt;
}

/** Brings a kernel here; says so if that takes a while. */
export async function fetchKernel(
  spec: KernelSpec,
  mirror: Mirror,
  say: (text: string) => void,
): Promise<Kernel> {
  const { source, apt, version, release } = await newest(spec, mirror);
  const root = join(cacheFolder, 'kernels', release);
  const stamp = join(root, '.complete');
  const headers = `linux-headers-${release}`;
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== `${version} ${root}`) {
    say(`${spec.name}: fetching ${release} from ${source.suite}`);
    const names = [
      ...(await closure(apt, `linux-image-${release}`, /^linux-(image|binary|modules|base)-\d/)),
      ...(await closure(apt, headers, /^linux-headers-\d/)),
    ];
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    await apt.download(names, (file) => unpack(file, root));
    // The programs that build modules run on this machine, whichever machine they build for.
    const programs = await closure(apt, headers, /^linux-kbuild-\d/);
    const here = await aptFor(mirror, source, 'amd64');
    await here.download(programs.slice(1), (file) => unpack(file, root));
    await settle(root, release);
    writeFileSync(stamp, `${version} ${root}`);
  }
  const depends = (await apt.find(headers))?.depends ?? [];
  const compiler = depends.map((one) => /^gcc-\d+/.exec(one)?.[0]).find((one) => one !== undefined) ?? 'gcc';
  return {
    name: spec.name,
    architecture: spec.architecture,
    version: version.split('-')[0]! + (spec.suffix ?? ''),
    release,
    root,
    source,
    compiler,
  };
}

/** The kernel's image, for QEMU. */
export function imageOf(kernel: Kernel): string {
  const places = [`boot/vmlinuz-${kernel.release}`, `lib/modules/${kernel.release}/vmlinuz`];
  return places.map((place) => join(kernel.root, place)).find((path) => existsSync(path))!;
}

async function newest(spec: KernelSpec, mirror: Mirror): Promise<Candidate> {
  let best: Candidate | undefined;
  for (const source of spec.sources) {
    const apt = await aptFor(mirror, source, spec.architecture);
    const image = await apt.find(source.image);
    const headers = await apt.find(source.headers);
    const release = /^linux-image-(\d.*)$/.exec(
      image?.depends.find((one) => /^linux-image-\d/.test(one)) ?? '',
    )?.[1];
    if (image === undefined || release === undefined) continue;
    if (!headers?.depends.includes(`linux-headers-${release}`)) continue; // the archive is between two uploads
    if (best && !(await isNewer(image.version, best.version))) continue;
    best = { source, apt, version: image.version, release };
  }
  if (best) return best;
  throw new Error(
    `${spec.name}: no kernel with headers in ${spec.sources.map((one) => one.suite).join(', ')}`,
  );
}

async function isNewer(a: string, b: string): Promise<boolean> {
  return run('dpkg', ['--compare-versions', a, 'gt', b]).then(
    () => true,
    () => false,
  );
}

/** `name` and what it depends on, as far as the names are of that pattern. */
async function closure(apt: PrivateApt, name: string, pattern: RegExp): Promise<string[]> {
  const found = new Set([name]);
  for (const one of found) {
    const { depends } = (await apt.find(one)) ?? { depends: [] };
    for (const dependency of depends) if (pattern.test(dependency)) found.add(dependency);
  }
  return [...found];
}

/** Drivers of hardware that the virtual machine does not have are left out: they are nine tenths of the modules. */
async function unpack(file: string, root: string): Promise<void> {
  const left = ['sound', 'drivers/[!nv]*', 'drivers/net/ethernet', 'drivers/net/wireless'];
  const excludes = left.map((path) => `--exclude='*/kernel/${path}'`).join(' ');
  await run('sh', ['-c', `dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" ${excludes}`, file, root]);
}

/** Makes modprobe and the headers' makefiles work where they are. */
async function settle(root: string, release: string): Promise<void> {
  if (!existsSync(join(root, 'lib'))) mkdirSync(join(root, 'lib'));
  const merged = join(root, 'usr/lib/modules');
  if (existsSync(merged)) renameSync(merged, join(root, 'lib/modules'));
  await run('depmod', ['-b', root, release]);
  const sources = join(root, 'usr/src');
  for (const folder of readdirSync(sources)) {
    const makefile = join(sources, folder, 'Makefile');
    if (!existsSync(makefile)) continue;
    const text = readFileSync(makefile, 'utf8');
    writeFileSync(makefile, text.replaceAll('/usr/src/', `${sources}/`));
  }
}
