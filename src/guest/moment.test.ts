import { expect, test } from 'vitest'
import { momentOf } from './moment.ts'

/** Looks at a QEMU that has used so much, one after another; the last one stays. */
function looks(...list: readonly { readonly isBusy: boolean; readonly ticks: number }[]) {
  let count = 0
  const look = () => list[Math.min(count++, list.length - 1)] ?? { isBusy: false, ticks: 0 }
  return { look, count: () => count }
}
const busy = (ticks: number) => ({ isBusy: true, ticks })

test('is over once QEMU waits', async () => {
  const { look, count } = looks(busy(7), busy(8), { isBusy: false, ticks: 8 })
  await momentOf(1, look)
  expect(count()).toBe(3)
})

test('is over once QEMU has had its time, however long that took', async () => {
  const { look, count } = looks(busy(7), busy(7), busy(7), busy(9), busy(12))
  await momentOf(1, look)
  expect(count()).toBe(5)
})

test('is over for one that has gone', async () => {
  await momentOf(2 ** 30)
})
