import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one } from '../../../test/support/device-context.ts'
import type { Facts, PortFact } from '../facts.ts'
import { nic } from './nic.ts'
import { defaultMac } from './nic-cards.ts'
import { parseForward, parseUserNet } from './nic-forwards.ts'

const codes = (...descriptions: readonly Record<string, unknown>[]) =>
  machineWith(descriptions.map((d) => [nic, d])).flatMap((d) => d.codes())

test('a card on the user network, with a free port', () => {
  expect(flat(one(nic, { forwards: [{ guest: 22 }, 'udp:5353-:53'] }).compile().args)).toMatchInlineSnapshot(`
    [
      "-netdev",
      "user,id=nic0-net,hostname=tiny,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=udp:127.0.0.1:5353-:53",
      "-device",
      "virtio-net-pci,id=nic0,netdev=nic0-net,mac=52:54:00:8e:8a:52,romfile=",
    ]
  `)
  expect(
    flat(one(nic, { model: 'e1000', network: 'none', mac: '52:54:00:00:00:01' }).compile().args),
  ).toEqual(['-device', 'e1000,id=nic0,mac=52:54:00:00:00:01,romfile='])
})

test('each card beyond the first is on a network of its own; the guest is named after the machine', () => {
  const netdevs = (name: string, ...descriptions: readonly Record<string, unknown>[]) =>
    machineWith(
      descriptions.map((d) => [nic, d]),
      { machine: { name } },
    ).flatMap((d) => flat(d.compile().args).filter((word) => word.startsWith('user,')))
  expect(netdevs('m', {}, { network: 'none' }, { id: 'b' }, {})).toEqual([
    'user,id=nic0-net,hostname=m',
    'user,id=b-net,net=10.0.3.0/24,hostname=m',
    'user,id=nic3-net,net=10.0.4.0/24,hostname=m',
  ])
  expect(netdevs('my test,1_', {})).toEqual(['user,id=nic0-net,hostname=my-test-1'])
  expect(netdevs('÷', {})).toEqual(['user,id=nic0-net'])
})

test('addresses are stable, locally administered and no group', () => {
  expect(defaultMac('a', 'nic0')).toBe(defaultMac('a', 'nic0'))
  expect(
    new Set([
      defaultMac('a', 'nic0'),
      defaultMac('a', 'nic1'),
      defaultMac('b', 'nic0'),
      defaultMac('an', 'ic0'),
    ]).size,
  ).toBe(4)
  fc.assert(
    fc.property(fc.string(), fc.string(), (machine, id) => {
      const mac = defaultMac(machine, id)
      return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) && (Number.parseInt(mac.slice(0, 2), 16) & 3) === 2
    }),
  )
})

test('what can be wrong', () => {
  expect(codes({}, {}, { model: 'e1000' })).toEqual([])
  expect(codes({ mac: '52:54:00:zz:00:01' })).toEqual(['NIC_MAC_INVALID'])
  expect(codes({ mac: '53:54:00:00:00:01' })).toEqual(['NIC_MAC_NOT_UNICAST'])
  expect(codes({ mac: '00:00:00:00:00:00' })).toEqual(['NIC_MAC_NOT_UNICAST'])
  expect(codes({ mac: '52:54:00:aa:00:01' }, { mac: '52-54-00-AA-00-01' })).toEqual(['NIC_MAC_TWICE'])
  expect(codes({ forwards: ['70000-22'] })).toEqual(['NIC_PORT_RANGE'])
  expect(codes({ forwards: [{ guest: 0 }] })).toEqual(['NIC_PORT_RANGE'])
  expect(codes({ forwards: ['tcp:80-:1', 'tcp:80-:2'] })).toEqual(['NIC_PORT_TWICE'])
  expect(codes({ forwards: ['tcp:80-:1'] }, { forwards: 'udp:80-:2+tcp:80-:2' })).toEqual(['NIC_PORT_TWICE'])
  expect(codes({ forwards: [':1', ':2'] })).toEqual([])
  expect(codes({ network: 'none', forwards: [':1'] })).toEqual(['NIC_FORWARD_WITHOUT_NETWORK'])
})

test('a host port that is taken: its holder, and a free port', () => {
  const port = { protocol: 'tcp', address: '127.0.0.1', port: 443, suggestion: 8443 } as const
  const found = (fact: object) =>
    one(
      nic,
      { forwards: ['tcp:443-:22'] },
      { facts: { hostPorts: [{ ...port, ...fact } as PortFact] } },
    ).check()
  const remedy =
    'use port 8443, which is free (tcp:8443-:22), or omit the host port and bringup takes a free one (tcp:-:22)'
  expect(found({ state: 'taken', holder: { uid: 0, pid: 7, command: 'nginx' } })).toMatchObject([
    {
      code: 'NIC_PORT_TAKEN',
      path: 'devices[0].forwards[0].host',
      what: 'tcp port 443 is in use: process 7 (nginx) has it',
      remedy,
    },
  ])
  expect(found({ state: 'taken', holder: { uid: 33 } })).toMatchObject([
    { what: 'tcp port 443 is in use: a process of user 33 has it' },
  ])
  expect(found({ state: 'privileged', firstOpen: 1024 })).toMatchObject([
    {
      code: 'NIC_PORT_PRIVILEGED',
      what: 'tcp port 443: this user may listen on 1024 and above',
      remedy,
    },
  ])
  expect(found({ state: 'free' })).toEqual([])
})

test('forwards in short', () => {
  expect(parseForward('tcp:8080-:22')).toEqual({ protocol: 'tcp', host: 8080, guest: 22 })
  expect(parseForward('udp:-:53')).toEqual({ protocol: 'udp', guest: 53 })
  expect(parseForward(':22')).toEqual({ protocol: 'tcp', guest: 22 })
  expect(parseForward('8080-22')).toEqual({ protocol: 'tcp', host: 8080, guest: 22 })
  for (const text of ['', 'tcp:', '8080:22', 'icmp:1-:2', 'x', '1-2-3', '-', '123456'])
    expect(parseForward(text)).toBeUndefined()
  expect(() => one(nic, { forwards: 'nonsense' })).toThrow('is no forward')
})

test('reads which ports QEMU chose', () => {
  const answer = [
    'Hub -1 (nic0-net):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[ESTABLISHED]  11       127.0.0.1 43075       10.0.2.15    22     0     0',
    '  TCP[HOST_FORWARD]   9       127.0.0.1 43075       10.0.2.15    22     0     0',
    'Hub -1 (other):',
    '  UDP[HOST_FORWARD]   3       127.0.0.1 44097       10.0.2.15    53     0     0',
    '',
  ].join('\r\n')
  expect(parseUserNet(answer)).toEqual([
    { nic: 'nic0', protocol: 'tcp', hostPort: 43075, guestPort: 22 },
    { nic: 'other', protocol: 'udp', hostPort: 44097, guestPort: 53 },
  ])
  expect(parseUserNet('')).toEqual([])
})

test('options of the card: queues by a tap with several descriptors, offloads, option ROM', () => {
  const facts = { hostNetworks: ['lan'], networks: ['lan', 'back'] }
  const words = (config: Readonly<Record<string, unknown>>) =>
    flat(one(nic, { mac: '52:54:00:00:00:01', ...config }, { facts }).compile().args)
  expect(words({ network: 'lan' })).toEqual([
    '-netdev',
    'tap,id=nic0-net,fd={fd:nic0-net}',
    '-device',
    'virtio-net-pci,id=nic0,netdev=nic0-net,mac=52:54:00:00:00:01,romfile=',
  ])
  expect(words({ network: 'lan', queues: 3, rom: true })).toEqual([
    '-netdev',
    'tap,id=nic0-net,fds={fd:nic0-net}:{fd:nic0-net.1}:{fd:nic0-net.2}',
    '-device',
    'virtio-net-pci,id=nic0,netdev=nic0-net,mac=52:54:00:00:00:01,mq=on,vectors=8',
  ])
  expect(words({ network: 'back', rom: '/a.rom' })).toEqual([
    '-netdev',
    'stream,id=nic0-net,addr.type=fd,addr.str={fd:nic0-net}',
    '-device',
    'virtio-net-pci,id=nic0,netdev=nic0-net,mac=52:54:00:00:00:01,romfile=/a.rom',
  ])
  expect(words({ network: 'none', offloads: false })[1]).toContain(',csum=off,gso=off,guest_csum=off,')
  expect(words({ network: 'none', model: 'e1000e', offloads: false })[1]).toContain(',disable_vnet_hdr=1,')
  const found = (config: Readonly<Record<string, unknown>>) => one(nic, config, { facts }).codes()
  expect(found({ network: 'lan', queues: 4 })).toEqual([])
  expect(found({ network: 'back', queues: 4 })).toEqual(['NIC_QUEUES_WITHOUT_TAP'])
  expect(found({ queues: 2 })).toEqual(['NIC_QUEUES_WITHOUT_TAP'])
  const files = [fileFact('/a.rom'), fileFact('/b.rom', { kind: 'missing' })]
  const roms = ['/a.rom', '/b.rom'].map((rom) => one(nic, { rom }, { files }).codes())
  expect(roms).toEqual([[], ['NIC_ROM_UNREADABLE']])
  expect(found({ network: 'lan', model: 'e1000', queues: 2, offloads: false })).toEqual([
    'NIC_OPTION_UNSUPPORTED',
    'NIC_OPTION_UNSUPPORTED',
  ])
})

test('what the guest says of the card: MAC, link, queues', () => {
  const mac = '52:54:00:00:00:01'
  const seen = (config: Readonly<Record<string, unknown>>, card: object) =>
    one(nic, { mac, ...config }, { facts: { hostNetworks: ['lan'], networks: ['lan'] } })
      .mustSee()
      .map(({ aspect, want, see }) => [
        aspect,
        want,
        see({ nics: [{ name: 'eth0', mac, ...card }] } as never),
      ])
  expect(seen({ network: 'lan', queues: 2 }, { link: true, queues: 1 }).slice(1)).toEqual([
    ['MAC', mac, mac],
    ['link', 'up', 'up'],
    ['queues', '2', '1'],
  ])
  expect(seen({}, { mac: 'other' }).slice(1)).toEqual([
    ['MAC', mac, null],
    ['link', 'up', undefined],
  ])
  expect(seen({ network: 'none' }, { link: false }).map(([aspect]) => aspect)).toEqual([
    'PCI function',
    'MAC',
  ])
})

test('a network of a rack needs `-netdev stream`, which QEMU has since 7.2; the user network may be compiled out', () => {
  const with_ = (netdevs: readonly string[], network: string) => {
    const qemu = { path: '/opt/qemu', version: [5, 2, 0], netdevs, types: [], properties: {} }
    const facts = { networks: ['lan'], qemu } as unknown as Partial<Facts>
    return machineWith([[nic, { network }]], { facts })
      .flatMap((d) => d.check())
      .filter(({ code }) => code === 'NIC_BACKEND_MISSING')
      .map(({ what }) => what)
  }
  const old = ['none', 'user', 'tap', 'socket', 'bridge']
  for (const network of ['lan', 'passt'])
    expect(with_(old, network)).toEqual([
      `network "${network}" needs \`-netdev stream\`, which QEMU 5.2.0 at /opt/qemu lacks`,
    ])
  expect(with_(['tap', 'stream', 'dgram'], 'user')).toEqual([
    'network "user" needs `-netdev user`, which QEMU 5.2.0 at /opt/qemu lacks',
  ])
  for (const network of ['user', 'none']) expect(with_(old, network)).toEqual([])
  expect(with_([...old, 'stream'], 'lan')).toEqual([])
  // A QEMU that does not say what it has.
  expect(with_([], 'lan')).toEqual([])
})
