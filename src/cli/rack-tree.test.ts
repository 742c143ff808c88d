import { createColors } from 'picocolors'
import { expect, test } from 'vitest'
import { rackSchema } from '../rack/rack-schema.ts'
import { rackTree } from './rack-tree.ts'

test('a tree of guests and of what they share', () => {
  const rack = rackSchema.parse({
    guests: {
      server: { machine: 'big', nics: ['lan'], memory: ['window'], command: ['httpd', '-f'] },
      client: { profile: 'linux', count: 2, nics: [{ network: 'lan' }], after: { server: { port: 80 } } },
    },
    networks: { lan: {} },
    memory: { window: { size: '1M' } },
    services: { cache: { argv: ['redis-server', '--port', '6400'] } },
  })
  expect(rackTree('lab', rack, { machine: 'default', colors: createColors(false) })).toMatchInlineSnapshot(`
    "lab rack
    ├─ guest server machine big
    │  ├─ on network lan
    │  ├─ shares memory window
    │  └─ runs httpd -f
    ├─ guest client-1 machine default, profile linux
    │  ├─ on network lan
    │  └─ after server accepts connections on port 80
    ├─ guest client-2 machine default, profile linux
    │  ├─ on network lan
    │  └─ after server accepts connections on port 80
    ├─ network lan
    ├─ memory window 1M
    └─ service cache redis-server --port 6400"
  `)
})
