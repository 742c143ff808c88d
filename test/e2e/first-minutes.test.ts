/**
 * The first minutes with five kernels, as the guide shows them: `vitest run --project e2e test/e2e/first-minutes.test.ts -u`
 * writes the page, and without `-u` what is printed has to be what the page says.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { screenLines } from '../../src/guest-text.ts'
import { TREES } from '../support/trees.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BIN = join(ROOT, 'dist/cli/bin.js')
const home = mkdtempSync(join(tmpdir(), 'bringup-first-minutes-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A kind of tree, its title on the page, and what the page says of it. */
const KERNELS = [
  [
    'multiboot with -kernel',
    'A multiboot kernel and a makefile',
    'The makefile’s rule `run` starts QEMU with `-kernel`; its memory and command line are taken from there.',
  ],
  [
    'ISO with GRUB, in variables',
    'An ISO that GRUB boots',
    'The makefile names the ISO by variables. The rule `run` decides; the rule `debug` is mentioned.',
  ],
  [
    'boot sector on a floppy',
    'A boot sector on a floppy',
    'The sector writes to the text screen and to COM1. No kernel is loaded: SeaBIOS boots the floppy.',
  ],
  [
    'CMake',
    'A CMake project',
    'The custom target `run` starts QEMU. What it depends on is built, and nothing else.',
  ],
  [
    'a UEFI application',
    'A UEFI application',
    'The makefile gives QEMU a folder as an EFI system partition. The application writes by UEFI’s own output.',
  ],
] as const

function write(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** What comes on both outputs, in its order. */
function printed(folder: string, words: readonly string[]): string {
  const log = join(home, 'log')
  const fd = openSync(log, 'w')
  const env = { ...process.env, NO_COLOR: '1', COLUMNS: '100' }
  const { status } = spawnSync(process.execPath, [BIN, ...words], {
    cwd: folder,
    stdio: ['ignore', fd, fd],
    env,
  })
  closeSync(fd)
  const text = readFileSync(log, 'utf8')
  expect(status, text).toBe(0)
  return plain(text, folder)
}

/** Without what differs from one computer to the next: paths, times, versions, the accelerator. */
function plain(text: string, folder: string): string {
  return (
    screenLines(text)
      .join('\n')
      .replaceAll(folder, '/home/me/os')
      .replaceAll(homedir(), '/home/me')
      .replaceAll(/ · QEMU [\d.]+ · .*/g, ' · QEMU 7.2.22 · TCG')
      .replaceAll(/ · [\d.]+ m?s · /g, ' · 2.1 s · ')
      .replaceAll(/runs\/[\w-]+/g, 'runs/2026-11-26T12-00-00-1a2b3c4d')
      .split('\n')
      // Versions of tools, and a greeting that stays for a moment.
      .filter((line) => !/^kernel │ (ld: |--|\[|make|$)|^screen │ Welcome to GRUB!/.test(line))
      .map((line) => line.trimEnd())
      .join('\n')
      .trim()
  )
}

const block = (language: string, text: string) => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`

test('the page says what is printed', async () => {
  const parts = KERNELS.map(([kind, title, about]) => {
    const tree = TREES[kind]
    if (!tree) throw new Error(`no tree ${kind}`)
    const folder = join(home, kind.replaceAll(/\W+/g, '-'))
    write(folder, tree.files)
    const names = readdirSync(folder).join('  ')
    const init = printed(folder, ['init'])
    const run = printed(folder, ['run', '--until', tree.says, '--timeout', '10m'])
    const config = readFileSync(join(folder, 'bringup.config.ts'), 'utf8')
    return [
      `## ${title}\n`,
      `${about}\n`,
      block('text', `$ ls\n${names}\n$ bringup init\n${init}\n$ bringup run --until '${tree.says}'\n${run}`),
      block('ts [bringup.config.ts]', plain(config, folder)),
    ].join('\n')
  })
  const page = [
    '# The first minutes with five kernels\n',
    'Five source trees as their authors might have written them, none of which knows bringup. `bringup init` reads each one and writes its config; `bringup run` builds and boots it, and prints its output. The output on this page is recorded: a test runs the same commands and compares.\n',
    ...parts,
    '[Building](./building) lists what `init` reads. [Display](../devices/display) explains how screens are read. [Coming from QEMU](./coming-from-qemu) turns a QEMU command line into a config.\n',
  ].join('\n')
  await expect(page).toMatchFileSnapshot(join(ROOT, 'docs/guide/first-minutes.md'))
})
