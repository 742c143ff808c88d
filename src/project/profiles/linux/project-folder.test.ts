import { homedir } from 'node:os'
import { expect, test } from 'vitest'
import { projectFolder } from './project-folder.ts'

const path = '/src/project'
const shared = (more: Partial<Parameters<typeof projectFolder>[0]>) =>
  projectFolder({ projectFolder: path, machine: {}, sharesProject: 'if-possible', ...more })

test('the folder of the project is a device', () => {
  expect(shared({})).toEqual([{ kind: 'folder', id: 'project', path, access: 'overlay' }])
  expect(shared({ sharesProject: 'rw' })).toMatchObject([{ access: 'rw' }])
})

test('it is left out where it is not wanted, private, unmountable, there already, or has no slot', () => {
  expect(shared({ sharesProject: undefined })).toEqual([])
  expect(shared({ projectFolder: homedir() })).toEqual([])
  expect(shared({ projectFolder: '/usr' })).toEqual([])
  expect(shared({ machine: { devices: [{ kind: 'folder', path: '.' }] } })).toEqual([])
  const crowded = { devices: Array.from({ length: 28 }, () => ({ kind: 'nic' as const })) }
  expect(shared({ machine: crowded })).toEqual([])
  expect(shared({ machine: crowded, sharesProject: 'overlay' })).toHaveLength(1)
})
