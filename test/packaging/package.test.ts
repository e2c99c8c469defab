import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packageRoot } from '../../lib/native.js';
import { parseHostPort } from '../support/injected-connection.js';
import { Injector } from '../support/injector.js';
import { enterPrivateNetwork, SERVER } from '../support/private-network.js';
import { requireCompiler, requireNamespaces } from '../support/require.js';
import { tcpOption } from '../support/tcp-segment.js';
import { type Architecture, Release, toolchains } from './release.js';

// There, npm has no network to reach.
await enterPrivateNetwork();

const release = new Release();
after(() => release[Symbol.dispose]());

const manifest = JSON.parse(readFileSync(join(release.unpacked, 'package.json'), 'utf8'));
const prebuilt = (architecture: Architecture) =>
  join(release.unpacked, 'prebuilds', `linux-${architecture}`, 'toakit.node');

test('the package holds the sources of the addon, and nothing that npm would run when it is installed', () => {
  const files = readdirSync(release.unpacked, { recursive: true }).map(String);
  for (const wanted of [
    'addon/toakit.gypi',
    'addon/addon.cc',
    'dist/lib/index.js',
    'dist/lib/index.d.ts',
    'dist/toa.1',
    'schemas/formats.json',
    'docs/configuration.md',
    'docs/counters.md',
    'docs/json.md',
    'LICENSE',
  ]) {
    assert.ok(files.includes(wanted), wanted);
  }
  const unwanted = files.filter((name) => /\.gyp$|^(lib|cli|test|bench|build|dist\/test)\b/.test(name));
  assert.deepEqual(unwanted, []);
  assert.equal(manifest.scripts, undefined);
  assert.equal(manifest.gypfile, false);
  assert.equal(manifest.man, './dist/toa.1');
});

test('the package goes by the rules of publint', async () => {
  const { messages } = await publint({ pkgDir: release.unpacked, pack: false, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, manifest)),
    [],
  );
});

for (const architecture of Object.keys(toolchains) as Architecture[]) {
  const compiler = `${toolchains[architecture]}-g++`;

  test(`the prebuilt addon for ${architecture} needs glibc 2.28 at most, and no C++ library`, (t) => {
    if (!requireCompiler(t, compiler)) return;
    const objdump = (option: string) =>
      execFileSync(`${toolchains[architecture]}-objdump`, [option, prebuilt(architecture)], {
        encoding: 'utf8',
      });
    const versions = [...objdump('-T').matchAll(/\((\w+?)_([\d.]+)\)/g)].map(([, library, version]) => {
      const [major = 0, minor = 0] = version!.split('.').map(Number);
      return { library, version: major * 1000 + minor };
    });
    assert.ok(versions.length > 10);
    assert.deepEqual(
      versions.filter(({ library, version }) => library !== 'GLIBC' || version > 2028),
      [],
    );
    assert.deepEqual(objdump('-p').match(/NEEDED.*/g), ['NEEDED               libc.so.6']);
  });

  test(`the prebuilt addon for ${architecture} tells no path of the machine it was built on`, (t) => {
    if (!requireCompiler(t, compiler)) return;
    const bytes = readFileSync(prebuilt(architecture), 'latin1');
    for (const path of [packageRoot, tmpdir(), 'toakit-build-'])
      assert.equal(bytes.includes(path), false, path);
  });
}

test('without compiler, network or scripts that need approval, it is installed, imported and loads its addon', () => {
  const project = release.install('strict', '--strict-allow-scripts');
  assert.equal(project.said, '');
  assert.deepEqual(project.evaluate(`console.log(JSON.stringify((await import('toakit')).support()))`), {
    supported: true,
    sources: ['module', 'saved-syn'],
  });
  assert.equal(existsSync(join(project.toakit, 'build')), false);
});

test('with all scripts allowed, it is installed the same; every export can be imported, and required', () => {
  const project = release.install('allowed', '--ignore-scripts=false', '--dangerously-allow-all-scripts');
  const names = Object.keys(manifest.exports).map((name) => name.replace(/^\./, 'toakit'));
  for (const name of names.filter((name) => !name.endsWith('.json'))) {
    const kind = project.evaluate(
      `process.env.TOA_TRUST = 'private'; console.log(JSON.stringify(typeof (await import('${name}'))))`,
    );
    assert.equal(kind, 'object', name);
  }
  const required = project.run(process.execPath, [
    '--input-type=commonjs',
    '--eval',
    `console.log(typeof require('toakit').attach, require('toakit/package.json').version)`,
  ]);
  assert.equal(required.stdout, `function ${manifest.version}\n`);
});

test('the installed package tells a server, and everything that asks the socket, the client behind the balancer', async (t) => {
  if (!requireNamespaces(t)) return;
  const project = release.install('server');
  const server = project.start(`
    import { createServer } from 'node:http';
    import { attach, getClientAddress } from 'toakit';
    const server = createServer((request, response) => {
      const { address, port } = getClientAddress(request);
      response.end(JSON.stringify([address, port, request.socket.remoteAddress]));
    });
    attach(server, { trust: '10.9.1.0/24' });
    server.listen(0, '${SERVER.ipv4}', () => console.log(server.address().port));
  `);
  t.after(() => server.kill());
  const [port] = await once(server.stdout, 'data');
  using injector = new Injector();
  const connection = injector.connect(`${SERVER.ipv4}:${Number(port)}`, {
    syn: tcpOption.toa(parseHostPort('203.0.113.7:51514'), 254),
  });
  connection.write('GET / HTTP/1.0\r\n\r\n');
  const response = (await connection.toArray()).join('');
  assert.deepEqual(JSON.parse(response.split('\r\n\r\n')[1]!), ['203.0.113.7', 51514, '203.0.113.7']);
});

test('the declarations serve a strict program without any other package than those of Node', () => {
  const project = release.install('typed');
  writeFileSync(
    join(project.folder, 'program.ts'),
    `import { createServer } from 'node:http';
     import { attach, getClientAddress, support } from 'toakit';
     import { Balancer } from 'toakit/balancer';
     import { injectServerClients } from 'toakit/testing';
     const server = createServer((request) => {
       const port: number | undefined = getClientAddress(request)?.port;
       console.log(port, support().supported);
     });
     attach(server, { trust: 'private' });
     injectServerClients(server, '203.0.113.7:51514');
     export type Core = Balancer;
    `,
  );
  const tsc = join(packageRoot, 'node_modules', '.bin', 'tsc');
  const compiled = project.run(tsc, [
    ...['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck', 'false'],
    ...['--types', 'node', '--typeRoots', join(packageRoot, 'node_modules', '@types'), 'program.ts'],
  ]);
  assert.equal(compiled.stdout, '');
});

test('where Node may not load addons, importing works and support() says what to change', () => {
  const project = release.install('forbidden');
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  for (const options of [['--no-addons'], [permission, '--allow-fs-read=*']]) {
    const support = project.evaluate(
      `console.log(JSON.stringify((await import('toakit')).support()))`,
      ...options,
    );
    assert.deepEqual(support, {
      supported: false,
      reason: 'this Node process may not load addons',
      hint: 'drop --no-addons, or give --allow-addons beside --permission',
    });
  }
});

test('where no prebuilt addon fits, importing works, support() names a command, and the command builds one', (t) => {
  if (!requireCompiler(t, 'g++')) return;
  const project = release.install('unusual');
  execFileSync('rm', ['-r', join(project.toakit, 'prebuilds')]);
  const support = () => project.evaluate(`console.log(JSON.stringify((await import('toakit')).support()))`);
  assert.deepEqual(support(), {
    supported: false,
    reason: `there is no prebuilt addon for linux-${process.arch}`,
    hint: 'build it on this machine with: npx toa build-addon',
  });

  const built = project.run('npx', ['toa', 'build-addon']);
  assert.equal(built.status, 0, built.stderr);
  assert.equal(built.stdout.trim(), join(project.toakit, 'build', 'Release', 'toakit.node'));
  assert.deepEqual(support(), { supported: true, sources: ['module', 'saved-syn'] });
});

test('an addon that does not fit is not loaded, and the reason is told', () => {
  const project = release.install('unfit');
  const supportAfter = (before: string) =>
    project.evaluate(`${before}; console.log(JSON.stringify((await import('toakit')).support()))`) as {
      reason: string;
    };
  const addon = join(project.toakit, 'prebuilds', `linux-${process.arch}`, 'toakit.node');

  const riscv = supportAfter(`Object.defineProperty(process, 'arch', { value: 'riscv64' })`);
  assert.equal(riscv.reason, 'there is no prebuilt addon for linux-riscv64');

  // A process that uses musl has its loader among its mappings.
  const loader = join(project.folder, 'ld-musl-x86_64.so.1');
  copyFileSync(addon, loader);
  const musl = supportAfter(`process.dlopen({ exports: {} }, '${loader}')`);
  assert.equal(musl.reason, 'the prebuilt addon is for glibc, and this Node uses musl');

  writeFileSync(addon, 'damaged');
  assert.match(supportAfter('').reason, /^the addon does not load: .*too short/);
});

test('the benchmark is not in the package, and toa bench says where it is, exit 3', () => {
  const { status, stdout, stderr } = release.install('measured').run('npx', ['toa', 'bench']);
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /a clone of its repository: npm run bench/);
});

test('without a compiler the command says what to install, and leaves nothing behind', () => {
  const project = release.install('bare');
  const built = project.run('npm', ['exec', '--', 'toa', 'build-addon'], release.barePath);
  assert.notEqual(built.status, 0);
  assert.match(built.stderr, /apt-get install g\+\+ make python3/);
  assert.equal(existsSync(join(project.toakit, 'build')), false);
});
