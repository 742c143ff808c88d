import { expect, test } from 'vitest'
import type { Engine } from './engine.ts'
import { execCommand, keeperCommand, volumeCommands } from './run-args.ts'

const engine: Engine = {
  name: 'docker',
  version: '1',
  isRootless: false,
  hasSelinux: false,
  hasOwnNetwork: true,
}
const plan = {
  engine,
  image: 'bringup-x:1',
  profile: 'x',
  user: { name: 'ann', uid: 1000, gid: 100 },
  folder: '/home/ann/os',
}
const keeper = (more: Partial<Engine>) => keeperCommand({ ...plan, engine: { ...engine, ...more } })

test('the source tree lies at /source and where it is outside', () => {
  const words = keeper({})
  expect(words).toContain('--mount=type=bind,source=/home/ann/os,target=/source')
  expect(words).toContain('--mount=type=bind,source=/home/ann/os,target=/home/ann/os')
  expect(words.slice(-2)).toEqual(['bringup-x:1', 'cat'])
})

test('commas and quotes in a path are quoted as CSV wants it', () => {
  const words = keeperCommand({ ...plan, folder: '/a, "b"' })
  expect(words).toContain('--mount=type=bind,"source=/a, ""b""",target=/source')
})

test('who the caller is inside follows from the engine', () => {
  expect(keeper({})).toContain('--user=1000:100')
  expect(keeper({ isRootless: true })).toContain('--user=0:0')
  expect(keeper({ isRootless: true, name: 'podman' })).toContain('--userns=keep-id')
})

test('labels of SELinux and networks that are missing', () => {
  expect(keeper({ hasSelinux: true })).toContain('--security-opt=label=disable')
  expect(keeper({}).join(' ')).not.toContain('--network')
  expect(keeper({ hasOwnNetwork: false })).toContain('--network=host')
  expect(keeperCommand({ ...plan, network: 'none' })).toContain('--network=none')
})

test('volumes are labelled, so that they are found again', () => {
  expect(volumeCommands(plan)[0]).toEqual([
    'docker',
    'volume',
    'create',
    '--label=org.bringup.profile=x',
    'bringup-x-1000-cargo-registry',
  ])
})

test('a command beside the keeper', () => {
  const run = {
    argv: ['make', 'a b'],
    cwd: '/source',
    env: { A: 'x=y' },
    isInteractive: true,
    isTerminal: true,
  }
  expect(execCommand(plan, 'id', run)).toEqual([
    ...['docker', 'exec', '--interactive', '--tty', '--env=A=x=y', '--workdir=/source', 'id', 'make', 'a b'],
  ])
})
