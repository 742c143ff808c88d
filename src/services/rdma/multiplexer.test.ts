/** With a program in the place of rdmacm-mux that says to syslog(3) what that says, and ends as that ends. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { multiplexerName, multiplexerService, startMultiplexer } from './multiplexer.ts'

const folder = mkdtempSync(join(tmpdir(), 'multiplexer '))
const runtime = mkdtempSync(join(tmpdir(), 'run-'))
const program = join(folder, 'rdmacm-mux')

const SOURCE = `
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    /* -d DEVICE -p PORT -s PATH */
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(at.sun_path, argv[6]);
    strcat(strcat(strcat(strcat(at.sun_path, "-"), argv[2]), "-"), argv[4]);
    bind(fd, (struct sockaddr *)&at, sizeof(at));
    listen(fd, 10);
    if (!strcmp(argv[2], "taken0")) {
        syslog(LOG_WARNING, "umad_register() failed");
        syslog(LOG_ERR, "Fail to initialize server (%d)\\n", -5);
        return -11;
    }
    if (!strcmp(argv[2], "none0")) {
        syslog(LOG_WARNING, "umad_open_port() failed");
        return -11;
    }
    syslog(LOG_INFO, "Service started");
    if (!strcmp(argv[2], "gone0"))
        for (accept(fd, 0, 0);;)
            syslog(LOG_CRIT, "Fatal error while trying to read MAD");
    for (;;)
        pause();
}
`

beforeAll(() => {
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
  writeFileSync(join(folder, 'mux.c'), SOURCE)
  execFileSync('cc', ['-O2', '-D_FORTIFY_SOURCE=2', '-w', join(folder, 'mux.c'), '-o', program])
})
afterAll(() => {
  vi.unstubAllEnvs()
  for (const one of [folder, runtime]) rmSync(one, { recursive: true })
})

let logs = 0
const context = () => ({ cacheFolder: join(folder, 'cache'), logPath: join(folder, `log${logs++}`) })
const port = (device: string) => ({ device, port: 1, interface: 'd0', program })

test('runs of one user share it, and it is gone with the last', async () => {
  const first = await startMultiplexer(port('rxe0'), undefined, context())
  const second = await startMultiplexer(port('rxe0'), undefined, context())
  const ends = [await first.attach(), await second.attach()]
  const running = () =>
    execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " || true'], {
      encoding: 'utf8',
    }).split(`${program} -d rxe0`).length - 1
  expect(running()).toBe(1)
  for (const end of ends) end.destroy()
  await first[Symbol.asyncDispose]()
  expect(running()).toBe(1)
  await second[Symbol.asyncDispose]()
  expect(running()).toBe(0)
})

test('what it says to syslog alone is in the log of the run', async () => {
  const options = context()
  await using _ = await startMultiplexer(port('rxe1'), undefined, options)
  expect(readFileSync(options.logPath, 'utf8')).toBe('Service started\n')
})

test('a start that fails is explained by its last words', async () => {
  await expect(startMultiplexer(port('taken0'), undefined, context())).rejects.toMatchObject({
    code: 'RDMA_MULTIPLEXER_REFUSED',
    diagnostics: [{ evidence: ['umad_register() failed', 'Fail to initialize server (-5)'] }],
  })
  await expect(startMultiplexer(port('none0'), undefined, context())).rejects.toMatchObject({
    code: 'RDMA_PORT_UNUSABLE',
  })
})

test('a socket of the user’s that no multiplexer listens on is a finding', async () => {
  const socket = join(folder, 'mux-rxe0-1')
  // Killed, so that it cannot remove its socket.
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script, socket])
  expect(existsSync(socket)).toBe(true)
  await using running = await startMultiplexer({ ...port('rxe0'), socket }, undefined, context())
  await expect(running.attach()).rejects.toMatchObject({
    code: 'PVRDMA_MULTIPLEXER_UNUSABLE',
    diagnostics: [{ what: `${socket}: no process listens on this socket` }],
  })
})

test('a device that goes away ends it, instead of a message without end', async () => {
  await using running = await startMultiplexer(port('gone0'), undefined, context())
  await running.attach()
  expect(await running.died).toMatchObject({ code: 'RDMA_DEVICE_GONE', what: 'gone0 was removed' })
})

test('its death is one of the run', async () => {
  const spec = await multiplexerService(port('rxe2'), context())
  expect(spec).toMatchObject({
    name: multiplexerName({ device: 'rxe2', port: 1 }),
    shared: 'rdmacm-mux rxe2 1',
  })
  let pid = -1
  await using running = await startMultiplexer(port('rxe2'), undefined, {
    ...context(),
    onEvent: (event) => {
      if (event.type === 'service started') pid = event.pid
    },
  })
  process.kill(pid, 'SIGKILL')
  expect(await running.died).toMatchObject({ code: 'RDMA_MULTIPLEXER_DIED' })
})
