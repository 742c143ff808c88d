/** A real kernel that warns, though the command that provoked it returns 0. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'
import { launch, type RunResult } from '../../src/index.ts'

const BRINGUP = join(import.meta.dirname, '../../dist/cli/bin.js')
const folder = mkdtempSync(join(tmpdir(), 'kernel reports '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(
  join(folder, 'bringup.config.ts'),
  `import { defineConfig, linuxProfile } from 'bringup'
   export default defineConfig({ profile: 'warns', profiles: [linuxProfile({ name: 'warns', modules: ['pktgen'] })] })`,
)

/**
 * proc_register() warns of an entry that is there already: pktgen makes one named after each network device, beside
 * `pgctrl` of its own (fs/proc/generic.c, net/core/pktgen.c). With `quiet` such a warning is not on the console.
 */
const WARN =
  'ip link set lo name pgctrl; ip link set pgctrl up; echo add_device pgctrl > /proc/net/pktgen/kpktgend_0; true'

const run = (...words: readonly string[]) =>
  execa('node', [BRINGUP, 'run', '--memory', '256M', '--timeout', '20m', ...words], {
    cwd: folder,
    reject: false,
    input: '',
  })

describe('a Linux guest whose command returns 0', () => {
  it('has failed when its kernel warned, and shows the whole report', async () => {
    const { exitCode, stderr } = await run('--', 'sh', '-c', WARN)
    expect(stderr).toContain('KERNEL_REPORTED')
    expect(stderr).toContain("proc_dir_entry 'pktgen/pgctrl' already registered")
    expect(stderr).toContain('RIP: 0010:proc_register')
    expect(stderr).toContain('---[ end trace')
    expect(exitCode).toBe(1)
  })

  it('has failed when the program that warned has emptied the log that dmesg shows', async () => {
    const { exitCode, stdout } = await run('--json', '--', 'sh', '-c', `${WARN}; dmesg -c > /dev/null`)
    const result = JSON.parse(stdout) as RunResult
    expect(result).toMatchObject({ verdict: 'failed', exitCode: 1 })
    expect(result.meaning).toMatch(/^the kernel reported: /)
    expect(exitCode).toBe(1)
  })

  it.each([['--allow-report', 'already registered$'], ['--no-kernel-reports']])(
    'has passed when the report is allowed by %s',
    async (...flags) => {
      const { exitCode, stderr } = await run(...flags, '--', 'sh', '-c', WARN)
      expect(stderr).not.toContain('KERNEL_REPORTED')
      expect(exitCode).toBe(0)
    },
  )

  it('has passed when a program only wrote such words', async () => {
    const words = 'WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 f+0x1/0x2'
    const { exitCode, stderr } = await run(
      '--',
      'sh',
      '-c',
      `echo '${words}' > /dev/kmsg; echo '${words}' > /dev/console`,
    )
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
  })
})

describe('a Linux guest that is closed by its owner', () => {
  it('has failed when its kernel warned', async () => {
    await using guest = await launch({ memory: '256M', timeout: '20m' }, { folder })
    await guest.run(['sh', '-c', WARN])
    const { verdict, meaning } = await guest.close()
    expect({ verdict, meaning }).toMatchObject({
      verdict: 'failed',
      meaning: expect.stringMatching(/^the kernel reported: /),
    })
  })
})

describe('a Linux guest that panics', () => {
  it('shows the head of the report: cause, place, call trace', async () => {
    await using guest = await launch({ memory: '256M', timeout: '20m' }, { folder })
    await guest.run(['sh', '-c', 'echo c > /proc/sysrq-trigger']).catch(() => {})
    const { verdict, diagnostics } = await guest.done
    expect(verdict).toBe('crashed')
    const evidence = diagnostics[0]?.evidence ?? []
    expect(
      evidence.findIndex((line) => line.includes('Kernel panic - not syncing: sysrq triggered crash')),
    ).toBeLessThan(12)
    expect(evidence.some((line) => line.includes('Call Trace:'))).toBe(true)
    expect(evidence.some((line) => line.includes('sysrq_handle_crash'))).toBe(true)
  })
})
