/**
 * Runs in the guest that stands for a computer: starts a guest on a computer with which something is wrong, or goes wrong
 * meanwhile, and prints what was found as a line of JSON each time.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { BringupError, launchRack } from 'bringup'
import { MULTIPLEXER, multiplexers } from './processes.mjs'

/** Codes of a run that does not start. */
async function refused() {
  try {
    const run = await launchRack('one')
    await run[Symbol.asyncDispose]()
    return ['started']
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return error.diagnostics.map(({ code }) => code)
  }
}

/** What a run found in which something happens once its guest runs, and whether the guest answered all the same. */
async function disturbed(disturb) {
  let notice
  const noticed = new Promise((resolve) => {
    notice = resolve
  })
  const run = await launchRack('one', {
    onEvent: (event) => {
      if (event.type === 'service ended' && !event.wasWanted) notice()
    },
  })
  try {
    await disturb()
    await noticed
    const { exitCode } = await run.guests.a.run(['true'], { timeoutMs: 1_200_000 })
    await run.close()
    const { diagnostics } = await run.done
    return { exitCode, codes: diagnostics.map(({ code }) => code) }
  } finally {
    await run[Symbol.asyncDispose]()
  }
}

/** A multiplexer that is not bringup's; it has the port once a further one is refused. */
async function withRival(action) {
  const words = (name) => ['-d', 'rxe0', '-p', '1', '-s', `/tmp/${name}`]
  const rival = spawn(MULTIPLEXER, words('rival'), { stdio: 'ignore' })
  const ended = once(rival, 'exit')
  try {
    while (spawnSync('timeout', ['20', MULTIPLEXER, ...words('third')]).status !== 245);
    return await action()
  } finally {
    rival.kill('SIGKILL')
    await ended
  }
}

/** What bringup says to another user of the computer, who starts a machine with the same port. */
function toSecondUser() {
  const { stdout, stderr } = spawnSync('bringup', ['run', '--rack', 'one', '--json'], {
    ...{ uid: 1001, gid: 1001, cwd: '/opt/second', encoding: 'utf8' },
    env: { PATH: process.env.PATH, HOME: '/opt/second' },
  })
  try {
    return JSON.parse(stdout).diagnostics.map(({ code }) => code)
  } catch (cause) {
    throw new Error(`${stdout}${stderr}`, { cause })
  }
}

/** Addresses of guests on the interface need root all the same. */
function withAccess(action) {
  execFileSync('chmod', ['666', '/dev/infiniband/umad0', '/dev/infiniband/uverbs0'])
  return action()
}

async function withoutModule(name, action) {
  execFileSync('rmmod', [name])
  try {
    return await action()
  } finally {
    execFileSync('modprobe', [name])
  }
}

const seen = {
  withoutUmad: await withoutModule('ib_umad', refused),
  rival: await withRival(refused),
  withoutAccess: toSecondUser(),
  withoutRoot: withAccess(toSecondUser),
  killed: await disturbed(() => execFileSync('kill', ['-KILL', ...multiplexers()])),
}
// The kernel waits for programs that have the device open: for QEMU.
let removal
seen.removed = await disturbed(() => {
  removal = once(spawn('rdma', ['link', 'delete', 'rxe0']), 'exit')
})
await removal
execFileSync('rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'bringup-rdma'])
seen.multiplexers = multiplexers().length
console.log(JSON.stringify(seen))
