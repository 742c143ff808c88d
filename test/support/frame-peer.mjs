/**
 * A guest that is a small program: frames on descriptor 3. `node frame-peer.mjs OWN-MAC` sends every frame back to its
 * sender; `node frame-peer.mjs OWN-MAC PEER-MAC COUNT FILE` sends COUNT frames, the next one when one came back, and writes
 * FILE when all are back.
 */
import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'

const [own = '', peer, count, file] = process.argv.slice(2)
const bytesOf = (mac) => Buffer.from(mac.replaceAll(':', ''), 'hex')
const link = new Socket({ fd: 3 })
let rest = Buffer.alloc(0)
let sent = 0

link.on('data', (chunk) => {
  rest = Buffer.concat([rest, chunk])
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
    const length = rest.readUInt32BE(0)
    const frame = rest.subarray(4, 4 + length)
    rest = rest.subarray(4 + length)
    // Others' frames and what is for all is left alone.
    if (!frame.subarray(0, 6).equals(bytesOf(own))) continue
    if (peer === undefined) transmit(frame.subarray(6, 12), frame.subarray(14))
    else next()
  }
})
// Its switch has gone.
link.on('error', () => {})
link.on('close', () => process.exit(0))

function next() {
  if (sent === Number(count)) writeFileSync(file, `${sent} back`)
  else transmit(bytesOf(peer), Buffer.from(`${sent++}`.padEnd(46)))
}

function transmit(destination, payload) {
  const frame = Buffer.concat([destination, bytesOf(own), Buffer.from([0x88, 0xb5]), payload])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  link.write(Buffer.concat([length, frame]))
}

if (peer !== undefined) next()
