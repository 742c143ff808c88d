import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readDynamic } from './elf.ts'
import { configuredFolders, withLibraries } from './libraries.ts'

const folder = mkdtempSync(join(tmpdir(), 'libraries, of a program '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(['/bin/sh', '/usr/bin/apt-get'])('finds for %s what the dynamic loader finds', (path) => {
  const { files, missing } = withLibraries({ from: path, to: path }, { roots: ['/'] })
  const listed = execFileSync('ldd', [path], { encoding: 'utf8' })
  const wanted = [...listed.matchAll(/^\s*(\S+)/gm)]
    .map((m) => basename(m[1] ?? ''))
    .filter((name) => !name.startsWith('linux-vdso'))
  expect(missing).toEqual([])
  expect(
    files
      .slice(1)
      .map((f) => basename(f.to))
      .toSorted(),
  ).toEqual(wanted.toSorted())
})

test('follows RUNPATH with $ORIGIN, keeps its place, and names what is missing', () => {
  const source = join(folder, 'x.c')
  mkdirSync(join(folder, 'lib'))
  writeFileSync(source, 'int own(void) { return 1; }\n')
  execFileSync('cc', ['-shared', '-nostdlib', '-o', join(folder, 'lib/libown.so'), source])
  execFileSync('cc', ['-shared', '-nostdlib', '-o', join(folder, 'libgone.so'), source])
  writeFileSync(join(folder, 'main.c'), 'int own(void); void _start(void) { own(); }\n')
  const program = join(folder, 'program')
  const link = [
    '-Wl,--no-as-needed',
    '-Wl,--enable-new-dtags,-rpath,$ORIGIN/lib',
    `-L${join(folder, 'lib')}`,
    `-L${folder}`,
    '-lown',
    '-lgone',
  ]
  execFileSync('cc', ['-nostdlib', '-o', program, join(folder, 'main.c'), ...link])
  rmSync(join(folder, 'libgone.so'))
  const { files, missing } = withLibraries({ from: program, to: program }, { roots: ['/'] })
  expect(files.map((f) => f.to)).toContain(join(folder, 'lib/libown.so'))
  expect(missing).toEqual(['libgone.so'])
})

test('reads what ld.so.conf includes, in order', () => {
  const root = join(folder, 'root')
  mkdirSync(join(root, 'etc/ld.so.conf.d'), { recursive: true })
  writeFileSync(join(root, 'etc/ld.so.conf'), '# comment\n/first\ninclude /etc/ld.so.conf.d/*.conf\n/last\n')
  writeFileSync(join(root, 'etc/ld.so.conf.d/b.conf'), '/b # why\n')
  writeFileSync(join(root, 'etc/ld.so.conf.d/a.conf'), '/a\n')
  writeFileSync(join(root, 'etc/ld.so.conf.d/a.old'), '/no\n')
  expect(configuredFolders(root)).toEqual(['/first', '/a', '/b', '/last'])
})

test('a script is no ELF file', () => {
  expect(readDynamic(readFileSync(new URL(import.meta.url)))).toBeUndefined()
})

test('a program that ends threads has libgcc_s, which glibc opens by name', () => {
  const source = join(folder, 'thread.c')
  writeFileSync(
    source,
    '#include <pthread.h>\nstatic void *end(void *none) { pthread_exit(none); }\n' +
      'int main(void) { pthread_t t; return pthread_create(&t, 0, end, 0) || pthread_join(t, 0); }\n',
  )
  const program = join(folder, 'thread')
  execFileSync('cc', ['-pthread', '-o', program, source])
  const { files, missing } = withLibraries({ from: program, to: '/bin/thread' }, { roots: ['/'] })
  expect(missing).toEqual([])
  expect(files.map(({ to }) => basename(to))).toContain('libgcc_s.so.1')
  const { files: plain } = withLibraries({ from: '/bin/true', to: '/bin/true' }, { roots: ['/'] })
  expect(plain.map(({ to }) => basename(to))).not.toContain('libgcc_s.so.1')
})
