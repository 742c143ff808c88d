/** Commands on a terminal of a Linux guest, and ends by `poweroff`, `halt` and `reboot`. */
import { describe } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'

const profile = 'linux'
const slow = { timeoutMs: 1_000_000 }
const minutes = { timeout: 1_200_000 }
const unhurried = { timeout: '19m' }

describe('a terminal of a guest', () => {
  test('has a size, job control and an exit code', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile })
    const { console, ended, resize } = await guest.terminal(['sh'], {
      rows: 40,
      columns: 100,
      term: 'linux',
      env: { PS1: 'ready> ' },
      cwd: '/tmp',
    })
    await console.expect('ready> ', slow)
    console.write('tty; stty size; echo $TERM $PWD\r')
    await console.expect(/^\/dev\/pts\/0/, slow)
    await console.expect(/^40 100/, slow)
    await console.expect(/^linux \/tmp/, slow)
    await console.expect('ready> ', slow)
    resize({ rows: 33, columns: 99 })
    console.write('stty size\r')
    await console.expect(/^33 99/, slow)
    await console.expect('ready> ', slow)
    console.write('sh -c "echo started; sleep 1000"\r')
    await console.expect(/^started/, slow)
    console.write('\x03')
    await console.expect('ready> ', slow)
    console.write('echo code $?\r')
    await console.expect(/^code 130/, slow)
    await console.expect('ready> ', slow)
    resize({ rows: 20, columns: 60 })
    console.write('stty size\r')
    await console.expect(/^20 60/, slow)
    console.write('exit 7\r')
    expect(await ended).toBe(7)
  })

  test('delivers all that was written before the end', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile })
    const script = 'i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i + 1)); done; exit 3'
    const terminal = await guest.terminal(['sh', '-c', script])
    await terminal.console.expect('line 2999\r\n', slow)
    expect(await terminal.ended).toBe(3)
    const missing = await guest.terminal(['no-such-program'])
    expect(await missing.ended).toBe(127)
    await missing.console.expect('no-such-program: not found in the guest')
  })

  test('hangs up: the session ends, and its terminal is free again', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile })
    const terminal = await guest.terminal(['sh', '-c', 'echo begun; sleep 1000; sleep 2000'])
    await terminal.console.expect('begun', slow)
    terminal.hangUp()
    expect(await terminal.ended).toBe(129)
    expect((await guest.run(['sh', '-c', 'ps | grep -c "[s]leep"'])).stdout).toBe('0\n')
    const next = await guest.terminal(['tty'])
    await next.console.expect('/dev/pts/0', slow)
  })

  test('ends with the guest', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile })
    const terminal = await guest.terminal(['cat'])
    await guest.kill()
    await expect(terminal.ended).rejects.toMatchObject({ code: 'SHELL_ENDED' })
  })
})

describe('a guest that ends itself', () => {
  test.for(['poweroff', 'halt', 'poweroff -f', 'halt -f', 'reboot', 'reboot -f'])(
    'by %s',
    minutes,
    async (words, { launch }) => {
      const guest = await launch(unhurried, { profile })
      await guest.console.expect('guest:/# ', slow)
      guest.console.write(`${words}\n`)
      expect(await guest.done).toMatchObject({ verdict: 'passed' })
    },
  )

  test('by the command that it runs', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile })
    await expect(guest.run(['poweroff'])).rejects.toMatchObject({ code: 'SHELL_ENDED' })
    expect(await guest.done).toMatchObject({ verdict: 'passed', meaning: 'the guest powered off' })
  })

  test('restarts where it may', minutes, async ({ launch }) => {
    const guest = await launch(unhurried, { profile, allowReboot: true })
    await guest.console.expect('guest:/# ', slow)
    const reset = guest.qemu.qmp.next('RESET')
    guest.console.write('reboot\n')
    await reset
    await guest.console.expect(/Restarting system/, slow)
    await guest.console.expect('guest:/# ', slow)
    guest.console.write('echo again\n')
    await guest.console.expect(/^again/, slow)
  })
})
