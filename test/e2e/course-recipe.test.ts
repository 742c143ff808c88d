/** The recipes for a course and for CI: their files as they are written, and the commands of their CI files in a shell. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testJson } from '../../src/cli/shapes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-course-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const bin = join(home, 'bin')
const read = (page: string) => readFileSync(join(root, 'docs/recipes', page), 'utf8')
const filesIn = (page: string) =>
  new Map(
    [...read(page).matchAll(/^```\w+ \[(.+)\]\n([\s\S]*?)^```$/gm)].map(([, name = '', text = '']) => [
      name,
      text,
    ]),
  )

/** `run:` of GitHub and the list `script:` of GitLab. */
const commandsIn = (yaml: string) =>
  [...yaml.matchAll(/^ +- (?:run: )?((?:npm|npx) .+)$/gm)].map(([, command = '']) => command)

/** A kernel that multiplies two digits, or is asked to be wrong. */
const kernel = (hello: string) => `
.text
.globl _start
.long 0x1BADB002, 0, -(0x1BADB002)
_start:
  mov $hello, %esi
  mov $0xb8000, %edi
  mov $0x3f8, %dx
1: lodsb
  test %al, %al
  jz 2f
  out %al, %dx
  cmp $10, %al
  je 1b
  mov $0x1f, %ah
  stosw
  jmp 1b
2: call get
  sub $48, %al
  mov %al, %bl
3: call get
  cmp $32, %al
  je 3b
  sub $48, %al
  mul %bl
  mov %al, %bl
4: call get
  cmp $10, %al
  jne 4b
  mov %bl, %al
  xor %ah, %ah
  mov $10, %cl
  div %cl
  add $0x3030, %ax
  mov $0x3f8, %dx
  out %al, %dx
  mov %ah, %al
  out %al, %dx
  mov $10, %al
  out %al, %dx
5: hlt
  jmp 5b
get: mov $0x3fd, %dx
6: in %dx, %al
  test $1, %al
  jz 6b
  mov $0x3f8, %dx
  in %dx, %al
  cmp $13, %al
  jne 7f
  mov $10, %al
7: ret
hello: .asciz "${hello}\\n"
`
const MAKEFILE =
  'kernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\n'

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** Nothing of the network: `npm` does nothing, `npx` runs what the project has. */
beforeAll(() => {
  mkdirSync(bin)
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  program('npm', 'exit 0')
  program('bringup', `exec '${process.execPath}' '${join(root, 'dist/cli/bin.js')}' "$@"`)
  program(
    'npx',
    `case "$1" in vitest) shift; exec '${process.execPath}' node_modules/vitest/vitest.mjs "$@";; *) exec "$@";; esac`,
  )
})

const shell = (cwd: string, words: readonly string[]) =>
  spawnSync('sh', words, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', PATH: `${bin}${delimiter}${process.env.PATH}` },
  })

test('grades a right kernel, a wrong one, and one that does not build', () => {
  const files = filesIn('course.md')
  const folder = join(home, 'course')
  write(folder, {
    'staff/bringup.config.json': files.get('bringup.config.json') ?? '',
    'grade.sh': files.get('grade.sh') ?? '',
    'submissions/ann/Makefile': MAKEFILE,
    'submissions/ann/boot.S': kernel('lab 1: hello'),
    'submissions/bob/Makefile': MAKEFILE,
    'submissions/bob/boot.S': kernel('lab 1: help'),
    // A config of a student's own does not count.
    'submissions/bob/bringup.config.ts': 'throw new Error("not read")',
    'submissions/eve/Makefile': 'all:\n\tfalse\n',
  })
  const graded = shell(folder, ['grade.sh', 'staff/bringup.config.json', 'submissions', 'results'])
  expect(graded.status, graded.stderr).toBe(0)
  const csv = readFileSync(join(folder, 'results/points.csv'), 'utf8')
  expect(csv).toBe('name,points,of\nann,6,6\nbob,0,6\neve,0,0\n')
  const result = (name: string) => JSON.parse(readFileSync(join(folder, `results/${name}.json`), 'utf8'))
  const ann = testJson.parse(result('ann'))
  expect(ann.steps.map(({ result, points }) => [result, points])).toEqual([
    ['passed', 1],
    ['passed', 2],
    ['done', 0],
    ['passed', 3],
  ])
  expect(testJson.parse(result('bob')).steps[0]?.evidence?.join('\n')).toContain('lab 1: help')
  expect(result('eve').diagnostics[0]).toMatchObject({ code: 'BUILD_COMMAND_FAILED' })
})

test.each(['.github/workflows/lab.yml', '.gitlab-ci.yml'])('the commands of %s, in a shell', (name) => {
  const files = filesIn('course.md')
  const folder = join(home, name.replaceAll(/\W/g, ''))
  write(folder, {
    'bringup.config.json': files.get('bringup.config.json') ?? '',
    Makefile: MAKEFILE,
    'boot.S': kernel('lab 1: hello'),
  })
  const commands = commandsIn(files.get(name) ?? '')
  expect(commands).toEqual(['npm ci', 'npx bringup setup --yes', 'npx bringup test --junit results.xml'])
  const run = shell(folder, ['-ec', commands.join('\n')])
  expect(run.status, run.stderr).toBe(0)
  expect(readFileSync(join(folder, 'results.xml'), 'utf8')).toContain('tests="4" failures="0"')
})

test('the commands of both files of the recipe for CI, in the project that init writes', () => {
  const folder = join(home, 'ci')
  mkdirSync(folder)
  expect(shell(folder, ['-c', 'bringup init --yes']).status).toBe(0)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/bringup'))
  symlinkSync(join(root, 'node_modules/vitest'), join(folder, 'node_modules/vitest'))
  const [github = '', gitlab = ''] = read('ci.md').split('## GitLab CI')
  expect(commandsIn(github)).toEqual(commandsIn(gitlab))
  const run = shell(folder, ['-ec', commandsIn(gitlab).join('\n')])
  expect(run.status, run.stdout + run.stderr).toBe(0)
  expect(readFileSync(join(folder, 'junit.xml'), 'utf8')).toContain('failures="0"')
})
