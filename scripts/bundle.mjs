/**
 * Bundles the program: `node scripts/bundle.mjs FOLDER STAMP`. Few files load many times faster than many, and of a library
 * only what is used is loaded. Commands stay lazy: what only one of them imports is a chunk of its own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ROOT } from './processes.mjs'

/** Packages that users' programs need for its types, but that we bring along: loaded from its own files it costs 40 ms. */
const BUNDLED_ALL_THE_SAME = ['zod']

/** Of the command line's packages those that it needs seldom: files of their own, so that others do not read them. */
const SELDOM = [
  'execa',
  'fast-xml-parser',
  'linkedom',
  'listr2',
  'pngjs',
  '@clack/prompts',
  '@observablehq/plot',
  '@xterm/headless',
]
const seldomFile = (name) => `package-${name.replace(/^@/, '').replace('/', '-')}`

const [folder, stamp] = process.argv.slice(2)
const { version, dependencies, peerDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
)
const common = {
  absWorkingDir: ROOT,
  outdir: folder,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: Object.keys({ ...dependencies, ...peerDependencies }).filter(
    (name) => !BUNDLED_ALL_THE_SAME.includes(name),
  ),
  define: { BRINGUP_BUILD: JSON.stringify(stamp) },
  metafile: true,
  logLevel: 'warning',
}

const built = await Promise.all([
  build({
    ...common,
    entryPoints: { index: 'src/index.ts', 'testing/index': 'src/testing/index.ts' },
    format: 'esm',
    splitting: true,
    // Packages that are CommonJS still ask for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as $require } from 'node:module'; const require = $require(import.meta.url);",
    },
  }),
  // A process of its own that starts with every network: one small file.
  build({
    ...common,
    entryPoints: { 'network/switch-process': 'src/network/switch-process.ts' },
    format: 'cjs',
  }),
  build({
    ...common,
    entryPoints: Object.fromEntries(SELDOM.map((name) => [`cli/${seldomFile(name)}`, name])),
    format: 'cjs',
  }),
  // One file of CommonJS: the compiled code of all of it can be kept, and what is imported lazily is evaluated lazily.
  build({
    ...common,
    entryPoints: { 'cli/main': 'src/cli/main.ts', 'cli/bin': 'src/cli/bin.ts' },
    format: 'cjs',
    // Code that V8 has kept from an earlier run cannot import (Node 20): what is external is required instead.
    supported: { 'dynamic-import': false },
    charset: 'ascii',
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [
      { name: 'seldom', setup: takeSeldomFromFiles },
      { name: 'lazy', setup: loadNodeLazily },
    ],
    define: { ...common.define, BRINGUP_VERSION: JSON.stringify(version), 'import.meta.url': '$url' },
    // As if the file lay directly in the folder, as all others do.
    banner: { js: "const $url = require('node:url').pathToFileURL(__dirname).href;" },
  }),
])
// The loader reads the program as Latin-1; esbuild escapes strings, but no regular expressions.
const [strange] =
  readFileSync(join(folder, 'cli/main.js'), 'utf8').match(/.{0,40}[\u0080-\uffff].{0,40}/) ?? []
if (strange !== undefined) throw new Error(`write \\uXXXX in the regular expression: ${strange}`)
for (const name of ['cli', 'network'])
  writeFileSync(join(folder, name, 'package.json'), '{ "type": "commonjs" }\n')
const inputs = built.flatMap(({ metafile }) => Object.keys(metafile.inputs))
writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), licences(inputs))

function takeSeldomFromFiles({ onResolve }) {
  onResolve({ filter: /^[@a-z]/ }, ({ path }) =>
    SELDOM.includes(path) ? { path: `./${seldomFile(path)}.js`, external: true } : undefined,
  )
}

/** Node's larger modules are loaded at their first use: `node:crypto` alone takes 4 ms. */
function loadNodeLazily({ onResolve, onLoad }) {
  const large =
    /^(node:)?(child_process|crypto|fs\/promises|http|https|net|readline|readline\/promises|zlib)$/
  onResolve({ filter: large }, ({ path, namespace }) =>
    namespace === 'lazy' ? { path, external: true } : { path, namespace: 'lazy' },
  )
  onLoad({ filter: /./, namespace: 'lazy' }, async ({ path }) => {
    const names = Object.keys((await import(path)).default)
    const getters = names.map((name) => `get ${name}() { return require('${path}').${name} }`)
    return { contents: `module.exports = { ${getters.join(', ')} }` }
  })
}

/** The licence of every package whose code is in the bundle, as each of them asks. */
function licences(inputs) {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [])
  return [...new Set(folders)]
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8'))
      return `${name} ${version} (${license})\n\n${licenceText(path)}\n`
    })
    .join(`${'-'.repeat(80)}\n`)
}

function licenceText(path) {
  for (const name of ['LICENSE', 'LICENSE.md', 'license', 'LICENSE.txt', 'LICENCE']) {
    try {
      return readFileSync(join(ROOT, path, name), 'utf8')
    } catch {
      // Under another name, or in package.json only.
    }
  }
  return ''
}
