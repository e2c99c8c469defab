/** The released package, made once for a test file, and empty projects to install it into. */
import { type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { packageRoot } from '../../lib/native.js';

/** The architectures that are released, those of them that this machine has a compiler for, and their tools. */
export const toolchains = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
export type Architecture = keyof typeof toolchains;
export const architectures = (Object.keys(toolchains) as Architecture[]).filter((name) =>
  onPath(`${toolchains[name]}-g++`),
);

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Release {
  readonly folder = mkdtempSync(join(tmpdir(), 'toa-release-'));
  /** The package, and with it its dependencies: where there is no network, they are installed from files too. */
  readonly tarballs: readonly string[];
  /** The package unpacked. */
  readonly unpacked = join(this.folder, 'package');
  /** A folder with node, npm and a shell, and nothing else: a PATH without a compiler. */
  readonly barePath = join(this.folder, 'bin');

  constructor() {
    execFileSync(process.execPath, [join(packageRoot, 'scripts/prebuild.mjs'), ...architectures], {
      stdio: 'pipe',
    });
    const script = join(packageRoot, 'scripts/pack-release.mjs');
    const toakit = execFileSync(process.execPath, [script, this.folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
    execFileSync('tar', ['-xzf', toakit], { cwd: this.folder });
    const { dependencies } = JSON.parse(readFileSync(join(this.unpacked, 'package.json'), 'utf8'));
    const folders = Object.keys(dependencies).map((name) => join(packageRoot, 'node_modules', name));
    execFileSync('npm', ['pack', '--ignore-scripts', ...folders], { cwd: this.folder, stdio: 'pipe' });
    this.tarballs = readdirSync(this.folder)
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => join(this.folder, name));
    mkdirSync(this.barePath);
    for (const [name, path] of [
      ['node', process.execPath],
      ['npm', onPath('npm')!],
      ['sh', '/bin/sh'],
    ] as const) {
      symlinkSync(path, join(this.barePath, name));
    }
  }

  /** An empty project with the package installed, from files alone, by an npm that may run scripts and finds no compiler. */
  install(name: string, ...options: string[]): Project {
    const project = new Project(join(this.folder, name));
    const how = ['--offline', '--registry=http://127.0.0.1:9', '--no-audit', '--no-fund', ...options];
    const installed = project.run('npm', ['install', ...how, ...this.tarballs], this.barePath);
    if (installed.status !== 0) throw new Error(installed.stderr);
    project.said = installed.stderr;
    return project;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

export class Project {
  readonly folder: string;
  /** What npm wrote to standard error while it installed. */
  said = '';

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(folder);
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  }

  /** Where the package is installed. */
  get toakit(): string {
    return join(this.folder, 'node_modules', 'toakit');
  }

  /** Runs a command with this project's folder as the current one, without anybody's npm settings. */
  run(command: string, args: readonly string[], path = process.env.PATH ?? ''): Run {
    return spawnSync(command, args, { cwd: this.folder, encoding: 'utf8', env: this.environment(path) });
  }

  /** Runs an ES module in this project and reads the JSON that it prints. */
  evaluate(source: string, ...options: string[]): unknown {
    const { stdout, stderr } = this.run(process.execPath, [
      ...options,
      '--input-type=module',
      '--eval',
      source,
    ]);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  /** Starts an ES module in this project. */
  start(source: string): ChildProcessByStdio<null, Readable, null> {
    return spawn(process.execPath, ['--input-type=module', '--eval', source], {
      cwd: this.folder,
      env: this.environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  environment(path = process.env.PATH ?? ''): NodeJS.ProcessEnv {
    const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|TOA_)/i.test(name));
    return { ...Object.fromEntries(inherited), PATH: path, HOME: this.folder, npm_config_offline: 'true' };
  }
}

/** The real path of a program on the PATH. */
export function onPath(program: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    try {
      return realpathSync(join(folder, program));
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}
