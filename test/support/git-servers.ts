/** For tests: real git servers on loopback: git daemon, git's HTTP backend, sshd. Each ends when it is disposed of. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'

export interface TestServer extends AsyncDisposable {
  readonly port: number
}

/** A name that is looked up nowhere: the proxy and ssh's config lead to loopback. */
export const HOST = 'git.example.test'

/** `git daemon`: git:// without any rights. */
export async function serveGit(root: string): Promise<TestServer> {
  const port = await freePort()
  const args = [
    'daemon',
    '--listen=127.0.0.1',
    `--port=${port}`,
    `--base-path=${root}`,
    '--export-all',
    '--informative-errors',
    '--verbose',
  ]
  const child = spawn('git', args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  await saying(child, /Ready to rumble/)
  return { port, [Symbol.asyncDispose]: () => ended(child) }
}

export interface HttpOptions {
  /** Key and certificate in that folder, from `makeCertificate`. */
  readonly tls?: string
  /** `user:password` that is asked for. */
  readonly login?: string
}

/** git http-backend behind a server of Node's. */
export async function serveHttp(root: string, options: HttpOptions = {}): Promise<TestServer> {
  const answer: RequestListener = (request, response) => {
    const wanted =
      options.login === undefined ? undefined : `Basic ${Buffer.from(options.login).toString('base64')}`
    if (wanted !== undefined && request.headers.authorization !== wanted)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end()
    backend(root, request, response)
  }
  const server =
    options.tls === undefined
      ? createHttpServer(answer)
      : createHttpsServer(
          {
            key: readFileSync(join(options.tls, 'key.pem')),
            cert: readFileSync(join(options.tls, 'cert.pem')),
          },
          answer,
        )
  return listening(server)
}

/** The Common Gateway Interface, as far as git http-backend needs it (git-http-backend(1)). */
function backend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const header = (name: string) => String(request.headers[name] ?? '')
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
    },
  })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  let head: Buffer | undefined = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) return void response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    const lines = head.subarray(0, end).toString().split('\r\n')
    for (const line of lines) {
      const [name = '', value = ''] = line.split(': ')
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.write(head.subarray(end + 4))
    head = undefined
  })
  child.once('close', () => response.end())
  response.once('close', () => child.kill())
}

/** A certificate for `HOST` that signs itself, as `cert.pem` beside `key.pem`. */
export async function makeCertificate(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem']
  const subject = ['-subj', `/CN=${HOST}`, '-addext', `subjectAltName=DNS:${HOST}`]
  await execa('openssl', ['req', '-x509', ...key, '-out', 'cert.pem', '-days', '2', ...subject], {
    cwd: folder,
  })
}

/** Leads every CONNECT to one port, whatever name is asked for: what `https_proxy` points to. */
export async function serveProxy(port: number): Promise<TestServer> {
  const server = createHttpServer()
  const sockets = new Set<Socket>()
  server.on('connect', (_request, client: Socket) => {
    const upstream = connect(port, '127.0.0.1', () => client.write('HTTP/1.1 200 OK\r\n\r\n'))
    pair(client, upstream, sockets)
  })
  return listening(server, sockets)
}

/** Hands on what `port` says, and cuts the connection after so many bytes. */
export async function serveCutting(
  port: number,
  bytes: number,
): Promise<TestServer & { readonly cuts: () => number }> {
  const sockets = new Set<Socket>()
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    pair(client, upstream, sockets, false)
    let left = bytes
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left >= 0) return void client.write(chunk)
      cuts++
      client.destroy()
    })
  })
  return { ...(await listening(server, sockets)), cuts: () => cuts }
}

/**
 * Hands on what `port` says, and says nothing more after so many bytes of one connection, without closing it: what a
 * dead line looks like. Only once; later connections are handed on whole.
 */
export async function serveStalling(
  port: number,
  bytes: number,
): Promise<TestServer & { readonly stalled: Promise<void> }> {
  const sockets = new Set<Socket>()
  let stall = () => {}
  let hasStalled = false
  const stalled = new Promise<void>((resolve) => {
    stall = resolve
  })
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    pair(client, upstream, sockets, false)
    let left = hasStalled ? Number.POSITIVE_INFINITY : bytes
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left >= 0) return void client.write(chunk)
      hasStalled = true
      stall()
    })
  })
  return { ...(await listening(server, sockets)), stalled }
}

function pair(client: Socket, upstream: Socket, sockets: Set<Socket>, isPiped = true): void {
  for (const [socket, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    sockets.add(socket)
    socket.on('error', () => other.destroy())
    socket.on('close', () => other.destroy())
  }
  client.pipe(upstream)
  if (isPiped) upstream.pipe(client)
}

export interface SshServer extends TestServer {
  /** What git is to run: `ssh` with a config that knows the server by the name `HOST`. */
  readonly command: string
  /** `user@HOST:`, before a path. */
  readonly prefix: string
  /** The client's file of host keys. */
  readonly knownHosts: string
}

export interface SshOptions {
  /** Whether the client's key opens the server. */
  readonly isAuthorized: boolean
  /** Whether the client knows the server's host key. */
  readonly isKnown: boolean
}

/** A real sshd with keys and a config of its own; it runs `git upload-pack` below `root` and nothing else. */
export async function serveSsh(root: string, folder: string, options: SshOptions): Promise<SshServer> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // sshd wants its folder for privilege separation when root starts it; distributions make it at boot.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const file = (name: string) => join(folder, name)
  for (const name of ['host', 'client'])
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  const port = await freePort()
  writeFileSync(file('authorized'), options.isAuthorized ? readFileSync(file('client.pub')) : '', {
    mode: 0o600,
  })
  writeFileSync(file('sshd_config'), sshdConfig(root, folder, port))
  const hostKey = readFileSync(file('host.pub'), 'utf8')
  writeFileSync(file('known_hosts'), options.isKnown ? `[127.0.0.1]:${port} ${hostKey}` : '')
  writeFileSync(file('config'), clientConfig(folder, port))
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  await saying(sshd, /Server listening/)
  return {
    port,
    command: `ssh -F ${file('config')}`,
    prefix: `${userInfo().username}@${HOST}:`,
    knownHosts: file('known_hosts'),
    [Symbol.asyncDispose]: () => ended(sshd),
  }
}

function sshdConfig(root: string, folder: string, port: number): string {
  return [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PidFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'AcceptEnv GIT_PROTOCOL',
    // As hosting services do: git and nothing else, and paths that begin at their root.
    `ForceCommand cd '${root}' && exec git shell -c "$(printf %s "$SSH_ORIGINAL_COMMAND" | sed "s| '/| '|")"`,
    '',
  ].join('\n')
}

function clientConfig(folder: string, port: number): string {
  return [
    `Host ${HOST}`,
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    `  IdentityFile ${join(folder, 'client')}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${join(folder, 'known_hosts')}`,
    '  GlobalKnownHostsFile none',
    '',
  ].join('\n')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(server: Server, sockets: Set<Socket> = new Set()): Promise<TestServer> {
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Resolves when the program says that it is ready, and fails when it ends instead. */
async function saying(child: ChildProcess, ready: RegExp): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (ready.test(said)) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`it ended: ${said}`)))
  })
}

async function ended(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
  await exited
}
