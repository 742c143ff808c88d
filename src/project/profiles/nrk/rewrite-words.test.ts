import { expect, test } from 'vitest'
import { rewriteWords } from './rewrite-words.ts'

const rewrite = (text: string, command: 'build' | 'plan' | 'run' = 'run') =>
  rewriteWords(text.split(' '), { command, machines: ['default', 'numa'] }).join('|')

test.each([
  ['run --mods rkapps init --ufeatures rkapps:redis', 'run|--mods|rkapps init|--ufeatures|rkapps:redis'],
  ['run -m rkapps init -r', 'run|--mods|rkapps init|-r'],
  ['run -m numa', 'run|-m|numa'],
  ['run --mods', 'run|--mods'],
  ['run --machine qemu --cores 2', 'run|--cores|2'],
  ['run --machine numa', 'run|--machine|numa'],
  ['run --machine b1542', 'run|--machine|b1542'],
  ['run -b -d -v', 'run|--no-build|--qemu-debug-cpu|-v'],
  ['run -n', 'run|--norun'],
  ['run --kfeatures a b net --no-network-setup', 'run|--kfeatures|a b'],
  ['run net --workers 2 --no-network-setup', 'run|--workers|2'],
  ['run --cores 2', 'run|--cores|2'],
])('%s', (text, expected) => {
  expect(rewrite(text)).toBe(expected)
})

test('what the tool does by an option bringup does by a command', () => {
  expect(rewrite('build kernel -n -v', 'build')).toBe('build|kernel|-v')
  expect(rewrite('build -b', 'build')).toBe('build|--nobuild')
  expect(rewrite('plan -b -v', 'plan')).toBe('plan')
})
