/** Debian guests: boot by GRUB and without it, changes of the command line, reboots, files that stay. */
import { describe } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'

/** The first of these tests may have to make the image. */
const WITH_IMAGE = 400_000

test.override('options', { profile: 'debian' })

describe.for(['bios', 'uefi'] as const)('GRUB on %s', (firmware) => {
  test('takes a changed command line at the next boot', { timeout: WITH_IMAGE }, async ({ launch }) => {
    const guest = await launch({ boot: { firmware } })
    const efi = await guest.run(['test', '-d', '/sys/firmware/efi'])
    expect(efi.exitCode).toBe(firmware === 'uefi' ? 0 : 1)
    const file = '/etc/default/grub.d/test.cfg'
    const change = `echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX bringup.test=${firmware}"' > ${file}; update-grub`
    const changed = await guest.run(['sh', '-ec', change])
    expect(changed.stderr).toContain('Found linux image')
    await guest.reboot({ orderly: true })
    const { stdout } = await guest.run(['cat', '/proc/cmdline', file])
    expect(stdout.split('\n')[0]).toContain(`bringup.test=${firmware}`)
    expect(stdout).toContain('GRUB_CMDLINE_LINUX=')
  })
})
