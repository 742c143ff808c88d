import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { groupActivity, processActivity } from './process-group.ts'

test('a program that computes is busy, one that waits is not', async () => {
  const script = 'process.stdin.once("data", () => { for (;;); }); console.log("waits")'
  const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: ['pipe', 'pipe', 'ignore'] })
  const group = child.pid ?? -1
  try {
    await once(child.stdout, 'data')
    while (groupActivity(group).isBusy);
    const { ticks } = groupActivity(group)
    // Each thread's time is rounded down, so this sum may be less.
    const { ticks: ofThreads } = processActivity(group)
    child.stdin.write('go\n')
    while (groupActivity(group).ticks <= ticks || processActivity(group).ticks <= ofThreads);
    expect(groupActivity(group).isBusy).toBe(true)
    expect(processActivity(group).isBusy).toBe(true)
  } finally {
    process.kill(-group, 'SIGKILL')
  }
  await once(child, 'exit')
  expect(processActivity(group)).toEqual({ isBusy: false, ticks: 0 })
  expect(groupActivity(group)).toEqual({ isBusy: false, ticks: 0 })
})
