import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { ToaError } from './errors.js';
import { builtAddon, packageRoot } from './native.js';

const { resolve } = createRequire(import.meta.url);

export interface AddonBuild {
  /** The file to write, its folder is made; the default is where `native` looks first. */
  readonly output?: string;
  /** Another machine's architecture, in Node's words, with its compiler in `compiler`. */
  readonly architecture?: string;
  readonly compiler?: string;
}

/**
 * Compiles the addon from the sources in this package, and answers the file written. Works offline where the running Node has
 * its headers beside it; else node-gyp fetches them. A file that was there before stays as it was until the new one is complete.
 * @throws ToaError ERR_TOA_NO_NODE_GYP, ERR_TOA_BUILD_FAILED (with the end of what the tools said)
 */
export async function buildAddon({
  output = builtAddon,
  architecture = process.arch,
  compiler,
}: AddonBuild = {}): Promise<string> {
  const nodeGyp = findNodeGyp();
  const folder = mkdtempSync(join(tmpdir(), 'toakit-build-'));
  try {
    layOutSources(folder);
    const options = [`--arch=${architecture}`, ...offlineHeaders()];
    const made = spawn(process.execPath, [nodeGyp, 'rebuild', ...options], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: compiler === undefined ? process.env : { ...process.env, CXX: compiler },
    });
    const said: Buffer[] = [];
    for (const stream of [made.stdout, made.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
    const [status] = await once(made, 'close');
    if (status !== 0) throw buildFailed(Buffer.concat(said).toString());
    mkdirSync(dirname(output), { recursive: true });
    // Renamed into place: processes that have the old file loaded keep it.
    cpSync(join(folder, 'build', 'Release', 'toakit.node'), `${output}.new`);
    renameSync(`${output}.new`, output);
    return output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** node-gyp writes beside binding.gyp, and an installed package has none (npm would run it): so, a folder that looks like a checkout. */
function layOutSources(folder: string): void {
  cpSync(join(packageRoot, 'addon'), join(folder, 'addon'), { recursive: true });
  writeFileSync(join(folder, 'binding.gyp'), `{ 'includes': ['addon/toakit.gypi'] }\n`);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(
    dirname(resolve('node-addon-api/package.json')),
    join(folder, 'node_modules', 'node-addon-api'),
  );
}

/** Without this node-gyp downloads the headers, also where they are installed. */
function offlineHeaders(): string[] {
  const prefix = join(dirname(realpathSync(process.execPath)), '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/** The checkout's own node-gyp, else the one inside npm: the npm that runs us, that of this Node, or that on the path. */
function findNodeGyp(): string {
  const insideNpm = (npm: string) => join(npm, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  const { npm_config_node_gyp, npm_execpath, PATH = '' } = process.env;
  const candidates = [
    ...tried(() => resolve('node-gyp/bin/node-gyp.js')),
    ...(npm_config_node_gyp === undefined ? [] : [npm_config_node_gyp]),
    ...(npm_execpath === undefined ? [] : [insideNpm(join(npm_execpath, '..', '..'))]),
    insideNpm(join(dirname(realpathSync(process.execPath)), '..', 'lib', 'node_modules', 'npm')),
    ...PATH.split(delimiter).flatMap((folder) =>
      tried(() => insideNpm(join(realpathSync(join(folder, 'npm')), '..', '..'))),
    ),
  ];
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new ToaError(
    'ERR_TOA_NO_NODE_GYP',
    'cannot build the addon: there is no node-gyp, and no npm that brings one',
    {
      hint: 'install npm, or node-gyp beside toakit: npm install node-gyp',
    },
  );
}

/** The value in an array, or an empty one if it could not be had. */
function tried(path: () => string): string[] {
  try {
    return [path()];
  } catch {
    return [];
  }
}

function buildFailed(output: string): ToaError {
  const end = output.trimEnd().split('\n').slice(-20).join('\n');
  return new ToaError('ERR_TOA_BUILD_FAILED', `cannot build the addon:\n${end}\n`, {
    hint: 'it needs a C++ compiler, make and Python 3; on Debian: apt-get install g++ make python3',
  });
}
