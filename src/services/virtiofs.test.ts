import { expect, test } from 'vitest'
import type { ServiceEvent } from './start-service.ts'
import { serveFolder } from './virtiofs.ts'

/** As virtiofsd: takes one connection, and ends with status 0 when it is closed. */
const DAEMON = `
const server = require('node:net').createServer((socket) => {
  server.close()
  socket.on('close', () => process.exit(0)).resume()
})
server.listen(process.argv[1], () => console.error('Waiting for vhost-user socket connection...'))`
const argv = [process.execPath, '-e', DAEMON, '{folder}/socket'] as const

/** Events as they come, and the one that is waited for. */
function recorder() {
  const events: ServiceEvent[] = []
  const { promise, resolve } = later<ServiceEvent>()
  const onEvent = (event: ServiceEvent) => {
    events.push(event)
    if (event.type === 'service ended') resolve(event)
  }
  return { events, onEvent, ended: promise }
}

function later<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

test('a daemon ends with the connection, and that is not a death', async () => {
  const { onEvent, ended } = recorder()
  await using served = await serveFolder('folder', argv, { onEvent })
  served.connection.destroy()
  expect(await ended).toMatchObject({ wasWanted: true })
})

test('a daemon that is killed has died', async () => {
  const { events, onEvent } = recorder()
  await using served = await serveFolder('folder', argv, { onEvent })
  const started = events.find((event) => event.type === 'service started')
  process.kill(started?.pid ?? -1, 'SIGKILL')
  expect(await served.died).toMatchObject({ code: 'SERVICE_DIED' })
})
