// scripts/prebuild.mjs [ARCHITECTURE...]: builds prebuilds/linux-*/toakit.node, for all architectures that are released
// unless some are named, and checks that the result runs on old systems. Needs dist/ (npm run build).
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildAddon } from '../dist/lib/build-addon.js';

const toolchains = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

// What Node 20 itself asks of the C library. Of the C++ library the addon asks nothing.
const newestGlibc = [2, 28];

const named = process.argv.slice(2);
for (const architecture of named.length > 0 ? named : Object.keys(toolchains)) {
  const toolchain = toolchains[architecture];
  if (toolchain === undefined)
    throw new Error(`${architecture}: only ${Object.keys(toolchains)} are released`);
  const output = fileURLToPath(new URL(`../prebuilds/linux-${architecture}/toakit.node`, import.meta.url));
  await buildAddon({ output, architecture, compiler: `${toolchain}-g++` });
  checkSymbols(output, `${toolchain}-objdump`);
  console.error(`toakit: wrote ${output}`);
}

/** Throws if the file needs a library or a symbol version that the oldest system may lack. */
function checkSymbols(path, objdump) {
  const headers = execFileSync(objdump, ['--private-headers', path], { encoding: 'utf8' });
  const libraries = [...headers.matchAll(/NEEDED\s+(\S+)/g)].map((match) => match[1]);
  const symbols = execFileSync(objdump, ['--dynamic-syms', path], { encoding: 'utf8' });
  const versions = [...symbols.matchAll(/\(([A-Z]+)_([\d.]+)\)/g)];
  if (versions.length === 0) throw new Error(`${path}: ${objdump} shows no symbol versions`);
  const refused = [
    ...libraries.filter((library) => library !== 'libc.so.6'),
    ...versions
      .filter(([, library, version]) => library !== 'GLIBC' || isNewer(version))
      .map(([text]) => text),
  ];
  if (refused.length > 0) throw new Error(`${path} needs ${[...new Set(refused)].join(', ')}`);
}

function isNewer(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > newestGlibc[0] || (major === newestGlibc[0] && minor > newestGlibc[1]);
}
