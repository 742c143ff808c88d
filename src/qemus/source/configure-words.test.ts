import { expect, test } from 'vitest'
import { readConfigureHelp } from './configure-help.ts'
import { configureWords, type SourceWish, versionProblems } from './configure-words.ts'

/** The end of `configure --help` of QEMU 7.2.22, shortened. */
const HELP_7_2 = `Usage: configure [options]
  --target-list=LIST       set target list (default: build all)
                           Available targets: aarch64-softmmu x86_64-softmmu
                           aarch64-linux-user x86_64-linux-user
  --python=PYTHON          use specified python [python3]
  --meson=MESON            use specified meson []
  --without-default-features default all --enable-* options to "disabled"
  --enable-debug           enable common debug build options
  --disable-werror         disable compilation abort on warning
  --enable-plugins
                           enable plugins via shared library loading
  --enable-fdt[=CHOICE]    Whether and how to find the libfdt library

Optional features, enabled with --enable-FEATURE and
disabled with --disable-FEATURE, default is enabled if available
(unless built with --without-default-features):

  docs            Documentations build support
  kvm             KVM acceleration support
  libdaxctl       libdaxctl support
  libpmem         libpmem support
  pvrdma          Enable PVRDMA support
  rdma            Enable RDMA-based migration
  tools           build support utilities that come with QEMU
  vhost-user-blk-server
                  build vhost-user-blk server
  system          all system emulation targets
  user            supported user emulation targets
  debug-info      debugging information
`
/** QEMU 10.0: neither --meson nor pvrdma. */
const HELP_10_0 = HELP_7_2.replace(/^ {2}--meson.*\n/m, '')
  .replace(/^ {2}pvrdma.*\n/m, '')
  .concat('  --disable-download       disables automatic download\n')

const WISH: SourceWish = {
  features: ['rdma', 'pmem', 'plugins'],
  architectures: ['x86_64'],
  isToolsOnly: false,
  isDebug: false,
}
const PLACES = { prefix: '/data/7.2.22-source', python: '/usr/bin/python3' }

const wordsFor = (wish: Partial<SourceWish>, help = HELP_7_2, version = '7.2.22', more = {}) =>
  configureWords({ ...WISH, ...wish }, readConfigureHelp(help), version, { ...PLACES, ...more })

test('features of both lists of the help are offered, either way', () => {
  const offer = readConfigureHelp(HELP_7_2)
  for (const option of [
    '--enable-pvrdma',
    '--disable-docs',
    '--enable-plugins',
    '--enable-fdt=system',
    '--meson',
  ])
    expect(offer.has(option), option).toBe(true)
  expect(offer.has('--enable-vhost-user-blk-server')).toBe(true)
  expect(offer.has('--enable-build')).toBe(false)
  expect([...offer.targets]).toContain('x86_64-softmmu')
})

test('a build has what was wanted, and only what the tree offers', () => {
  const { words, diagnostics } = wordsFor({})
  expect(diagnostics).toEqual([])
  expect(words).toEqual(
    expect.arrayContaining([
      '--target-list=x86_64-softmmu',
      '--enable-rdma',
      '--enable-pvrdma',
      '--enable-libpmem',
      '--enable-libdaxctl',
      '--enable-plugins',
      '--enable-kvm',
      '--enable-fdt=system',
      '--disable-debug-info',
    ]),
  )
  expect(words).not.toContain('--enable-slirp')
  expect(words).not.toContain('--disable-download')
})

test('before 8.1 meson is named instead of Python, since configure takes only one of them', () => {
  const meson = { meson: '/usr/bin/meson' }
  expect(wordsFor({}, HELP_7_2, '7.2.22', meson).words.slice(0, 2)).toEqual([
    '--prefix=/data/7.2.22-source',
    '--meson=/usr/bin/meson',
  ])
  const newer = wordsFor({ features: [] }, HELP_10_0, '10.0.2', meson).words
  expect(newer).toContain('--python=/usr/bin/python3')
  expect(newer.some((word) => word.startsWith('--meson'))).toBe(false)
  expect(newer).toContain('--disable-download')
})

test('the multiplexer alone takes no emulator', () => {
  const { words } = wordsFor({ isToolsOnly: true, features: ['rdma'], architectures: [] })
  expect(words).toEqual(expect.arrayContaining(['--disable-system', '--enable-tools', '--enable-pvrdma']))
  expect(words.some((word) => word.startsWith('--target-list'))).toBe(false)
})

test('a debug build maps the names of its sources', () => {
  const { words } = wordsFor({ isDebug: true }, HELP_7_2, '7.2.22', { prefixMap: '/cache=/data/source' })
  expect(words).toContain('--enable-debug')
  expect(words).toContain('--extra-cflags=-ffile-prefix-map=/cache=/data/source')
  expect(words).not.toContain('--disable-debug-info')
})

test('what QEMU removed is refused by the version alone, with what to do instead', () => {
  const [problem, ...more] = versionProblems('9.1.0', WISH)
  expect(more).toEqual([])
  expect(problem?.code).toBe('QEMU_FEATURE_GONE')
  expect(problem?.what).toContain('--with rdma: QEMU 9.1.0')
  expect(problem?.remedy).toContain('8.2')
  expect(versionProblems('9.0.4', WISH)).toEqual([])
  const tools = versionProblems('10.0.2', { ...WISH, features: ['rdma'], isToolsOnly: true })
  expect(tools[0]?.what).toContain('--tools: QEMU 10.0.2 has no pvrdma and no rdmacm-mux')
  expect(wordsFor({}, HELP_10_0, '10.0.2').diagnostics.map((d) => d.code)).toEqual(['QEMU_FEATURE_GONE'])
})

test('all that is unknown is named at once, with the word that was meant', () => {
  const { diagnostics } = wordsFor({ features: ['plugin', 'nonsense'], architectures: ['x86-64', 'aarch64'] })
  expect(diagnostics.map((d) => d.code)).toEqual([
    'QEMU_BUILD_FEATURE_UNKNOWN',
    'QEMU_BUILD_FEATURE_UNKNOWN',
    'QEMU_TARGET_UNKNOWN',
  ])
  expect(diagnostics[0]?.remedy).toBe('did you mean --with plugins?')
  expect(diagnostics[2]?.remedy).toContain('x86_64')
})

test('any other feature that configure offers can be named', () => {
  expect(wordsFor({ features: ['vhost-user-blk-server'] }).words).toContain('--enable-vhost-user-blk-server')
})
