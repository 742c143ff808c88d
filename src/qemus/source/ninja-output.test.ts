import { expect, test } from 'vitest'
import { failuresIn, progressIn } from './ninja-output.ts'

test('progress is read from the lines that ninja begins with it', () => {
  expect(progressIn('[12/1549] Compiling C object libqom.fa.p/qom_object.c.o')).toEqual({
    done: 12,
    total: 1549,
    what: 'Compiling C object libqom.fa.p/qom_object.c.o',
  })
  expect(progressIn('ninja: Entering directory `build`')).toBeUndefined()
  expect(progressIn('../util/a.c:[3/4] not progress')).toBeUndefined()
})

/** As ninja 1.11 prints it with two jobs, the second of which ends after the failure. */
const OUTPUT = `[1/9] Compiling C object a.c.o
[2/9] Compiling C object contrib/rdmacm-mux/rdmacm-mux.p/main.c.o
FAILED: contrib/rdmacm-mux/rdmacm-mux.p/main.c.o 
cc -Icontrib/rdmacm-mux -o main.c.o -c ../contrib/rdmacm-mux/main.c
../contrib/rdmacm-mux/main.c:16:10: fatal error: infiniband/umad.h: No such file or directory
   16 | #include <infiniband/umad.h>
      |          ^~~~~~~~~~~~~~~~~~~
compilation terminated.
[3/9] Compiling C object b.c.o
ninja: build stopped: subcommand failed.`

test('a failed command comes with its own lines, without those of other jobs', () => {
  expect(failuresIn(OUTPUT.split('\n'))).toEqual([
    {
      output: 'contrib/rdmacm-mux/rdmacm-mux.p/main.c.o',
      command: 'cc -Icontrib/rdmacm-mux -o main.c.o -c ../contrib/rdmacm-mux/main.c',
      lines: [
        '../contrib/rdmacm-mux/main.c:16:10: fatal error: infiniband/umad.h: No such file or directory',
        '   16 | #include <infiniband/umad.h>',
        '      |          ^~~~~~~~~~~~~~~~~~~',
        'compilation terminated.',
      ],
    },
  ])
})

test('ninja 1.12 and newer name the exit code; two commands can fail', () => {
  const lines = ['FAILED: [code=1] a.o', 'cc a.c', 'a.c: error', 'FAILED: [code=2] b.o', 'cc b.c']
  expect(failuresIn(lines)).toEqual([
    { output: 'a.o', command: 'cc a.c', lines: ['a.c: error'] },
    { output: 'b.o', command: 'cc b.c', lines: [] },
  ])
})
