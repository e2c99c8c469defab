// scripts/pack-release.mjs [FOLDER]: writes the .tgz that is released into FOLDER, the current one unless told otherwise,
// and prints its name. It is what `npm pack` makes, but its package.json has no scripts: they are for checkouts, and where
// install scripts need approval npm asks for it on seeing `prepare`. Needs dist/ and prebuilds/.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const destination = resolve(process.argv[2] ?? '.');
const folder = mkdtempSync(join(tmpdir(), 'toakit-pack-'));
try {
  for (const { path } of pack(checkout, '--dry-run').files) cpSync(join(checkout, path), join(folder, path));
  const { scripts, devDependencies, ...manifest } = JSON.parse(
    readFileSync(join(checkout, 'package.json'), 'utf8'),
  );
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  console.log(pack(folder, '--pack-destination', destination).filename);
} finally {
  rmSync(folder, { recursive: true });
}

function pack(from, ...options) {
  const output = execFileSync('npm', ['pack', '--ignore-scripts', '--json', ...options], {
    cwd: from,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output)[0];
}
