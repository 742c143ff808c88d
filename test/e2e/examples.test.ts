import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch } from 'bringup'
import { afterAll, expect, test } from 'vitest'
import { buildJson, initJson, runJson } from '../../src/cli/shapes.ts'

/** The worked examples, and trees that `init` recognises, built and booted by the command as it is installed. */
const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const examples = fileURLToPath(new URL('../../examples', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-examples-'))
afterAll(() => rmSync(home, { recursive: true }))

function bringup(cwd: string, ...argv: readonly string[]) {
  return spawnSync(process.execPath, [bin, ...argv], { cwd, encoding: 'utf8' })
}

const json = (cwd: string, ...argv: readonly string[]): unknown =>
  JSON.parse(bringup(cwd, ...argv, '--json').stdout)

function copyOf(example: string): string {
  const folder = join(home, example)
  const isBuilt = /\/(target|build|node_modules|\.bringup)$/
  cpSync(join(examples, example), folder, { recursive: true, filter: (path) => !isBuilt.test(path) })
  return folder
}

test('a Rust kernel without the standard library is built offline and answers; its panic fails the run', async () => {
  const folder = copyOf('rust-kernel')
  expect(buildJson.parse(json(folder, 'build'))).toMatchObject({ result: 'built', diagnostics: [] })
  const guest = await launch('default', { folder })
  await guest.console.expect('rust-kernel is up')
  guest.console.write('square 12\n')
  await guest.console.expect('> 144')
  guest.console.write('exit 0\n')
  expect(await guest.done).toMatchObject({ verdict: 'passed', guestCode: 0 })
  const second = await launch('default', { folder })
  await second.console.expect('> ')
  second.console.write('panic\n')
  await second.console.expect('panicked at src/main.rs')
  expect((await second.done).verdict).not.toBe('passed')
})

test('a profile that is packed, installed and imported by name builds, boots and judges', () => {
  const source = copyOf('profile-package')
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', home], {
    cwd: source,
    encoding: 'utf8',
  })
  const project = join(home, 'project of a user')
  cpSync(join(source, 'example'), project, { recursive: true })
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--no-save', join(home, packed.trim())]
  execFileSync('npm', install, { cwd: project, stdio: 'pipe' })
  // Help and completion run no config: they know what it said when another command ran it.
  expect(bringup(project, 'build', '--help').stdout).not.toContain('--greeting')
  bringup(project, 'machines')
  expect(bringup(project, 'build', '--help').stdout).toMatch(
    /Build options:\n\s+--greeting <text>\s+what the program says/,
  )
  expect(bringup(project, 'completion', 'words', '--', 'run', '--gree').stdout).toBe('--greeting\n')
  const run = (...argv: readonly string[]) => {
    const result = runJson.parse(json(project, 'run', ...argv))
    const guest = result.guests[0]?.result
    return { ...guest, console: readFileSync(join(guest?.folder ?? '', 'console.log'), 'utf8') }
  }
  expect(run()).toMatchObject({
    verdict: 'passed',
    meaning: 'the program said that all is well',
    console: expect.stringContaining('hello from the config'),
  })
  expect(run('--greeting', 'hi, you')).toMatchObject({
    verdict: 'passed',
    console: expect.stringContaining('hi, you'),
  })
  expect(run('--fails')).toMatchObject({ verdict: 'failed', exitCode: 1, guestCode: 17 })
  const states = (...argv: readonly string[]) => {
    const built = buildJson.parse(json(project, 'build', ...argv))
    return built.targets.map((t) => ('state' in t ? t.state : undefined))
  }
  expect(states('--greeting', 'x')).toEqual(['built', 'built'])
  expect(states('--greeting', 'x')).toEqual(['current', 'current'])
})

test('a build option that the profile does not have is named, with what was meant', () => {
  const project = join(home, 'project of a user')
  const config = join(project, 'bringup.config.ts')
  const good = readFileSync(config, 'utf8')
  writeFileSync(config, good.replace('greeting:', 'greting:'))
  const { status, stderr } = bringup(project, 'build')
  writeFileSync(config, good)
  expect(status).toBe(2)
  expect(stderr).toContain('BUILD_OPTION_UNKNOWN')
  expect(stderr).toContain('did you mean "greeting"?')
})

const MULTIBOOT = `
        .section .multiboot, "a"
        .long 0x1badb002, 0, -0x1badb002
        .text
        .globl _start
_start: movw $0x3f8, %dx
        movl $text, %esi
1:      lodsb
        testb %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      xorl %eax, %eax
        outb %al, $0xf4
3:      hlt
        jmp 3b
text:   .asciz "built by CMake\\n"
`
const CMAKE = `
cmake_minimum_required(VERSION 3.13)
project(os ASM)
add_executable(os.elf boot.S)
target_compile_options(os.elf PRIVATE -m32)
target_link_options(os.elf PRIVATE -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-T,\${CMAKE_SOURCE_DIR}/os.ld)
`
const LINKER =
  'ENTRY(_start) SECTIONS { . = 0x100000; .text : { *(.multiboot) *(.text) } /DISCARD/ : { *(.note*) } }\n'

test('init writes a config for a CMake kernel with which it is built and booted; it never overwrites one', () => {
  const folder = join(home, 'cmake kernel')
  mkdirSync(folder)
  writeFileSync(join(folder, 'boot.S'), MULTIBOOT)
  writeFileSync(join(folder, 'CMakeLists.txt'), CMAKE)
  writeFileSync(join(folder, 'os.ld'), LINKER)
  expect(bringup(folder, 'init', 'nowhere').stderr).toContain(
    `the folder ${join(folder, 'nowhere')} does not exist`,
  )
  expect(bringup(folder, 'init', 'os.ld').stderr).toContain(`${join(folder, 'os.ld')} is not a folder`)
  expect(initJson.parse(json(folder, 'init', '--dry-run'))).toMatchObject({ state: 'shown' })
  expect(initJson.parse(json(folder, 'init'))).toMatchObject({
    state: 'written',
    what: 'CMake project',
    remarks: [],
  })
  const config = join(folder, 'bringup.config.ts')
  const written = readFileSync(config, 'utf8')
  const again = bringup(folder, 'init')
  expect([again.status, again.stdout]).toEqual([0, `${config} exists and was not changed.\n`])
  expect(bringup(folder, 'build', '--dry-run').stdout).toBe(
    `# kernel: the kernel, by cmake and cmake\n(cd '${folder}' && cmake -S . -B build)\n(cd '${folder}' && cmake --build build)\n`,
  )
  const result = runJson.parse(json(folder, 'run'))
  expect(result.verdict).toBe('passed')
  const log = join(result.guests[0]?.result?.folder ?? '', 'console.log')
  expect(readFileSync(log, 'utf8')).toContain('built by CMake')
  writeFileSync(config, '// mine\n')
  expect(initJson.parse(json(folder, 'init', '--force'))).toMatchObject({ state: 'replaced' })
  expect(readFileSync(`${config}.old`, 'utf8')).toBe('// mine\n')
  expect(readFileSync(config, 'utf8')).toBe(written)
})

test('the study of boot times plans all of its cells; only a QEMU may be missing', () => {
  const { stdout } = bringup(copyOf('boot-time'), 'sweep', 'boot', '--dry-run', '--json')
  const { cells, repeat } = JSON.parse(stdout) as {
    readonly cells: readonly { readonly impossible: readonly { readonly code: string }[] }[]
    readonly repeat: number
  }
  expect([cells.length, repeat]).toEqual([20, 10])
  const codes = cells.flatMap(({ impossible }) => impossible.map(({ code }) => code))
  expect(codes.filter((code) => code !== 'QEMU_UNSUITABLE')).toEqual([])
})
