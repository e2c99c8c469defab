import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { packageRoot } from '../../lib/native.js';
import { configuredMirror } from '../vm/kernels/mirror.js';
import { skipOrFail } from './require.js';

/** DKMS, which brings the compiler; the headers of the release's kernel; what our package depends on besides; what DKMS signs with. */
const packages = [
  'dkms',
  `linux-headers-${process.arch === 'x64' ? 'amd64' : process.arch}`,
  'procps',
  'openssl',
];
const cache = join(packageRoot, '.cache', 'debian-root');

/**
 * A Debian of this machine's release in a folder, with DKMS and the headers of a kernel. It is unpacked once and kept; changes
 * to it are in memory, and in a mount namespace that ends with us, however we end.
 */
export class DebianRoot {
  readonly path = join(cache, 'debian');
  /** The version of the kernel that it has the headers of. */
  readonly kernel: string;
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.kernel = readdirSync(join(this.path, 'lib/modules'))[0]!;
  }

  /** For the time of one test; undefined where there can be none, and then the test is skipped and says why. */
  static async forTest(t: TestContext): Promise<DebianRoot | undefined> {
    const obstacle = await prepare();
    if (obstacle !== undefined) {
      skipOrFail(t, 'debian-root', obstacle);
      return undefined;
    }
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-ec', mounts, cache], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(async () => {
      holder.stdin!.end(); // cat sees the end, and with it goes the namespace
      if (holder.exitCode === null) await once(holder, 'exit');
    });
    await once(holder.stdout!, 'data');
    return new DebianRoot(holder);
  }

  /** Runs a program of this machine that sees the changed Debian at `path`. */
  run(program: string, ...args: string[]): SpawnSyncReturns<string> {
    return this.feed('', program, ...args);
  }

  /** The same, with something to read. */
  feed(input: string, program: string, ...args: string[]): SpawnSyncReturns<string> {
    const enter = [
      '--target',
      String(this.#holder.pid),
      '--mount',
      `--wd=${process.cwd()}`,
      program,
      ...args,
    ];
    return spawnSync('nsenter', enter, { encoding: 'utf8', input, env: { ...process.env, LC_ALL: 'C' } });
  }

  /** Runs one of its own programs, and returns what it printed; throws if it fails. */
  inside(program: string, ...args: string[]): string {
    const { status, stdout, stderr } = this.run('chroot', this.path, program, ...args);
    if (status !== 0)
      throw new Error(`${[program, ...args].join(' ')}: exit status ${status}\n${stdout}${stderr}`);
    return stdout;
  }
}

/** Stays until its input ends. */
const mounts = `
  mount -t tmpfs tmpfs "$0/changes"
  mkdir "$0/changes/upper" "$0/changes/work"
  mount -t overlay overlay -o "lowerdir=$0/debian,upperdir=$0/changes/upper,workdir=$0/changes/work" "$0/debian"
  mount -t proc proc "$0/debian/proc"
  mount --rbind /dev "$0/debian/dev"
  echo ready
  exec cat`;

/** Unpacks the Debian if need be; answers what is in the way. */
async function prepare(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'only root can have a Debian in a folder';
  const stamp = join(cache, 'complete');
  const wanted = packages.join(' ');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  rmSync(cache, { recursive: true, force: true });
  mkdirSync(join(cache, 'changes'), { recursive: true });
  try {
    const { main } = await configuredMirror();
    unpack(main, join(cache, 'unpacking'));
  } catch (error) {
    rmSync(cache, { recursive: true, force: true });
    return `no Debian to be had: ${error instanceof Error ? error.message : error}`;
  }
  renameSync(join(cache, 'unpacking'), join(cache, 'debian'));
  writeFileSync(stamp, wanted);
  return undefined;
}

function unpack(mirror: string, folder: string): void {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const options = [
    ...['--quiet', '--variant=essential', `--include=${packages.join(',')}`],
    ...['--aptopt=Apt::Install-Recommends "false"', '--dpkgopt=force-unsafe-io'],
  ];
  const { status, stderr, error } = spawnSync('mmdebstrap', [...options, release, folder, mirror], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n').slice(-3).join('; '));
}
