/** Headless Chromium, driven by its own protocol over two pipes: what a reader of a page sees, and what it refuses. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { pathToFileURL } from 'node:url'

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome']

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly message: string }
}

export class Chromium implements AsyncDisposable {
  /** What the page has logged: errors of scripts, and what its policy has refused. */
  readonly log: string[] = []
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #waiting = new Map<number, (message: Message) => void>()
  readonly #events = new Map<string, () => void>()
  #last = 0
  #session = ''

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child
    this.#profile = profile
    let rest = ''
    const [, , , , answers] = child.stdio as unknown as readonly Readable[]
    answers?.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\0')
      rest = parts.pop() ?? ''
      for (const part of parts) this.#take(JSON.parse(part) as Message)
    })
  }

  static async start(): Promise<Chromium> {
    const path = (process.env.PATH ?? '').split(':')
    const program = PROGRAMS.flatMap((name) => path.map((folder) => join(folder, name))).find(existsSync)
    if (program === undefined) throw new Error('chromium is missing: apt-get install chromium')
    const profile = mkdtempSync(join(tmpdir(), 'bringup-chromium-'))
    const child = spawn(
      program,
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', '--hide-scrollbars'],
        `--user-data-dir=${profile}`,
      ],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    )
    const browser = new Chromium(child, profile)
    const { targetId } = await browser.send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true })
    browser.#session = String(sessionId)
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.send(`${domain}.enable`)
    return browser
  }

  async open(file: string, scheme: 'light' | 'dark' = 'light', hasScript = true): Promise<void> {
    await this.send('Emulation.setScriptExecutionDisabled', { value: !hasScript })
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    })
    const loaded = new Promise<void>((resolve) => this.#events.set('Page.loadEventFired', resolve))
    await this.send('Page.navigate', { url: pathToFileURL(file).href })
    await loaded
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return (result as { readonly value: T }).value
  }

  async press(key: string): Promise<void> {
    for (const type of ['rawKeyDown', 'keyUp'])
      await this.send('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: KEYS[key] })
    if (key === 'Enter') await this.send('Input.dispatchKeyEvent', { type: 'char', text: '\r', key })
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(String(data), 'base64')
  }

  send(
    method: string,
    params: Readonly<Record<string, unknown>> = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#last
    const session = this.#session === '' ? {} : { sessionId: this.#session }
    const [, , , requests] = this.#child.stdio as unknown as readonly Writable[]
    requests?.write(`${JSON.stringify({ id, method, params, ...session })}\0`)
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result ?? {}),
      )
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await exited
    // Processes below it write into its folder until they notice.
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20 })
  }

  #take({ id, method, params, ...answer }: Message): void {
    if (id !== undefined) this.#waiting.get(id)?.(answer)
    if (method === undefined) return
    this.#events.get(method)?.()
    if (method === 'Log.entryAdded') this.log.push(JSON.stringify(params?.entry))
    if (method === 'Runtime.exceptionThrown' || method === 'Runtime.consoleAPICalled')
      this.log.push(JSON.stringify(params))
    if (method === 'Network.requestWillBeSent') {
      const { url } = (params?.request ?? { url: '' }) as { readonly url: string }
      if (!/^(?:file|data|about):/.test(url)) this.log.push(`request ${url}`)
    }
  }
}

const KEYS: Readonly<Record<string, number>> = {
  Enter: 13,
  Escape: 27,
  ArrowRight: 39,
  ArrowDown: 40,
  Tab: 9,
}
