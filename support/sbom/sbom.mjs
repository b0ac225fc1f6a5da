// SPDX-License-Identifier: Apache-2.0
// Copyright the mod_betterauth authors

// node sbom.mjs FILE.deb FILE.json: writes what the Debian package is made of, as CycloneDX 1.6 in JSON: its module and its program,
// the packages whose libraries they are linked with, those it needs to run, and those it was built with (from the
// .buildinfo beside it). Run it where the package was built. The same package gives the same text.
//
// Nothing of others is copied into the module, so there is nothing else to list.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { Enums, Models, Serialize, Spec, Validation } from '@cyclonedx/cyclonedx-library';

const [deb, out] = process.argv.slice(2);
if (!deb?.endsWith('.deb') || !out) throw new Error('sbom.mjs FILE.deb FILE.json');

const run = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C' } });
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex');
const field = name => run('dpkg-deb', '-f', deb, name).trim();
const hashed = bytes => new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], sha256(bytes)]]);
const property = (name, value) => new Models.Property(`mod_betterauth:${name}`, value);
const ours = () => new Models.LicenseRepository([new Models.SpdxLicense('Apache-2.0', { acknowledgement: Enums.LicenseAcknowledgement.Declared })]);
const purl = (name, version, architecture) =>
  `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`;

// ---- packages of Debian, by name

const installed = new Map(run('dpkg-query', '-W', '-f', '${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\n').trimEnd().split('\n')
  .map(line => line.split('\t')).map(([name, ...rest]) => [name, rest]));
const packages = new Map();

function debian(name, scope, why) {
  let component = packages.get(name);
  if (!component) {
    if (!installed.has(name)) throw new Error(`${name} is not installed: run this where the package was built`);
    const [version, architecture, source] = installed.get(name);
    component = new Models.Component(Enums.ComponentType.Library, name, {
      bomRef: `deb:${name}`, version, purl: purl(name, version, architecture), scope,
      supplier: new Models.OrganizationalEntity({ name: 'Debian' }), properties: new Models.PropertyRepository([property('source', source)]),
    });
    packages.set(name, component);
  }
  component.properties.add(property('role', why));
  return component;
}

// ---- what the package holds

function binary(folder, path) {
  const file = join(folder, path);
  const bytes = readFileSync(file);
  const component = new Models.Component(path.endsWith('.so') ? Enums.ComponentType.Library : Enums.ComponentType.Application, basename(path), {
    bomRef: `file:${path}`, version, licenses: ours(), hashes: hashed(bytes), properties: new Models.PropertyRepository([property('path', `/${path}`)]),
  });
  const needed = [...run('objdump', '-p', file).matchAll(/NEEDED\s+(\S+)/g)].map(m => m[1]);
  const paths = new Map([...run('ldd', file).matchAll(/^\s+(\S+) => (\/\S+)/gm)].map(m => [m[1], m[2]]));
  for (const soname of needed) {
    const library = paths.get(soname);
    if (!library) throw new Error(`${path} needs ${soname}, which is not here`);
    const owner = owned(library);
    component.dependencies.add(debian(owner, Enums.ComponentScope.Required, `linked by ${basename(path)}: ${soname}`).bomRef);
  }
  return component;
}

// dpkg knows files by the path that they were installed under, /lib or /usr/lib
function owned(file) {
  const real = realpathSync(file);
  for (const path of [real, real.replace(/^\/usr/, ''), `/usr${real}`]) {
    try { return run('dpkg-query', '-S', path).split(':')[0]; } catch { /* the next spelling */ }
  }
  throw new Error(`no package has ${file}`);
}

// ---- all of it

const version = field('Version');
const name = field('Package');
const architecture = field('Architecture');
const bytes = readFileSync(deb);
const folder = mkdtempSync(join(tmpdir(), 'sbom-'));
const whole = new Models.Component(Enums.ComponentType.Application, name, {
  bomRef: `deb:${name}`, version, licenses: ours(), purl: purl(name, version, architecture), hashes: hashed(bytes), description: field('Description').split('\n')[0],
  supplier: new Models.OrganizationalEntity({ name: field('Maintainer').replace(/ <.*/, '') }),
});
try {
  run('dpkg-deb', '-x', deb, folder);
  for (const path of ['usr/lib/apache2/modules/mod_betterauth.so', 'usr/sbin/betterauthctl']) {
    const file = binary(folder, path);
    whole.components.add(file);
    whole.dependencies.add(file.bomRef);
  }
} finally {
  rmSync(folder, { recursive: true });
}

for (const part of field('Depends').split(/\s*,\s*/)) {
  const needed = part.replace(/[\s(:].*/s, '');
  // such as apache2-api-20120211, which is only provided
  if (installed.has(needed)) whole.dependencies.add(debian(needed, Enums.ComponentScope.Required, `Depends: ${part}`).bomRef);
  else whole.properties.add(property('needs', part));
}

const buildinfo = readdirSync(dirname(deb)).filter(file => file.endsWith('.buildinfo'));
if (buildinfo.length !== 1) throw new Error('the .buildinfo is not beside the package');
const built = readFileSync(join(dirname(deb), buildinfo[0]), 'utf8');
for (const [, tool] of built.matchAll(/^ (\S+) \(= [^)]*\),?$/gm)) debian(tool.replace(/:.*/, ''), Enums.ComponentScope.Excluded, 'was there when it was built');

// the changelog's time, as the package has it
const epoch = Number(built.match(/^ SOURCE_DATE_EPOCH="(\d+)"$/m)?.[1]);
if (!epoch) throw new Error('the .buildinfo has no SOURCE_DATE_EPOCH');

const digest = sha256(bytes);
const bom = new Models.Bom({
  // of version 8, "custom": the package's own digest
  serialNumber: `urn:uuid:${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
  metadata: new Models.Metadata({
    component: whole, lifecycles: new Models.LifecycleRepository([Enums.LifecyclePhase.PostBuild]),
    timestamp: new Date(epoch * 1000),
  }),
  components: new Models.ComponentRepository(packages.values()),
});

const text = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)).serialize(bom, { sortLists: true, space: 2 });
const wrong = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
if (wrong) throw new Error(`not CycloneDX: ${JSON.stringify(wrong)}`);
writeFileSync(out, `${text}\n`);
const count = scope => [...packages.values()].filter(c => c.scope === scope).length;
process.stdout.write(`valid CycloneDX 1.6: ${whole.components.size} files of ours, ${count('required')} packages they need, ${count('excluded')} that built them\n`);
