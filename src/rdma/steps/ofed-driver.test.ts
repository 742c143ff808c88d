import { expect, test } from 'vitest'
import { fakeRoot } from '../../../test/support/fake-root.ts'
import { ofedDriver } from './ofed-driver.ts'

const params = { archive: '/ofed.tgz', sha256: 'a'.repeat(64) }
const folder = '/var/lib/bringup-ofed-aaaaaaaaaaaa'

test('what a failed installer leaves is removed', async () => {
  using left = fakeRoot({ [`${folder}/mlnxofedinstall`]: '' })
  expect(await ofedDriver.undo(params, null, left.host)).toMatchObject({
    state: 'change',
    commands: [{ argv: ['rm', '-rf', folder] }],
  })
  using clean = fakeRoot({})
  expect(await ofedDriver.undo(params, null, clean.host)).toMatchObject({ state: 'done' })
  using installed = fakeRoot({}, { ofed_info: 'MLNX_OFED_LINUX-5.8-3.0.7.0:\n' })
  expect(await ofedDriver.undo(params, null, installed.host)).toMatchObject({
    commands: [{ argv: ['/usr/sbin/ofed_uninstall.sh', '--force'] }],
  })
})
