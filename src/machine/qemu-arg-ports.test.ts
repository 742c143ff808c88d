import { describe, expect, it } from 'vitest'
import type { Facts, PortFact } from './facts.ts'
import { checkArgPorts, portsOfArgs } from './qemu-arg-ports.ts'

const ports = (...words: readonly string[]) =>
  portsOfArgs(words).map(({ port: { protocol, address, port } }) => `${protocol}:${address}:${port}`)

describe('ports that arguments for QEMU listen on', () => {
  it.each([
    [['-s'], ['tcp:*:1234']],
    [['-gdb', 'tcp::9000'], ['tcp:*:9000']],
    [['-gdb', 'tcp:127.0.0.1:9000'], ['tcp:127.0.0.1:9000']],
    [['-gdb', 'unix:/tmp/x,server'], []],
    [
      ['-netdev', 'user,id=n,hostfwd=tcp::8080-:80,hostfwd=udp:127.0.0.1:53-10.0.2.15:53'],
      ['tcp::8080', 'udp:127.0.0.1:53'],
    ],
    [['-nic', 'user,hostfwd=::8080-:80'], ['tcp::8080']],
    [['-nic', 'user,hostfwd=tcp::0-:80'], []],
    [['-chardev', 'socket,id=c,host=127.0.0.1,port=4444,server=on,wait=off'], ['tcp:127.0.0.1:4444']],
    [['-chardev', 'socket,id=c,host=127.0.0.1,port=4444'], []],
    [['-qmp', 'tcp:127.0.0.1:4445,server=on,wait=off'], ['tcp:127.0.0.1:4445']],
    [['-qmp', 'tcp:127.0.0.1:4445'], []],
    [
      [
        '-netdev',
        '{"type":"user","id":"n","hostfwd":[{"str":"tcp::8080-:80"},{"str":"udp:127.0.0.1:53-:53"}]}',
      ],
      ['tcp::8080', 'udp:127.0.0.1:53'],
    ],
    [['-netdev', "{'type':'user','id':'n','hostfwd':[{'str':':127.0.0.1:81-:80'}]}"], ['tcp:127.0.0.1:81']],
    [['-netdev', 'socket,id=n,listen=:7000'], ['tcp:*:7000']],
    [['-netdev', 'socket,id=n,connect=127.0.0.1:7000'], []],
    [
      ['-netdev', 'stream,id=n,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=7001'],
      ['tcp:127.0.0.1:7001'],
    ],
    [
      [
        '-netdev',
        '{"type":"stream","id":"n","server":true,"addr":{"type":"inet","host":"::1","port":"7001"}}',
      ],
      ['tcp:::1:7001'],
    ],
    [['-netdev', 'stream,id=n,server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=7001'], []],
    [['-vnc', ':1'], ['tcp:*:5901']],
    [['-vnc', '127.0.0.1:2,password=on'], ['tcp:127.0.0.1:5902']],
    [['-vnc', 'unix:/tmp/vnc'], []],
    [['-vnc', 'host:5500,reverse=on'], []],
  ])('%j: %j', (words, expected) => {
    expect(ports(...words)).toEqual(expected)
  })

  it('are findings where something is in the way', () => {
    const fact: PortFact = {
      protocol: 'tcp',
      address: '*',
      port: 1234,
      state: 'taken',
      holder: { uid: 0, pid: 7, command: 'gdbserver' },
      suggestion: 1235,
    }
    const facts = { hostPorts: [fact] } as unknown as Facts
    expect(checkArgPorts(['-snapshot', '-s'], facts)).toMatchObject([
      {
        code: 'QEMU_ARG_PORT',
        path: 'qemuArgs[1]',
        what: '-s: tcp port 1234: process 7 (gdbserver) has it',
        remedy: 'use another port; 1235 is free',
      },
    ])
    expect(checkArgPorts(['-s'], { ...facts, hostPorts: [{ ...fact, state: 'free' }] })).toEqual([])
  })
})
